"""What this host must have before anything is made on it; each missing thing with its fix."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

import pulumi

from components.host_image import image
from components.host_kvm import kvm_device
from components.host_libvirt import ask
from components.host_network import bridge, firewall, forwarding, name_server, network_addresses
from components.host_program import clock, directories, machine_type, packages
from components.host_report import Report
from components.host_resources import memory, passage, storage
from components.host_security import app_armor
from components.kubeadm import API_PORT
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
    """Whether the Kubernetes provider would ask a proxy for the API server; it minds the same variables as kubectl.

    As Go does up to 1.26 (golang.org/x/net/http/httpproxy): a name in upper case comes first, unless it is empty.
    """
    server = control_planes(settings)[0].address
    asked, left_out = (_first_set(name) for name in ("HTTPS_PROXY", "NO_PROXY"))
    subject = f"proxy: none for {server}"
    if not os.environ.get(asked) or any(_covers(entry, server) for entry in os.environ.get(left_out, "").split(",")):
        return Report(subject)
    line = (
        f"{asked} = '{without_passwords(os.environ[asked])}' would be asked for the machines, which only this host can "
        f'reach. Leave them out: export {left_out}="${left_out},{settings.network_cidr}"'
    )
    return Report(subject, [line])


def _first_set(name: str) -> str:
    """The variable that counts: its name in upper or in lower case."""
    return name.lower() if os.environ.get(name.lower()) and not os.environ.get(name) else name


def _covers(entry: str, server: IPv4Address) -> bool:
    """Whether an entry of NO_PROXY is about the API server: *, a network, or an address with or without its port."""
    entry = entry.strip()
    if entry == "*":
        return True
    address, _, port = entry.partition(":")
    with suppress(ValueError):
        if "/" in entry:
            return server in IPv4Network(entry, strict=False)
        return IPv4Address(address) == server and port in ("", str(API_PORT))
    return False
