"""One virtual machine: its host key, disk, cloud-init seed and domain, and how to reach it over SSH."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_libvirt as libvirt
from pulumi_command import remote

from components import cloud_init
from components.cluster_identity import ClusterIdentity
from components.network import Network
from components.nodes import Node
from components.remote import BOOT_SECONDS, DIAL_PAUSE
from components.seed import Seed, private, seed_volume
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
    identity: ClusterIdentity
    """Where it is replaced, the cluster is built anew, and with it every machine."""


class Machine(pulumi.ComponentResource):
    """A virtual machine that can be logged in to."""

    node: Node
    made: pulumi.Stash
    """Has another id when the disk is a new one: what the machine had become is lost.

    It is in nothing but the state, so that no refresh finds it gone.
    """
    domain: libvirt.Domain
    connection: pulumi.Output[remote.ConnectionArgs]
    host_public_key: pulumi.Output[str]

    def __init__(self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:Machine", name, None, opts)
        settings, node = args.settings, args.node
        prefix = f"{settings.cluster_name}-{node.name}"

        host_key = args.keys.hosts[node.name]
        authorized_keys = [args.keys.login.public]
        if node.role == "worker":
            joins = f'restrict,from="{args.joined_by.address}" '
            authorized_keys.append(pulumi.Output.concat(joins, args.keys.hosts[args.joined_by.name].public))
        seed = pulumi.Output.all(host_key.private, host_key.public, authorized_keys).apply(
            lambda keys: Seed(
                user_data=cloud_init.user_data(
                    node=node, host_key=keys[0], host_public_key=keys[1], authorized_keys=keys[2]
                ),
                meta_data=cloud_init.meta_data(cluster_name=settings.cluster_name, node=node),
                network_config=cloud_init.network_config(node=node, network=settings.network_cidr),
            )
        )
        disk = libvirt.Volume(
            f"{name}-disk",
            name=f"{prefix}.qcow2",
            pool=args.network.pool_name,
            base_volume_id=args.network.base_volume_ids[node.name],
            size=node.disk_size * 1024**3,
            xml=private("qcow2"),
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=args.network.leftovers,
                # A disk outlives its domain, so that more memory costs no cluster; a new cluster wants new disks.
                replace_with=[args.identity.remembered],
                # The new one has the old one's name: made first, it would be the old one.
                delete_before_replace=True,
                # Who enlarges the control plane's disk by hand would have it, and the cluster on it, thrown away by the
                # next run. Another size in the configuration is refused while the cluster exists.
                ignore_changes=["size"] if node.role == "control-plane" else None,
            ),
        )
        self.made = pulumi.Stash(
            f"{name}-made",
            input=disk.name,
            # Its id is drawn when it is made. The disk's own is a path, which a new disk has again.
            opts=pulumi.ResourceOptions(parent=self, replace_with=[disk]),
        )
        seed_disk = seed_volume(
            f"{name}-seed",
            prefix=prefix,
            pool=args.network.pool_name,
            seed=seed,
            hooks=args.network.leftovers,
            parent=self,
        )
        self.domain = libvirt.Domain(
            f"{name}-domain",
            name=prefix,
            description=args.network.mark,
            type=settings.virtualization,
            vcpu=node.cpus,
            memory=node.memory,
            cpu=libvirt.DomainCpuArgs(mode="host-passthrough") if settings.virtualization == "kvm" else None,
            disks=[libvirt.DomainDiskArgs(volume_id=disk.id), libvirt.DomainDiskArgs(file=seed_disk.id)],
            network_interfaces=[libvirt.DomainNetworkInterfaceArgs(network_id=args.network.network_id, mac=node.mac)],
            consoles=[libvirt.DomainConsoleArgs(type="pty", target_type="serial", target_port="0")],
            graphics=libvirt.DomainGraphicsArgs(type="vnc", listen_type="address"),  # QEMU may be built without SPICE
            autostart=True,  # else nothing comes back after a restart of the host
            opts=pulumi.ResourceOptions(
                parent=self,
                hooks=args.network.leftovers,
                # The provider shows this as an update but changes nothing in the machine (providers.md 1.2).
                replace_on_changes=["networkInterfaces"],
                # libvirt knows one domain of a name. It is replaced with its disk, because that is deleted first too;
                # not by replace_with, for which the engine would delete it before the worker's join, undrained.
                delete_before_replace=True,
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
                    # A booting machine refuses connections for a while, and a stranger at its address for ever.
                    dial_error_limit=BOOT_SECONDS * settings.timeout_factor // DIAL_PAUSE,
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
