"""libvirt and KVM on this host: whatever keeps them from answering is named with its fix."""

from __future__ import annotations

import json
import socket
import time

import pytest

from components import host_libvirt
from tests.fake_host import FakeHost

KVM_WAY_OUT = "or accept software emulation: pulumi config set virtualization qemu"
DOMAIN_CAPABILITIES = "domcapabilities --virttype {} --arch x86_64"


def test_a_libvirt_that_is_not_installed_is_named(ready: FakeHost) -> None:
    (ready.directory / "sock").unlink()
    assert ready.faults() == [
        f"- libvirt is not running: there is no {ready.directory}/sock. Install and start it: "
        "sudo apt-get install libvirt-daemon-system && sudo systemctl start libvirtd"
    ]


def test_a_libvirt_of_single_daemons_is_told_to_start_its_proxy(ready: FakeHost) -> None:
    (ready.directory / "sock").rename(ready.directory / "virtqemud-sock")
    assert ready.faults() == [
        f"- libvirt runs as virtqemud, and the provider asks on {ready.directory}/sock, which is virtproxyd's. "
        "Start that: sudo systemctl enable --now virtproxyd.socket"
    ]


def test_a_libvirt_that_does_not_listen_is_named(ready: FakeHost) -> None:
    (ready.directory / "sock").unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(ready.directory / "sock"))
    assert ready.faults() == [
        f"- libvirt does not answer on {ready.directory}/sock ([Errno 111] Connection refused). "
        "Restart it: sudo systemctl restart libvirtd"
    ]


def test_a_libvirt_that_hangs_is_named_in_time(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_libvirt, "PATIENCE", 0.5)
    ready.file("answers/hang")
    began = time.monotonic()
    assert ready.faults() == [
        f"- libvirt does not answer on {ready.directory}/sock within 0.5 s. Restart it: sudo systemctl restart libvirtd"
    ]
    assert time.monotonic() - began < 5


def test_a_libvirt_that_fails_is_quoted(ready: FakeHost) -> None:
    ready.answers("version --daemon", "error: failed to connect\nerror: End of file\n", error=True)
    assert ready.faults() == [
        f"- libvirt does not answer on {ready.directory}/sock (End of file). "
        "Restart it: sudo systemctl restart libvirtd"
    ]


def test_a_user_outside_the_group_is_told_to_join_it(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket.socket, "connect", refuse)  # root, who runs this in CI, is never refused
    assert ready.faults() == [
        f"- you may not use {ready.directory}/sock. Join its group, then log in again: sudo usermod -aG libvirt $USER"
    ]


def test_a_user_whom_polkit_refuses_is_told_to_join_the_group(ready: FakeHost) -> None:
    ready.answers("version --daemon", "error: authentication unavailable: no polkit agent available\n", error=True)
    assert ready.faults() == [
        "- libvirt refuses you (authentication unavailable: no polkit agent available). "
        "Join its group, then log in again: sudo usermod -aG libvirt $USER"
    ]


@pytest.mark.parametrize("kind", ["kvm", "qemu"])
def test_a_libvirt_without_an_emulator_is_told_to_install_one(ready: FakeHost, kind: str) -> None:
    ready.answers(DOMAIN_CAPABILITIES.format(kind), "error: failed\nerror: unable to find any emulator\n", error=True)
    assert ready.faults(virtualization=kind) == [
        f"- libvirt has no emulator for {kind} machines (unable to find any emulator). Install it: "
        "sudo apt-get install qemu-system-x86 && sudo systemctl restart libvirtd"
    ]


def test_a_libvirt_that_fails_for_want_of_any_emulator_is_told_to_install_one(ready: FakeHost) -> None:
    ready.answers("version --daemon", "error: Cannot find suitable emulator for x86_64\n", error=True)
    assert ready.faults() == [
        "- libvirt has no emulator for kvm machines (Cannot find suitable emulator for x86_64). Install it: "
        "sudo apt-get install qemu-system-x86 && sudo systemctl restart libvirtd"
    ]


def test_a_kvm_that_qemu_may_not_use_is_named_with_its_fix(ready: FakeHost) -> None:
    reason = "the accel 'kvm' is not supported by '/usr/bin/qemu-system-x86_64' on this host"
    ready.answers(DOMAIN_CAPABILITIES.format("kvm"), f"error: {reason}\n", error=True)
    kvm = ready.directory / "kvm"
    assert ready.faults() == [
        f"- QEMU may not use {kvm} ({reason}). "
        f"Let it: sudo chown root:kvm {kvm} && sudo chmod 0660 {kvm} && sudo systemctl restart libvirtd"
    ]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ("fpu vmx", ". Load its module: sudo modprobe kvm_intel"),
        ("fpu svm hypervisor", ". Load its module: sudo modprobe kvm_amd"),
        (
            "fpu hypervisor",
            ": this host is a virtual machine itself. Turn nested virtualization on where it runs "
            "(kvm_intel.nested=1 or kvm_amd.nested=1, and the CPU mode host-passthrough)",
        ),
        ("fpu", ". Turn virtualization on in the firmware and load kvm_intel or kvm_amd"),
    ],
)
def test_a_host_without_kvm_is_told_both_ways_out(ready: FakeHost, flags: str, told: str) -> None:
    (ready.directory / "kvm").unlink()
    ready.file("cpu", f"flags\t\t: {flags}\n")
    assert ready.faults() == [f"- there is no {ready.directory}/kvm{told}, {KVM_WAY_OUT}"]
    ready.accepted(virtualization="qemu")


def test_a_daemon_is_asked_at_the_uri_of_the_stack(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = ready.directory / "calls"
    ready.command("bin", "virsh", f'#!/bin/sh\necho "$*" >>{calls}\nexit 1\n')
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": "qemu:///system?mode=legacy"}))
    ready.faults()
    assert calls.read_text() == "--connect qemu:///system?mode=legacy --quiet version --daemon\n"
