"""What this host must have before anything is made on it; each missing thing with its fix."""

from __future__ import annotations

import shutil
import urllib.request
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError

import pulumi

from components.host_image import image
from components.host_kvm import kvm_device
from components.host_libvirt import ask
from components.host_network import bridge, firewall, forwarding, name_server, network_addresses
from components.host_program import clock, directories, machine_type, packages
from components.host_report import Report
from components.host_resources import memory, passage, storage
from components.host_security import app_armor
from components.libvirt_uri import SET_LIBVIRT_URI, is_this_hosts, uri_fault
from components.nodes import control_planes
from components.one_line import without_passwords
from components.settings import Settings, SettingsError
from components.virsh import provider_uri

TOOLS = {
    "ssh-keygen": "openssh-client",
    "virsh": "libvirt-clients",
    "xsltproc": "xsltproc",
}
"""What the program and its providers run, and Debian's package with it."""


def check_host(settings: Settings) -> None:
    """Raises SettingsError with a line for each thing that is missing, and logs the warnings. Makes nothing."""
    reports = examine(settings, provider_uri())
    for report in reports:
        for warning in report.warnings:
            pulumi.log.warn(warning)
    faults = [f"- {fault}" for report in reports for fault in report.faults]
    if faults:
        raise SettingsError("\n".join(["This host is not ready; nothing was made.", *faults]))


def examine(settings: Settings, uri: str | None) -> list[Report]:
    """Every check; those of the hypervisor only where `uri` is this host's own."""
    reports = [machine_type(), packages(), tools(), clock(), directories(settings), image(settings), proxy(settings)]
    if not uri:
        missing = f"libvirt:uri is not set. Set it with: {SET_LIBVIRT_URI}"
        return [*reports, Report("libvirt", [missing])]
    if wrong := uri_fault(uri):
        return [*reports, Report("libvirt", [wrong.removeprefix("- ")])]
    if not is_this_hosts(uri):
        return [*reports, Report(f"libvirt at {uri}: left to the provider, for it is not this host's own")]
    return [*reports, *_hypervisor(settings, uri)]


def _hypervisor(settings: Settings, uri: str) -> list[Report]:
    device = kvm_device(settings)
    libvirt, answer = ask(uri, settings, with_emulator=not device.faults)
    reports = [
        answer,
        device,
        network_addresses(settings, libvirt),
        bridge(settings, libvirt),
        name_server(),
        firewall(libvirt),
        storage(settings),
        passage(settings),
    ]
    if libvirt:  # what runs already, and what libvirtd confines, only libvirtd can tell
        reports += [forwarding(settings, libvirt), memory(settings, libvirt), app_armor(settings, libvirt)]
    return reports


def tools() -> Report:
    """Whether everything that is run on this host is on PATH."""
    return Report(
        f"tools: {', '.join(TOOLS)}",
        [
            f"{tool} is not on PATH. Install it: sudo apt-get install {package}"
            for tool, package in TOOLS.items()
            if not shutil.which(tool)
        ],
    )


def proxy(settings: Settings) -> Report:
    """Whether the Kubernetes provider would ask a proxy for the API server; it minds the same variables as kubectl."""
    server = control_planes(settings)[0].address
    proxies = urllib.request.getproxies_environment()
    exceptions = [entry.strip() for entry in proxies.get("no", "").split(",")]
    subject = f"proxy: none for {server}"
    if "https" not in proxies or any(_covers(entry, str(server)) for entry in exceptions):
        return Report(subject)
    asked = without_passwords(proxies["https"])
    line = (
        f"HTTPS_PROXY = '{asked}' would be asked for the machines, which only this host can reach. Leave "
        f'them out: export NO_PROXY="$NO_PROXY,{settings.network_cidr}"'
    )
    return Report(subject, [line])


def _covers(entry: str, address: str) -> bool:
    """Whether an entry of NO_PROXY, which may be a network, is about an address."""
    if entry == "*":
        return True
    try:
        return IPv4Network(f"{address}/32").subnet_of(IPv4Network(entry, strict=False))
    except (AddressValueError, NetmaskValueError):
        return False
