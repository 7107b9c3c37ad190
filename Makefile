# The commands of the README. STACK=dev (KVM and the internet) or STACK=lab (package registries alone); if unset, the one that
# has a cluster, or else the one that can be made here.
.PHONY: up preview destroy doctor test e2e faults

up: ## Make the cluster, or bring it to what the configuration says; REPLACE=worker-1, REBUILD=yes make it anew
	@tools/stack up $(STACK)

preview: ## Say what `make up` would do
	@tools/stack preview $(STACK)

destroy: ## Take everything down again
	@tools/stack destroy $(STACK)

doctor: ## Say what is wrong with this host, each thing with its fix
	@tools/stack doctor $(STACK)

test: ## Static checks, and all tests that need no virtual machine
	@tools/check

e2e: ## In the lab: up, every check of the end state, changes, destroy; ALL=yes for every scenario of a cluster's life
	@tools/end-to-end

faults: ## In the lab: one fault after another, and docs/reliability.md; ONLY=name,name for some of them
	@tools/faults $(ONLY)
