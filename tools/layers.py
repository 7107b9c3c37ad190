"""A machine that writes into a layer on its disk, as after an external snapshot, is not to be started without it."""

from __future__ import annotations

from xml.etree import ElementTree

from components.virsh import LeftoversError, Virsh
from tools.stack_state import StackState


def refuse_layers(virsh: Virsh, state: StackState) -> None:
    """Raises LeftoversError with a line for each machine of the state whose disk is not what it writes into.

    `virsh snapshot-create-as --disk-only` makes such a layer. Pulumi knows the disk alone: a domain that it makes anew,
    for more memory or because the machine did not answer, would go on from before the snapshot.
    """
    lines = [
        f"{name} writes into {layer}, a layer on its disk, which make up would lose. Merge it into the disk first: "
        f"{virsh.command('blockcommit', name, target, '--active', '--pivot', '--wait')}"
        for name in virsh.domains()
        if ("domain", name) in state.names
        for target, layer in [_layer(virsh, name)]
        if layer
    ]
    if lines:
        raise LeftoversError("\n".join(lines))


def _layer(virsh: Virsh, name: str) -> tuple[str, str]:
    """The device and the file that a machine writes into instead of its disk; nothing where all is well."""
    root = ElementTree.fromstring(virsh("dumpxml", "--domain", name))  # noqa: S314 (libvirt's own words)
    disks = root.findall("./devices/disk[@device='disk']")
    files = {
        disk.find("target").get("dev", ""): disk.find("source").get("file", "")  # type: ignore[union-attr]
        for disk in disks
        if disk.find("source") is not None and disk.find("target") is not None
    }
    first = min(files, default="")
    own = f"{name}.qcow2"
    if not first or not files[first] or any(file.endswith(f"/{own}") for file in files.values()):
        return "", ""
    return first, files[first]
