"""What the machines share in libvirt: a network, a storage pool and the base images in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_libvirt as libvirt

from components import handover
from components.base_image import BaseImage
from components.cluster_identity import ClusterIdentity
from components.leftover_hooks import remove_leftovers
from components.leftovers import mark
from components.settings import Settings
from components.ssh_keys import SshKeys


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What the network is made from."""

    settings: Settings
    identity: ClusterIdentity
    keys: SshKeys
    base_images: Mapping[str, BaseImage]
    """The verified operating system image of each node, by the node's name."""


class Network(pulumi.ComponentResource):
    """A NAT network with a name server, a directory for disks, and the base images that all disks grow from."""

    network_id: pulumi.Output[str]
    mark: pulumi.Output[str]
    """The description of this stack's domains, see leftovers.py."""
    leftovers: pulumi.ResourceHookBinding
    """What is done before anything is made in libvirt."""
    pool_name: pulumi.Output[str]
    base_volume_ids: dict[str, pulumi.Output[str]]
    """By the node's name."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:Network", name, None, opts)
        settings = args.settings
        self.mark = args.keys.login.public.apply(mark)
        self.leftovers = remove_leftovers(self.mark)
        # Everything in libvirt needs one of the two, so nothing is touched where the configuration is refused.
        # The mark too comes first: what is looked for before a creation is told from others' by it.
        accepted_name = pulumi.Output.all(args.identity.accepted, self.mark).apply(lambda _: settings.cluster_name)

        network = libvirt.Network(
            f"{name}-network",
            name=accepted_name,
            mode="nat",
            bridge=bridge_name(settings),
            addresses=[str(settings.network_cidr)],
            dhcp=libvirt.NetworkDhcpArgs(enabled=False),  # addresses are static, see cloud_init.network_config
            dns=libvirt.NetworkDnsArgs(enabled=True),
            autostart=True,  # else nothing comes back after a restart of the host
            opts=pulumi.ResourceOptions(parent=self, hooks=self.leftovers),
        )
        pool = libvirt.Pool(
            f"{name}-pool",
            name=accepted_name,
            type="dir",
            target=libvirt.PoolTargetArgs(path=str(settings.storage_directory)),
            opts=pulumi.ResourceOptions(parent=self, hooks=self.leftovers),
        )
        # One for all, and one for each image that a machine has of its own.
        volumes: dict[str, libvirt.Volume] = {}
        for image in sorted(args.base_images.values(), key=lambda image: image.source != settings.image):
            if image.short_hash not in volumes:
                resource = f"{name}-base" if image.source == settings.image else f"{name}-base-{image.short_hash}"
                volumes[image.short_hash] = self._base_volume(resource, image, pool.name)

        self.network_id = network.id
        self.pool_name = pool.name
        self.base_volume_ids = {node: volumes[image.short_hash].id for node, image in args.base_images.items()}
        self.register_outputs({"networkId": self.network_id, "poolName": self.pool_name})

    def _base_volume(self, name: str, image: BaseImage, pool: pulumi.Output[str]) -> libvirt.Volume:
        async def link(path: Path) -> None:
            path.symlink_to(image.path)

        return libvirt.Volume(
            name,
            # Named after what it was made from: another image is another volume, and disks are made anew on it.
            name=f"base-{image.short_hash}.qcow2",
            pool=pool,
            source=handover.place(f"{name}.qcow2"),
            format="qcow2",
            opts=pulumi.ResourceOptions(
                parent=self,
                # The image's own path says nothing about its content; a cache that moved would rebuild all machines.
                ignore_changes=["source"],
                hooks=pulumi.ResourceHookBinding.merge(self.leftovers, handover.hand_over(name, link)),
            ),
        )


def bridge_name(settings: Settings) -> str:
    """The bridge on the host; Linux allows 15 characters."""
    return f"br-{settings.cluster_name}"
