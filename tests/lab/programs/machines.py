"""A cluster's resources in libvirt, with machines that are never started.

With HANG=FILE the last machine's creation writes that file and does not end.
"""

import asyncio
import os
from pathlib import Path

import pulumi
import pulumi_libvirt as libvirt

from components.leftover_hooks import remove_leftovers
from components.leftovers import mark

config = pulumi.Config("kubeadm-libvirt")
name = config.require("clusterName")
own = mark(os.environ.get("LOGIN_KEY", "ssh-ed25519 first"))
hooked = pulumi.ResourceOptions(hooks=remove_leftovers(own))


async def hang(args: pulumi.ResourceHookArgs) -> None:
    """Leaves the creation unfinished until the engine is killed."""
    if "HANG" in os.environ and "worker" in args.name:
        Path(os.environ["HANG"]).touch()
        await asyncio.sleep(600)


hanging = pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_create=[hang]))
network = libvirt.Network(
    f"{name}-network",
    name=name,
    mode="nat",
    bridge=f"br-{name}",
    addresses=["10.99.17.0/24"],
    dhcp=libvirt.NetworkDhcpArgs(enabled=False),
    autostart=True,
    opts=hooked,
)
pool = libvirt.Pool(
    f"{name}-pool",
    name=name,
    type="dir",
    target=libvirt.PoolTargetArgs(path=f"/var/lib/libvirt/images/{name}"),
    opts=hooked,
)
base = libvirt.Volume(f"{name}-base", name="base-0123456789ab.qcow2", pool=pool.name, size=1 << 20, opts=hooked)
for node in ("control-plane-1", "worker-1"):
    disk = libvirt.Volume(
        f"{name}-{node}-disk",
        name=f"{name}-{node}.qcow2",
        pool=pool.name,
        base_volume_id=base.id,
        size=2 << 20,
        opts=hooked,
    )
    libvirt.Domain(
        f"{name}-{node}-domain",
        name=f"{name}-{node}",
        description=own,
        type="qemu",
        memory=32,
        running=False,
        disks=[libvirt.DomainDiskArgs(volume_id=disk.id)],
        network_interfaces=[libvirt.DomainNetworkInterfaceArgs(network_id=network.id)],
        graphics=libvirt.DomainGraphicsArgs(type="vnc", listen_type="address"),
        opts=pulumi.ResourceOptions.merge(hooked, hanging),
    )
