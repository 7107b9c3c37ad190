"""What Pulumi is called where somebody reads a message: `make` has a Pulumi of its own, which is not on PATH."""

from __future__ import annotations

import os

VARIABLE = "KUBEADM_LIBVIRT_PULUMI"
"""Set by tools/environment.sh for all that the tools start: the program under `make up` too."""


def config(words: str) -> str:
    """A `pulumi config` command as the user can run it. `words` are what stands behind config."""
    return f"{os.environ.get(VARIABLE) or 'pulumi'} config {words}"
