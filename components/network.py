"""What the machines share in libvirt: a network, a storage pool and the base image in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_libvirt as libvirt

from components.base_image import file_sha512
from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What the network is made from."""

    settings: Settings
    base_image: Path
    """The verified operating system image, a qcow2 file on the machine that runs Pulumi."""


class Network(pulumi.ComponentResource):
    """A NAT network with a name server, a directory for disks, and the base image that all disks grow from."""

    network_id: pulumi.Output[str]
    pool_name: pulumi.Output[str]
    base_volume_id: pulumi.Output[str]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:Network", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings

        network = libvirt.Network(
            f"{name}-network",
            name=settings.cluster_name,
            mode="nat",
            bridge=bridge_name(settings),
            addresses=[str(settings.network_cidr)],
            dhcp=libvirt.NetworkDhcpArgs(enabled=False),  # addresses are static, see cloud_init.network_config
            dns=libvirt.NetworkDnsArgs(enabled=True),
            autostart=True,  # else nothing comes back after a restart of the host
            opts=child,
        )
        pool = libvirt.Pool(
            f"{name}-pool",
            name=settings.cluster_name,
            type="dir",
            target=libvirt.PoolTargetArgs(path=str(settings.storage_directory)),
            opts=child,
        )
        base = libvirt.Volume(
            f"{name}-base",
            # Named after what it was made from: another image is another volume, and disks are made anew on it.
            name=f"base-{_short_hash(args.base_image, settings)}.qcow2",
            pool=pool.name,
            source=str(args.base_image),
            format="qcow2",
            opts=child,
        )

        self.network_id = network.id
        # Known once the image is there: nothing else may keep libvirtd busy while a seed is made, see machine.py.
        self.pool_name = base.pool.apply(lambda name: name or settings.cluster_name)
        self.base_volume_id = base.id
        self.register_outputs(
            {"networkId": self.network_id, "poolName": self.pool_name, "baseVolumeId": self.base_volume_id}
        )


def bridge_name(settings: Settings) -> str:
    """The bridge on the host; Linux allows 15 characters."""
    return f"br-{settings.cluster_name}"


def _short_hash(image: Path, settings: Settings) -> str:
    """Tells images apart by content, so that a file that was only copied or touched rebuilds nothing."""
    return (settings.image_sha512 or file_sha512(image))[:12]
