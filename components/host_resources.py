"""Whether this host has room for the machines: their disks, their memory."""

from __future__ import annotations

import os
import pwd
import re
import shutil
from pathlib import Path

from components.base_image import image_path
from components.host_libvirt import Libvirt
from components.host_program import is_there, nearest
from components.host_report import Report
from components.host_storage import strangers_fault
from components.nodes import Node, all_nodes
from components.pulumi_command import config
from components.settings import Settings

MEMORY = Path("/proc/meminfo")
QEMU_CONFIG = Path("/etc/libvirt/qemu.conf")
QEMU_USERS = ("libvirt-qemu", "qemu")
"""Debian's and Fedora's."""
CHOOSE_PATH = config("set storagePath DIRECTORY")
MAKE_ROOM = f"Make room, or choose another: {CHOOSE_PATH}"
GIB = 1 << 30
GROWTH = 2 * GIB
"""What a machine's disk has grown to when the cluster is up: 1.2 GiB a worker, 1.7 the control plane (measured)."""
LOW = GIB
"""What disks that are there already should have left to grow into."""
UNKNOWN_IMAGE = GIB // 2
"""What an image is taken for that is still to be downloaded; Debian's has 0.3 GiB."""


def storage(settings: Settings) -> Report:
    """Whether the disks can be made, and have room to grow. What is made already needs no more."""
    directory = settings.storage_directory
    there = nearest(directory)
    if not there.is_dir():
        line = f"storagePath = '{directory}': {there} is not a directory. Choose another: {CHOOSE_PATH}"
        return Report("storage", [line])
    if strangers := strangers_fault(settings, CHOOSE_PATH):
        return Report("storage", [strangers])
    missing = [node for node in all_nodes(settings) if not is_there(directory / f"{_domain(settings, node)}.qcow2")]
    images = {(node.image, node.image_sha512) for node in missing}
    free = shutil.disk_usage(there).free
    needed = len(missing) * GROWTH + sum(_image_size(*image) for image in images)
    full = sum(node.disk_size for node in missing) * GIB
    subject = f"storage: {_gib(free)} free in {there}, {_gib(needed)} needed"
    if free < needed:
        line = f"{there} has {_gib(free)} free and the disks need {_gib(needed)}. {MAKE_ROOM}"
        return Report(subject, [line])
    if free < min(2 * needed, full):
        line = (
            f"{there} has {_gib(free)} free: enough for the cluster, and little for what you run in it, for the disks "
            f"may grow to {_gib(full)}. {MAKE_ROOM}"
        )
        return Report(subject, warnings=[line])
    if free < LOW:
        line = f"{there} has {_gib(free)} free, and QEMU pauses a machine that cannot write its disk. Make room there"
        return Report(subject, warnings=[line])
    return Report(subject)


def passage(settings: Settings) -> Report:
    """Whether QEMU, which runs as a user of its own, can get to the disks; home directories are often closed."""
    user = _qemu_user()
    subject = f"way to the disks: open for {user.pw_name if user else 'QEMU'}"
    if not user or user.pw_uid == 0:
        return Report(subject)
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    there = nearest(settings.storage_directory)
    closed = [place for place in (*reversed(there.parents), there) if not _open(place, user.pw_uid, groups)]
    return Report(
        subject,
        warnings=[
            f"QEMU runs as {user.pw_name}, who may not pass through {place}, so no machine may start. Let it: "
            f"sudo setfacl --modify user:{user.pw_name}:x {place}"
            for place in closed
        ],
    )


def _open(place: Path, uid: int, groups: list[int]) -> bool:
    status = place.stat()
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
    return bool(status.st_mode >> shift & 1) or _has_own_rules(place)


def _has_own_rules(place: Path) -> bool:
    """Whether somebody has set up who may pass, beyond what the mode says."""
    try:
        return "system.posix_acl_access" in os.listxattr(place)
    except OSError:  # not every file system has such rules
        return False


def _qemu_user() -> pwd.struct_passwd | None:
    try:
        set_by_hand = re.findall(r'(?m)^\s*user\s*=\s*"\+?([^"]+)"', QEMU_CONFIG.read_text(errors="replace"))
    except OSError:  # only root may read it
        set_by_hand = []
    for name in (*set_by_hand[-1:], *QEMU_USERS):
        try:
            return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def memory(settings: Settings, libvirt: Libvirt) -> Report:
    """Whether there is memory for the machines that do not run yet."""
    found = re.search(r"MemAvailable:\s+([0-9]+) kB", MEMORY.read_text())
    stopped = [node for node in all_nodes(settings) if _domain(settings, node) not in libvirt.running]
    wanted, available = sum(node.memory for node in stopped), int(found[1]) // 1024 if found else 0
    subject = f"memory: {available} MiB available, {wanted} MiB needed"
    if wanted <= available:
        return Report(subject)
    line = (
        f"this host has {available} MiB of memory available and the machines need {wanted} MiB. "
        f"Free {wanted - available} MiB, or make them smaller: {config('set workerMemory 1024')}"
    )
    return Report(subject, [line])


def _domain(settings: Settings, node: Node) -> str:
    return f"{settings.cluster_name}-{node.name}"


def _image_size(source: str, sha512: str) -> int:
    """Bytes that the base volume will take."""
    file = image_path(source, sha512)
    return file.stat().st_size if is_there(file) else UNKNOWN_IMAGE


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
