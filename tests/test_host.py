"""What this host must have; each missing thing is named with its fix."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from components import host
from components.host import check_host
from components.settings import SettingsError
from tests.configuration import make_settings

ROUTES_HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A host that lacks nothing: its directory, with bin/, sock, kvm and route to spoil."""
    directory = Path(tempfile.mkdtemp(prefix="host-"))  # tmp_path is too long for a socket's name
    (directory / "bin").mkdir()
    for tool in ("mkisofs", "ssh-keygen"):
        (directory / "bin" / tool).write_text("#!/bin/sh\n")
        (directory / "bin" / tool).chmod(0o755)
    (directory / "kvm").touch()
    write_routes(directory, ("eth0", "0.0.0.0/0"), ("eth0", "192.168.1.0/24"))
    monkeypatch.setenv("PATH", str(directory / "bin"))
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": "qemu:///system"}))
    monkeypatch.delenv("LIBVIRT_DEFAULT_URI", raising=False)
    monkeypatch.setattr(host, "SOCKET", directory / "sock")
    monkeypatch.setattr(host, "KVM", directory / "kvm")
    monkeypatch.setattr(host, "ROUTES", directory / "route")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / "sock"))
        listener.listen()
        yield directory
    shutil.rmtree(directory)


def write_routes(directory: Path, *routes: tuple[str, str]) -> None:
    """The kernel's table with these interfaces and destinations: hexadecimal, little-endian."""
    lines = [ROUTES_HEADER]
    for interface, cidr in routes:
        network = IPv4Network(cidr)
        destination, mask = (address.packed[::-1].hex().upper() for address in (network[0], network.netmask))
        lines.append(f"{interface}\t{destination}\t00000000\t0001\t0\t0\t100\t{mask}\t0\t0\t0")
    (directory / "route").write_text("\n".join(lines) + "\n")


def faults(**overrides: object) -> list[str]:
    """The lines after the heading that this host is refused with."""
    with pytest.raises(SettingsError) as refusal:
        check_host(make_settings(**overrides))
    heading, *lines = str(refusal.value).split("\n")
    assert heading == "This host is not ready; nothing was made."
    return lines


def test_a_host_that_lacks_nothing_is_accepted(ready: Path) -> None:
    check_host(make_settings())


@pytest.mark.parametrize(("tool", "package"), [("mkisofs", "genisoimage"), ("ssh-keygen", "openssh-client")])
def test_a_missing_tool_is_named_with_its_package(ready: Path, tool: str, package: str) -> None:
    (ready / "bin" / tool).unlink()
    assert faults() == [f"- {tool} is not on PATH. Install it: sudo apt-get install {package}"]


def test_a_missing_uri_is_named_with_the_command_that_sets_it(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", "{}")
    assert faults() == ["- libvirt:uri is not set. Set it with: pulumi config set libvirt:uri qemu:///system"]
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///system")
    check_host(make_settings())


def test_a_libvirt_that_is_not_installed_is_named(ready: Path) -> None:
    (ready / "sock").unlink()
    assert faults() == [
        f"- libvirt is not running: there is no {ready}/sock. Install and start it: "
        "sudo apt-get install libvirt-daemon-system && sudo systemctl start libvirtd"
    ]


def test_a_libvirt_that_does_not_answer_is_named(ready: Path) -> None:
    (ready / "sock").unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(ready / "sock"))
    assert faults() == [
        f"- libvirt does not answer on {ready}/sock ([Errno 111] Connection refused). "
        "Restart it: sudo systemctl restart libvirtd"
    ]


def test_a_user_outside_the_group_is_told_to_join_it(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket.socket, "connect", refuse)  # root, who runs this in CI, is never refused
    assert faults() == [
        f"- you may not use {ready}/sock. Join its group, then log in again: sudo usermod -aG libvirt $USER"
    ]


@pytest.mark.parametrize("uri", ["qemu+ssh://host.example/system", "qemu:///system?socket=/run/lab/libvirt-sock"])
def test_another_libvirt_than_this_hosts_is_not_looked_for_here(
    ready: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    (ready / "sock").unlink()
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": uri}))
    check_host(make_settings())


def test_a_host_without_kvm_is_told_both_ways_out(ready: Path) -> None:
    (ready / "kvm").unlink()
    assert faults() == [
        f"- there is no {ready}/kvm. Turn virtualization on in the firmware and load kvm_intel or kvm_amd, or accept "
        "software emulation: pulumi config set virtualization qemu"
    ]
    check_host(make_settings(virtualization="qemu"))


@pytest.mark.parametrize("taken", ["10.17.3.0/24", "10.17.0.0/16", "10.17.3.128/25", "10.17.3.7/32"])
def test_a_network_that_the_host_uses_already_is_refused(ready: Path, taken: str) -> None:
    write_routes(ready, ("eth0", "0.0.0.0/0"), ("wlan0", taken))
    assert faults() == [
        f"- networkCidr = '10.17.3.0/24' is taken: wlan0 of this host has {taken}. Choose another: "
        "pulumi config set networkCidr 10.77.3.0/24"
    ]


@pytest.mark.parametrize(
    "routes",
    [
        [("eth0", "10.17.2.0/24"), ("eth1", "10.17.4.0/24")],
        [("br-k8s", "10.17.3.0/24")],  # the second `up`
        [("eth0", "0.0.0.0/0")],
        [("tun0", "0.0.0.0/1"), ("tun0", "128.0.0.0/1")],  # what a VPN sets in place of a default route
        [],
    ],
)
def test_a_network_that_is_free_or_our_own_is_accepted(ready: Path, routes: list[tuple[str, str]]) -> None:
    write_routes(ready, *routes)
    check_host(make_settings())


def test_another_clusters_bridge_is_not_our_own(ready: Path) -> None:
    write_routes(ready, ("br-k8s", "10.17.3.0/24"))
    assert len(faults(clusterName="blue")) == 1


def test_a_host_without_a_table_of_routes_is_accepted(ready: Path) -> None:
    (ready / "route").unlink()
    check_host(make_settings())


def test_the_kernels_table_of_this_very_host_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    if not host.ROUTES.exists():
        pytest.skip(f"there is no {host.ROUTES} here")
    lines = host.ROUTES.read_text().splitlines()[1:]
    assert len(host._routes()) == len(lines)


def test_everything_that_is_missing_comes_in_one_message(ready: Path) -> None:
    shutil.rmtree(ready / "bin")
    (ready / "sock").unlink()
    (ready / "kvm").unlink()
    write_routes(ready, ("eth0", "10.17.3.0/24"))
    assert len(faults()) == 5
