"""Small executables that take the place of the official Pulumi plugins on a registry-only machine.

`command` and `kubernetes` are written here, in Python; `libvirt` is a thin main around the provider it has always been.
tests/lab holds them to the official ones: OFFICIAL_PLUGINS=DIRECTORY pytest tests/lab compares the states both leave.

What is different, on purpose, besides what is refused with a message:

command
- A host key that is not the expected one ends the operation at once, with both fingerprints; the official one dials on.
- Ctrl-C ends local commands with their children, and remote ones too (sshd does that for users other than root); the
  official one lets remote commands run on.
- The error of a failed command has the first 16 and the last 64 KiB of its output, not all of it; more than 128 MiB of
  output are refused.
- Lines over 64 KiB are no problem, a command may leave megabytes of its stdin unread, and connections are closed.

kubernetes
- An API server that does not answer is tried again until the timeout; the official one looks once, when it starts.
- A diff compares inputs with inputs, so what others changed is seen by nobody; the official one compares with the live
  object that a refresh has brought into the state.
- A preview asks nothing of the API server: no validation, no dry run, and what the server would fill in is missing.
- Deployments, DaemonSets and Services are waited for, by polling; for other kinds that the official one waits for there
  is a warning. A Service is judged by its EndpointSlices instead of the deprecated Endpoints.
- A deletion carries the object's uid, and spares another object that has the name now.
"""
