"""Pure: settings -> user-data, meta-data and network-config, as cloud-init's NoCloud data source reads them."""

from __future__ import annotations

from ipaddress import IPv4Network

import yaml

from components.nodes import Node

LOGIN_USER = "debian"
"""The login user of Debian's cloud images, and of every machine here."""


def user_data(*, node: Node, host_key: str, host_public_key: str, authorized_keys: list[str]) -> str:
    """Who may log in and as what the machine identifies itself; software is installed later, over SSH.

    Holds the machine's private host key, so the result is a secret.
    """
    document = {
        "hostname": node.name,
        "manage_etc_hosts": True,  # without it kubeadm warns that the host name cannot be resolved
        "ssh_pwauth": False,
        "disable_root": True,
        "users": [
            {
                "name": LOGIN_USER,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": authorized_keys,
            }
        ],
        # The image's own host keys go, ours comes: it is pinned on every connection, so nobody trusts a first use.
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_key, "ed25519_public": host_public_key},
        # apt's own timers take the lock at first boot, just when the machine is prepared.
        "bootcmd": [
            ["systemctl", "mask", "--now", "apt-daily.timer", "apt-daily-upgrade.timer"],
            ["systemctl", "mask", "apt-daily.service", "apt-daily-upgrade.service"],
        ],
    }
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False, width=4096)


def meta_data(*, cluster_name: str, node: Node) -> str:
    """The instance id. What the seed says cannot change while a disk is kept (cluster_identity.py), nor need this."""
    return yaml.safe_dump({"instance-id": f"{cluster_name}-{node.name}", "local-hostname": node.name})


def network_config(*, node: Node, network: IPv4Network) -> str:
    """A static address (version 2, matched by MAC because interface names differ between images)."""
    gateway = str(network[1])
    interface = {
        "match": {"macaddress": node.mac},
        "dhcp4": False,
        "addresses": [f"{node.address}/{network.prefixlen}"],
        "routes": [{"to": "default", "via": gateway}],
        # The libvirt network's dnsmasq. Without any name server CoreDNS exits: "no valid upstream addresses".
        "nameservers": {"addresses": [gateway]},
    }
    return yaml.safe_dump({"version": 2, "ethernets": {"node": interface}}, sort_keys=False)
