"""Whether the machines' network can be made on this host: its addresses, its bridge, and what libvirt runs for it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from components.host_libvirt import PATIENCE, Libvirt
from components.host_report import Report
from components.network import bridge_name
from components.network_rules import network_faults
from components.pulumi_command import config
from components.settings import Settings

ROUTES = Path("/proc/net/route")
NETWORK_CONFIG = Path("/etc/libvirt/network.conf")
SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where libvirtd finds programs; a user's PATH may lack the half of it."""
NFTABLES = (10, 4)
"""The version of libvirt from which on it may keep its rules in nftables instead of beside those of iptables."""


def network_addresses(settings: Settings, libvirt: Libvirt | None) -> Report:
    """Whether the network's addresses are free on this host; our own bridge may hold them."""
    ours, cidr = bridge_name(settings), settings.network_cidr
    routes = routes_of_this_host()
    others = [network for network in (libvirt.networks if libvirt else []) if network.name != settings.cluster_name]
    taken = {
        # 0 is the default route, and 1 one half of it: what a VPN sets in its place.
        interface: (f"{interface} of this host", network)
        for interface, network in routes
        if interface != ours and network.prefixlen > 1 and network.overlaps(cidr)
    }
    for other in others:
        for network in other.addresses:
            if network.overlaps(cidr):  # an active one is known by its bridge already
                taken.setdefault(other.bridge or other.name, (f"libvirt's network {other.name}", network))
    used = [network for _, network in routes if network.prefixlen > 1]
    used += [network for other in others for network in other.addresses]
    free = _free_network(settings, [cidr, *used])
    choose = f"Choose another: {config(f'set networkCidr {free}')}"
    way_out = choose if free else "No network that could be proposed is free: choose another for one of the two"
    return Report(
        f"networkCidr: {cidr} is free, or this cluster's",
        [f"networkCidr = '{cidr}' is taken: {holder} has {network}. {way_out}" for holder, network in taken.values()],
    )


def _free_network(settings: Settings, used: Collection[IPv4Network]) -> IPv4Network | None:
    """A private network that nothing uses, and that goes with the rest of the configuration."""
    values = settings.model_dump(mode="json", by_alias=True)
    candidates = [
        *(f"10.{octet}.3.0/24" for octet in range(77, 256)),
        *(f"192.168.{octet}.0/24" for octet in range(77, 256)),
        *(f"172.{octet}.3.0/24" for octet in range(16, 32)),
    ]
    return next(
        (
            network
            for network in map(IPv4Network, candidates)
            if not any(network.overlaps(other) for other in used)
            and not network_faults({**values, "networkCidr": str(network)})
        ),
        None,
    )


def routes_of_this_host() -> list[tuple[str, IPv4Network]]:
    """Interface and destination of each IPv4 route, from the kernel's table (hexadecimal, little-endian)."""
    if not ROUTES.exists():
        return []
    routes = []
    for line in ROUTES.read_text().splitlines()[1:]:
        interface, destination, *_, mask = line.split()[:8]
        address, netmask = (IPv4Address(bytes.fromhex(word)[::-1]) for word in (destination, mask))
        routes.append((interface, IPv4Network(f"{address}/{netmask}")))
    return routes


def bridge(settings: Settings, libvirt: Libvirt | None) -> Report:
    """Whether the bridge's name is free, or the bridge is the cluster's own."""
    name, subject = bridge_name(settings), f"bridge: {bridge_name(settings)} is free, or this cluster's"
    if not libvirt:
        return Report(subject)
    holders = [network.name for network in libvirt.networks if network.bridge == name]
    if settings.cluster_name in holders:
        return Report(subject)
    if holders:
        line = f"the bridge {name} belongs to libvirt's network {holders[0]}. Choose another: {CHOOSE_NAME}"
        return Report(subject, [line])
    if name in (interface for _, interface in socket.if_nameindex()):
        line = (
            f"there is an interface {name}, and libvirt did not make it. If nothing uses it, remove it: "
            f"sudo ip link delete {name}; or choose another name: {CHOOSE_NAME}"
        )
        return Report(subject, [line])
    return Report(subject)


CHOOSE_NAME = config("set clusterName k8s2")


def name_server() -> Report:
    """Whether libvirt finds dnsmasq, which is the machines' name server."""
    if shutil.which("dnsmasq", path=SYSTEM):
        return Report("name server: dnsmasq")
    line = "dnsmasq is missing, which libvirt runs in each network. Install it: sudo apt-get install dnsmasq-base"
    return Report("name server", [line])


def firewall(libvirt: Libvirt | None) -> Report:
    """Whether libvirt finds what it sets up address translation with."""
    usable = ["iptables", "nft"] if not libvirt or libvirt.version >= NFTABLES else ["iptables"]
    if any(shutil.which(tool, path=SYSTEM) for tool in usable):
        return Report("address translation: iptables or nftables")
    line = (
        f"{' and '.join(usable)} {'are' if usable[1:] else 'is'} missing, which libvirt sets up address translation "
        "with. Install it: sudo apt-get install iptables && sudo systemctl restart libvirtd"
    )
    return Report("address translation", [line])


def forwarding(settings: Settings, libvirt: Libvirt) -> Report:
    """Whether the host's own firewall drops what the machines send, as Docker makes it do (moby/moby#52612).

    libvirt's rules in iptables let the machines through, whatever the policy; those in nftables cannot. A warning, for
    which of the two libvirt takes was decided when it was built.
    """
    subject, ours = "forwarding: the firewall lets the machines out", bridge_name(settings)
    if libvirt.version < NFTABLES or _keeps_to_iptables():
        return Report(subject)
    try:
        rules = subprocess.run(
            ["iptables", "-S"],
            env={**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{SYSTEM}"},
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        ).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return Report("forwarding: only root can see the firewall's rules")
    let_through = [f"-{way} {ours} -j ACCEPT" for way in "io"]
    if "-P FORWARD DROP" not in rules or all(any(line.endswith(end) for line in rules) for end in let_through):
        return Report(subject)
    chain = "DOCKER-USER" if "-N DOCKER-USER" in rules else "FORWARD"
    commands = " && ".join(f"sudo iptables -I {chain} {rule}" for rule in let_through)
    line = (
        "the firewall drops what is forwarded, as Docker sets it up, so the machines may reach nothing "
        f"(moby/moby#52612). Let them through: {commands}"
    )
    return Report(subject, warnings=[line])


def _keeps_to_iptables() -> bool:
    try:
        return bool(re.search(r'(?m)^\s*firewall_backend\s*=\s*"iptables"', NETWORK_CONFIG.read_text(errors="replace")))
    except OSError:
        return False
