"""What is wrong with the directory of the disks: the program makes it and removes it, so it may be nobody else's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from components.fault_lines import fault
from components.machine_settings import machines
from components.rules import IMAGES_OF_LIBVIRT

LIBVIRTS_DIRECTORIES = (
    *("boot", "dnsmasq", "filesystems", "images", "libxl", "lockd", "lxc", "network", "qemu", "sanlock", "secrets"),
    "swtpm",
)
"""In /var/lib/libvirt; many of them are empty until somebody uses what they are for."""
SYSTEM_DIRECTORIES = {
    *("/", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/var"),  # noqa: S108 (as a name)
    *("/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/misc", "/var/lib/private"),
    *("/var/lib/libvirt", *(f"/var/lib/libvirt/{directory}" for directory in LIBVIRTS_DIRECTORIES)),
}
"""Directories that the system or libvirt has itself."""
SYSTEM_TREES = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/sbin", "/sys", "/usr")
"""Where nobody else's files belong, and where libvirt's AppArmor helper (virt-aa-helper) allows most no disks."""
FLEETING_TREES = ("/run", "/var/lock", "/var/run")
"""What is in memory alone. /tmp is on many hosts, not on all."""


def storage_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for a directory that destroy must not remove; or for each image in the one that is the default."""
    own = {name: machine.image for name, machine in machines(values.get("machines", {})).items()}
    images = {"image": values.get("image"), **{f"machines.{name}.image": image for name, image in own.items()}}
    if values.get("storagePath"):
        return _chosen_faults(PurePosixPath(values["storagePath"]), [image for image in images.values() if image])
    if "storagePath" not in values or "clusterName" not in values:
        return []
    directory = f"{IMAGES_OF_LIBVIRT}/{values['clusterName']}"
    rule = f"it is in {directory}, where the disks will be, and destroy would remove it"
    return [
        fault(key, image, rule, "move it elsewhere, for example to /var/lib/libvirt/boot")
        for key, image in images.items()
        if image and _is_in(image, directory)
    ]


def _chosen_faults(path: PurePosixPath, images: list[str]) -> list[str]:
    way_out = "choose a directory of its own, for example /srv/kubernetes"
    # Only the system has directories of its own directly in /var; fsck makes a lost+found at the top of any disk.
    if str(path) in SYSTEM_DIRECTORIES or str(path.parent) == "/var" or path.name == "lost+found":
        return [fault("storagePath", path, "it is a directory of the system, and destroy would remove it", way_out)]
    for tree in SYSTEM_TREES:
        if path.is_relative_to(tree):
            return [fault("storagePath", path, f"what is in {tree} is the system's own", way_out)]
    for tree in FLEETING_TREES:
        if path.is_relative_to(tree):
            return [fault("storagePath", path, f"what is in {tree} is lost when this host starts anew", way_out)]
    for image in images:
        if _is_in(image, path):
            return [fault("storagePath", path, f"image {image} is in it, and destroy would remove it", way_out)]
    return []


def _is_in(image: str, directory: PurePosixPath | str) -> bool:
    """Whether an image is below a directory, also where its path goes there by way of another (..)."""
    return PurePosixPath(os.path.normpath(image)).is_relative_to(directory)
