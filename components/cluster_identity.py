"""What a cluster was made with and cannot change: remembered in the stack, and held against the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.base_image import BaseImage
from components.fault_lines import fault
from components.nodes import Node
from components.rules import IMAGES_OF_LIBVIRT
from components.settings import Settings, SettingsError

REASONS = {
    "clusterName": "everything in libvirt is named after it",
    "networkCidr": "the control plane's address is in its certificates and in etcd",
    "storagePath": "the disks are there",
    "podCidr": "kubeadm cannot change it",
    "serviceCidr": "kubeadm cannot change it",
    "kubernetesVersion": "upgrades in place are not built (README, non-goals)",
    "diskSize": "the control plane's disk would be made anew, and the cluster is on it",
    "image": "the control plane's disk would be made anew, and the cluster is on it",
}
"""Configuration keys, and why each is fixed while the cluster exists."""


@dataclass(frozen=True, kw_only=True)
class ClusterIdentityArgs:
    """What the cluster is wanted to be."""

    settings: Settings
    control_plane: Node
    images: Mapping[str, BaseImage]
    """By the node's name."""


class ClusterIdentity(pulumi.ComponentResource):
    """The first resource of all. To replace its `remembered` is to build the cluster anew."""

    remembered: pulumi.Stash
    """Its output stays what it was at first, whatever is put in later."""
    accepted: pulumi.Output[bool]
    """Comes true where the configuration is that of the cluster, and else fails the run before anything is touched."""

    def __init__(self, name: str, args: ClusterIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:ClusterIdentity", name, None, opts)
        wanted = _identity(args)
        self.remembered = pulumi.Stash(name, input=wanted, opts=pulumi.ResourceOptions(parent=self))
        self.accepted = self.remembered.output.apply(lambda existing: refuse_changes(existing, wanted))
        self.register_outputs({})


def _identity(args: ClusterIdentityArgs) -> dict[str, str]:
    settings = args.settings
    return {
        "clusterName": settings.cluster_name,
        "networkCidr": str(settings.network_cidr),
        "storagePath": _unless_default(settings.storage_path, settings.cluster_name),
        "podCidr": str(settings.pod_cidr),
        "serviceCidr": str(settings.service_cidr),
        "kubernetesVersion": settings.kubernetes_version,
        "diskSize": str(args.control_plane.disk_size),
        "image": f"{args.control_plane.image} ({args.images[args.control_plane.name].short_hash})",
    }


def _unless_default(storage_path: str, cluster_name: str) -> str:
    """Empty for the default directory, also where somebody has written it out."""
    return "" if storage_path == f"{IMAGES_OF_LIBVIRT}/{cluster_name}" else storage_path


def refuse_changes(existing: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """True where nothing differs that matters; an image that was only moved does not.

    Raises SettingsError with a line for each key that cannot be changed in a cluster that exists.
    """
    if "storagePath" in existing:
        storage_path = _unless_default(existing["storagePath"], existing.get("clusterName", ""))
        existing = {**existing, "storagePath": storage_path}
    faults = [
        fault(
            key,
            wanted[key],
            f"the cluster was made with {existing[key] or 'none'}, and {REASONS[key]}",
            "set it back, or take the cluster down under its old name first: make destroy"
            if key == "clusterName"
            else "set it back, or build the cluster anew, without what is in it: make up REBUILD=yes",
        )
        for key in wanted
        if key in existing and existing[key].split(" ")[-1] != wanted[key].split(" ")[-1]
    ]
    if faults:
        plain = "With plain Pulumi the way to build it anew is: pulumi destroy, then pulumi up"
        raise SettingsError(
            "\n".join(["This cannot change in a cluster that exists; nothing was touched.", *faults, plain])
        )
    return True
