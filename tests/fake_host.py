"""A host that lacks nothing, to spoil one thing of it at a time: its commands, its libvirt, its files."""

from __future__ import annotations

import json
import platform
import shutil
import socket
import tempfile
from collections import namedtuple
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from components import host_kvm, host_libvirt, host_network, host_resources, host_security
from components.host import TOOLS, check_host, examine
from components.settings import Settings, SettingsError
from tests.configuration import make_settings

ROUTES_HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
CAPABILITIES = "<capabilities><host>{}</host></capabilities>"
GIB = 1 << 30

Usage = namedtuple("Usage", "total used free")

VIRSH = """#!/bin/sh
shift 3
call=$(echo "$*" | /usr/bin/tr ' /' '__')
if [ -e "{answers}/hang" ]; then exec /bin/sleep 60; fi
if [ -e "{answers}/$call.error" ]; then /bin/cat "{answers}/$call.error" >&2; exit 1; fi
exec /bin/cat "{answers}/$call"
"""


class FakeHost:
    """Its directory has bin/ and system/ (commands), answers/ (of virsh), sock, kvm, route and more."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="host-"))  # tmp_path is too long for a socket's name
        self.patch = patch
        self.free(100 * GIB)
        for name in TOOLS:
            self.command("bin", name)
        for name in ("dnsmasq", "iptables", "nft"):
            self.command("system", name)
        self.command("bin", "virsh", VIRSH.format(answers=self.directory / "answers"))
        (self.directory / "answers").mkdir()
        self.libvirt("9.0.0")
        self.networks()
        self.answers("list --name", "")
        self.answers("capabilities", CAPABILITIES.format("<secmodel><model>dac</model></secmodel>"))
        for kind in ("kvm", "qemu"):
            self.answers(f"domcapabilities --virttype {kind} --arch x86_64", "<domainCapabilities/>")
        self.routes(("eth0", "0.0.0.0/0"), ("eth0", "192.168.1.0/24"))
        self.file("kvm")
        self.file("cpu", "flags\t\t: fpu vmx\n")
        self.file("memory", "MemTotal: 65536000 kB\nMemAvailable:   32768000 kB\n")
        self.file("qemu.conf", 'user = "root"\n')
        for module, names in {
            host_libvirt: {"SOCKET": "sock"},
            host_kvm: {"KVM": "kvm", "CPU": "cpu"},
            host_network: {"ROUTES": "route", "NETWORK_CONFIG": "network.conf"},
            host_resources: {"MEMORY": "memory", "QEMU_CONFIG": "qemu.conf"},
            host_security: {"LOCAL_RULES": "apparmor"},
        }.items():
            for name, file in names.items():
                patch.setattr(module, name, self.directory / file)
        patch.setattr(host_libvirt, "KVM", self.directory / "kvm")
        patch.setattr(host_network, "SYSTEM", str(self.directory / "system"))
        patch.setattr(platform, "machine", lambda: "x86_64")
        for variable in ("LIBVIRT_DEFAULT_URI", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
            patch.delenv(variable, raising=False)
        patch.setenv("PATH", str(self.directory / "bin"))
        patch.setenv("XDG_CACHE_HOME", str(self.directory))
        patch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": "qemu:///system"}))
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.directory / "sock"))
        self.listener.listen()

    def close(self) -> None:
        self.listener.close()
        shutil.rmtree(self.directory)

    def command(self, place: str, name: str, text: str = "#!/bin/sh\n") -> None:
        """A command in bin/, which is the user's PATH, or in system/, where libvirtd looks."""
        path = self.file(f"{place}/{name}", text)
        path.chmod(0o755)

    def file(self, name: str, text: str = "") -> Path:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def answers(self, call: str, text: str, *, error: bool = False) -> None:
        """What virsh prints for a command, or what it fails with."""
        self.file(f"answers/{call.replace(' ', '_').replace('/', '_')}{'.error' * error}", text)

    def libvirt(self, version: str) -> None:
        self.answers("version --daemon", f"Using API: QEMU {version}\nRunning against daemon: {version}\n")

    def networks(self, **networks: str) -> None:
        """libvirt's networks: what is in the XML, by name."""
        self.answers("net-list --all --name", "\n".join(networks) + "\n")
        for name, xml in networks.items():
            self.answers(f"net-dumpxml {name}", f"<network><name>{name}</name>{xml}</network>")

    def routes(self, *routes: tuple[str, str]) -> None:
        """The kernel's table with these interfaces and destinations: hexadecimal, little-endian."""
        lines = [ROUTES_HEADER]
        for interface, cidr in routes:
            network = IPv4Network(cidr)
            destination, mask = (address.packed[::-1].hex().upper() for address in (network[0], network.netmask))
            lines.append(f"{interface}\t{destination}\t00000000\t0001\t0\t0\t100\t{mask}\t0\t0\t0")
        self.file("route", "\n".join(lines) + "\n")

    def free(self, size: int) -> None:
        """How much room every file system has, in bytes."""
        self.patch.setattr(shutil, "disk_usage", lambda path: Usage(size, 0, size))

    def settings(self, **overrides: Any) -> Settings:
        return make_settings(**{"storagePath": str(self.directory / "images" / "k8s"), **overrides})

    def accepted(self, **overrides: Any) -> None:
        """Fails unless the host is found to lack nothing at all."""
        check_host(self.settings(**overrides))
        assert self.warnings(**overrides) == []

    def faults(self, **overrides: Any) -> list[str]:
        """The lines after the heading that this host is refused with."""
        with pytest.raises(SettingsError) as refusal:
            check_host(self.settings(**overrides))
        heading, *lines = str(refusal.value).split("\n")
        assert heading == "This host is not ready; nothing was made."
        return lines

    def warnings(self, **overrides: Any) -> list[str]:
        reports = examine(self.settings(**overrides), "qemu:///system")
        assert [report.faults for report in reports if report.faults] == []
        return [warning for report in reports for warning in report.warnings]
