# The commands of the README. STACK=dev (KVM and the internet) or STACK=lab (package registries alone); chosen if unset.
.PHONY: up preview destroy test e2e faults

up: ## Make the cluster, or bring it to what the configuration says
	@tools/stack up $(STACK)

preview: ## Say what `make up` would do
	@tools/stack preview $(STACK)

destroy: ## Take everything down again
	@tools/stack destroy $(STACK)

test: ## Static checks, and all tests that need no virtual machine
	@tools/check

e2e: ## In the lab: up, every check of the end state, changes, destroy
	@tools/end-to-end

faults: ## In the lab: one fault after another, and docs/reliability.md; ONLY=name,name for some of them
	@tools/faults $(ONLY)
