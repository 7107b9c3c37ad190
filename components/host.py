"""What this host must have before anything is made on it; each missing thing with its fix."""

from __future__ import annotations

import os
import shutil
import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pulumi

from components.network import bridge_name
from components.settings import Settings, SettingsError

SOCKET = Path("/var/run/libvirt/libvirt-sock")
ROUTES = Path("/proc/net/route")
KVM = Path("/dev/kvm")


def check_host(settings: Settings) -> None:
    """Raises SettingsError with a line for each thing that is missing. Makes nothing."""
    faults = [*_tools(), *_libvirt(), *_virtualization(settings), *_network(settings)]
    if faults:
        raise SettingsError("\n".join(["This host is not ready; nothing was made.", *faults]))


def _tools() -> list[str]:
    packages = {"mkisofs": "genisoimage", "ssh-keygen": "openssh-client"}
    return [
        f"- {tool} is not on PATH. Install it: sudo apt-get install {package}"
        for tool, package in packages.items()
        if not shutil.which(tool)
    ]


def _libvirt() -> list[str]:
    uri = pulumi.Config("libvirt").get("uri") or os.environ.get("LIBVIRT_DEFAULT_URI")
    if not uri:
        return ["- libvirt:uri is not set. Set it with: pulumi config set libvirt:uri qemu:///system"]
    if not uri.startswith("qemu:///system") or "socket=" in uri:
        return []  # a remote hypervisor: the provider tells what is wrong with it
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(SOCKET))
    except FileNotFoundError:
        return [
            f"- libvirt is not running: there is no {SOCKET}. Install and start it: "
            "sudo apt-get install libvirt-daemon-system && sudo systemctl start libvirtd"
        ]
    except PermissionError:
        return [f"- you may not use {SOCKET}. Join its group, then log in again: sudo usermod -aG libvirt $USER"]
    except OSError as error:
        return [f"- libvirt does not answer on {SOCKET} ({error}). Restart it: sudo systemctl restart libvirtd"]
    return []


def _virtualization(settings: Settings) -> list[str]:
    if settings.virtualization == "qemu" or KVM.exists():
        return []
    return [
        f"- there is no {KVM}. Turn virtualization on in the firmware and load kvm_intel or kvm_amd, or accept "
        "software emulation: pulumi config set virtualization qemu"
    ]


def _network(settings: Settings) -> list[str]:
    """Whether the network's addresses are free on this host; our own bridge may hold them."""
    ours = bridge_name(settings)
    return [
        f"- networkCidr = '{settings.network_cidr}' is taken: {interface} of this host has {network}. Choose another: "
        "pulumi config set networkCidr 10.77.3.0/24"
        for interface, network in _routes()
        # 0 is the default route, and 1 one half of it: what a VPN sets in its place.
        if interface != ours and network.prefixlen > 1 and network.overlaps(settings.network_cidr)
    ]


def _routes() -> list[tuple[str, IPv4Network]]:
    """Interface and destination of each IPv4 route, from the kernel's table (hexadecimal, little-endian)."""
    if not ROUTES.exists():
        return []
    routes = []
    for line in ROUTES.read_text().splitlines()[1:]:
        interface, destination, *_, mask = line.split()[:8]
        address, netmask = (IPv4Address(bytes.fromhex(word)[::-1]) for word in (destination, mask))
        routes.append((interface, IPv4Network(f"{address}/{netmask}")))
    return routes
