"""One virtual machine: its host key, disk, cloud-init seed and domain, and how to reach it over SSH."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_libvirt as libvirt
from pulumi_command import remote

from components import cloud_init
from components.network import Network
from components.nodes import Node
from components.settings import Settings
from components.ssh_keys import SshKeys


@dataclass(frozen=True, kw_only=True)
class MachineArgs:
    """What a machine is made from."""

    settings: Settings
    node: Node
    network: Network
    keys: SshKeys
    """Pulumi's way in, and what the machine identifies itself with from its first boot on."""
    joined_by: Node
    """The control plane, which logs in to a worker to join it, with its own host key."""
    seeded_after: Sequence[Machine] = ()
    """Machines whose seeds are made before this one's."""


class Machine(pulumi.ComponentResource):
    """A virtual machine that can be logged in to."""

    node: Node
    seed: libvirt.CloudInitDisk
    domain: libvirt.Domain
    connection: pulumi.Output[remote.ConnectionArgs]
    host_public_key: pulumi.Output[str]

    def __init__(self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:Machine", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings, node = args.settings, args.node
        prefix = f"{settings.cluster_name}-{node.name}"

        host_key = args.keys.hosts[node.name]
        authorized_keys = [args.keys.login.public]
        if node.role == "worker":
            joins = f'restrict,from="{args.joined_by.address}" '
            authorized_keys.append(pulumi.Output.concat(joins, args.keys.hosts[args.joined_by.name].public))
        user_data = pulumi.Output.all(host_key.private, host_key.public, authorized_keys).apply(
            lambda keys: cloud_init.user_data(
                node=node, host_key=keys[0], host_public_key=keys[1], authorized_keys=keys[2]
            )
        )
        disk = libvirt.Volume(
            f"{name}-disk",
            name=f"{prefix}.qcow2",
            pool=args.network.pool_name,
            base_volume_id=args.network.base_volume_id,
            size=settings.disk_size * 1024**3,
            opts=child,
        )
        self.seed = libvirt.CloudInitDisk(
            f"{name}-seed",
            name=f"{prefix}-seed.iso",
            pool=args.network.pool_name,
            user_data=user_data,
            meta_data=cloud_init.meta_data(cluster_name=settings.cluster_name, node=node),
            network_config=cloud_init.network_config(node=node, network=settings.network_cidr),
            opts=pulumi.ResourceOptions(
                parent=self,
                # The provider reads a seed back. While libvirtd is busy it may send the seed before its answer, which
                # go-libvirt mixes up and hangs for ever (digitalocean/go-libvirt#241): one at a time.
                depends_on=[machine.seed for machine in args.seeded_after],
            ),
        )
        self.domain = libvirt.Domain(
            f"{name}-domain",
            name=prefix,
            type=settings.virtualization,
            vcpu=node.cpus,
            memory=node.memory,
            cpu=libvirt.DomainCpuArgs(mode="host-passthrough") if settings.virtualization == "kvm" else None,
            cloudinit=self.seed.id,
            disks=[libvirt.DomainDiskArgs(volume_id=disk.id)],
            network_interfaces=[libvirt.DomainNetworkInterfaceArgs(network_id=args.network.network_id, mac=node.mac)],
            consoles=[libvirt.DomainConsoleArgs(type="pty", target_type="serial", target_port="0")],
            graphics=libvirt.DomainGraphicsArgs(type="vnc", listen_type="address"),  # QEMU may be built without SPICE
            autostart=True,  # else nothing comes back after a restart of the host
            opts=pulumi.ResourceOptions(
                parent=self,
                # The provider shows these as updates but changes nothing in the machine (providers.md 1.2).
                replace_on_changes=["cloudinit", "networkInterfaces"],
            ),
        )

        self.node = node
        self.host_public_key = host_key.public
        self.connection = pulumi.Output.secret(
            pulumi.Output.all(key=args.keys.login.private, host_key=host_key.public).apply(
                lambda keys: remote.ConnectionArgs(
                    host=str(node.address),
                    user=cloud_init.LOGIN_USER,
                    private_key=keys["key"],
                    host_key=keys["host_key"],
                    # A booting machine refuses connections: try until the step's own time limit ends it.
                    dial_error_limit=-1,
                )
            )
        )
        self.register_outputs({"address": str(node.address), "domainId": self.domain.id})

    @property
    def summary(self) -> dict[str, pulumi.Input[str]]:
        """What a person wants to know of a machine; `ssh` wants the key of the output `ssh_private_key` in ssh_key."""
        return {
            "name": self.node.name,
            "role": self.node.role,
            "address": str(self.node.address),
            "ssh": f"ssh -i ssh_key {cloud_init.LOGIN_USER}@{self.node.address}",
            "host_key": self.host_public_key,
        }
