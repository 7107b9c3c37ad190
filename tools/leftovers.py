"""Sweeps libvirt around `pulumi destroy`: python -m tools.leftovers STACK_FILE STEP <STATE.json

The state comes from `pulumi stack export`, and may be empty; older exports may follow it. The steps: reach fails where
libvirt hangs. wake makes its networks and storage pools usable again, so that a refresh can tell what else is missing.
layers fails where a machine that is started anew would lose what it has written. before removes what has this cluster's
names and is not in the state. after removes whatever is still there. One line for each thing; exits non-zero if
something of ours was left.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from components.libvirt_uri import is_this_hosts
from components.settings import SettingsError
from components.virsh import LIMIT, LeftoversError, SilentError, Virsh
from tools.check_configuration import load_names
from tools.layers import refuse_layers
from tools.stack_file import read_stack_file
from tools.stack_state import StackState
from tools.sweep import Cluster, Sweep
from tools.wake import wake

STEPS = ("reach", "wake", "layers", "before", "after")
PATIENCE = 10
"""Seconds for a first answer of this host's libvirt, which takes a tenth of one, and more where it just starts."""
PATIENCE_ELSEWHERE = LIMIT
"""Of another host's, where a login may come before it."""


def clusters(configured: Cluster | None, state: StackState) -> list[Cluster]:
    """The cluster of the configuration, and that of the state where it has another name or place."""
    found = dict.fromkeys([configured] if configured else [])
    for pool in state.pools:
        found[Cluster(name=pool.name, directory=pool.directory)] = None
    return list(found)


def read(stack_file: Path, say: Callable[[str], None]) -> tuple[Cluster | None, str]:
    """The configuration's cluster and which libvirt it is for; none of a file that is refused, and a line about it.

    Nothing is looked for, let alone removed, by a name or in a directory that `up` would refuse. What else it refuses
    is no reason to leave a cluster behind.
    """
    cluster: Cluster | None = None
    uri: object = None
    try:
        file = read_stack_file(stack_file)
        uri = file.libvirt_uri  # which may be right in a file that is refused
        settings = load_names(file)
        cluster = Cluster(name=settings.cluster_name, directory=settings.storage_directory)
    except SettingsError as error:
        faults = " ".join(line.removeprefix("- ") for line in str(error).splitlines()[1:])
        say(f"Only the clusters of the state are looked for, because the configuration is refused: {faults}")
    known = uri if isinstance(uri, str) else os.environ.get("LIBVIRT_DEFAULT_URI")
    return cluster, known or "qemu:///system"


def refuse_hanging(virsh: Virsh) -> None:
    """Raises LeftoversError where libvirt does not answer; why it refuses to, each step says by itself and at once."""
    here = is_this_hosts(virsh.uri)
    patience = PATIENCE if here else PATIENCE_ELSEWHERE
    try:
        virsh("version", "--daemon", limit=patience)
    except SilentError as error:
        raise LeftoversError(
            f"libvirt does not answer at {virsh.uri} within {patience:g} s. "
            f"Restart it{'' if here else ' there'}: sudo systemctl restart libvirtd"
        ) from error
    except LeftoversError:
        return


def main(stack_file: Path, step: str, text: str) -> int:
    """Does a step and returns the exit code."""
    state = StackState.parse(text)
    needs_names = step in ("before", "after")
    configured, uri = read(stack_file, print if needs_names else lambda _: None)
    virsh = Virsh(uri)
    sweep = Sweep(virsh, state, print)
    try:
        if step == "reach":
            refuse_hanging(virsh)
        elif step == "wake":
            wake(virsh, state, print)
        elif step == "layers":
            refuse_layers(virsh, state)
        else:
            for cluster in clusters(configured, state):
                sweep.all(cluster, keep_state=step == "before")
    except LeftoversError as error:
        print(error)
        return 1
    return int(sweep.left)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in STEPS:
        sys.exit(f"usage: python -m tools.leftovers Pulumi.STACK.yaml {'|'.join(STEPS)} <STATE.json")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.stdin.read()))
