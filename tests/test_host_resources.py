"""The machines' disks and memory must have a place on this host; what is short is named with its fix."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from components import host_resources
from components.base_image import download_path
from tests.fake_host import CAPABILITIES, GIB, FakeHost
from tests.qcow2 import qcow2

MAKE_ROOM = "Make room, or choose another: pulumi config set storagePath DIRECTORY"


def test_a_file_system_that_cannot_hold_the_disks_is_refused(ready: FakeHost) -> None:
    ready.free(4 * GIB)
    assert ready.faults() == [f"- {ready.directory} has 4.0 GiB free and the disks need 6.5 GiB. {MAKE_ROOM}"]


def test_a_file_system_that_holds_the_disks_and_little_more_is_warned_of(ready: FakeHost) -> None:
    ready.free(7 * GIB)
    assert ready.warnings() == [
        f"{ready.directory} has 7.0 GiB free: enough for the cluster, and little for what you run in it, for the disks "
        f"may grow to 60.0 GiB. {MAKE_ROOM}"
    ]


def test_disks_that_are_made_already_need_no_more_room(ready: FakeHost) -> None:
    ready.free(0)
    directory = ready.directory / "images" / "k8s"
    directory.mkdir(parents=True)
    for name in ("control-plane-1", "worker-1", "worker-2"):
        (directory / f"k8s-{name}.qcow2").touch()
    assert ready.warnings() == [
        f"{directory} has 0.0 GiB free, and QEMU pauses a machine that cannot write its disk. Make room there"
    ]
    assert len(ready.faults(workers=3)) == 1
    ready.free(2 * GIB)
    ready.accepted()


def test_images_are_counted_by_their_size(ready: FakeHost) -> None:
    settings = ready.settings()
    downloaded = download_path(settings.image, settings.image_sha512)
    downloaded.parent.mkdir(parents=True)
    with downloaded.open("wb") as file:
        file.write(qcow2())
        file.truncate(3 * GIB)
    ready.free(4 * GIB)
    assert ready.faults() == [f"- {ready.directory} has 4.0 GiB free and the disks need 9.0 GiB. {MAKE_ROOM}"]


def test_a_storage_path_that_leads_through_a_file_is_refused(ready: FakeHost) -> None:
    file = ready.file("images")
    path = file / "k8s"
    assert ready.faults() == [
        f"- storagePath = '{path}': {file} is not a directory. Choose another: pulumi config set storagePath DIRECTORY"
    ]


def test_a_storage_directory_with_files_of_others_is_refused_because_destroy_removes_it(ready: FakeHost) -> None:
    directory = ready.directory / "images" / "k8s"
    directory.mkdir(parents=True)
    for name in ("base-0123456789ab.qcow2", "k8s-worker-1.qcow2", "k8s-worker-1-seed-ab.iso"):
        (directory / name).touch()
    ready.accepted()
    for name in ("e.txt", "debian.qcow2", "blue-worker-1.qcow2", "k8s"):
        (directory / name).touch()
    assert ready.faults() == [
        f"- storagePath = '{directory}': blue-worker-1.qcow2, debian.qcow2, e.txt and 1 more in it is not this "
        "cluster's, and destroy removes the directory. Move it away, or choose another: "
        "pulumi config set storagePath DIRECTORY"
    ]


def test_a_storage_directory_that_only_root_may_look_into_is_taken_as_it_is(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ready.directory / "images" / "k8s").mkdir(parents=True)

    def denied(path: Path) -> list[str]:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "iterdir", denied)
    ready.accepted()


@pytest.fixture
def closed(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory on the way to the disks that nobody but its owner may pass; QEMU runs as nobody."""
    monkeypatch.setattr(host_resources, "QEMU_USERS", ("no-such-user", "nobody"))
    (ready.directory / "qemu.conf").unlink()
    ready.directory.chmod(0o755)
    directory = ready.directory / "images"
    directory.mkdir()
    directory.chmod(0o700)
    return directory


def test_a_directory_that_qemu_may_not_pass_is_warned_of(ready: FakeHost, closed: Path) -> None:
    assert ready.warnings() == [
        f"QEMU runs as nobody, who may not pass through {closed}, so no machine may start. Let it: "
        f"sudo setfacl --modify user:nobody:x {closed}"
    ]
    closed.chmod(0o711)
    ready.accepted()


def test_a_directory_with_rules_of_its_own_is_left_to_them(
    ready: FakeHost, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "listxattr", lambda path: ["system.posix_acl_access"])
    ready.accepted()


@pytest.mark.parametrize("user", ["root", "+0"])
def test_a_qemu_that_runs_as_root_may_pass_everywhere(ready: FakeHost, closed: Path, user: str) -> None:
    ready.file("qemu.conf", f'#user = "libvirt-qemu"\nuser = "{user}"\n')
    ready.accepted()


def test_a_host_without_memory_for_the_machines_is_refused(ready: FakeHost) -> None:
    ready.file("memory", "MemTotal: 8000000 kB\nMemAvailable:   4096000 kB\n")
    assert ready.faults() == [
        "- this host has 4000 MiB of memory available and the machines need 7168 MiB. "
        "Free 3168 MiB, or make them smaller: pulumi config set workerMemory 1024"
    ]


def test_machines_that_run_have_their_memory_already(ready: FakeHost) -> None:
    ready.file("memory", "MemAvailable:   2097152 kB\n")
    ready.answers("list --name", "k8s-control-plane-1\nk8s-worker-2\nother-worker-1\n\n")
    ready.accepted()
    ready.answers("list --name", "k8s-worker-2\n")
    assert len(ready.faults()) == 1


def test_an_app_armor_that_may_deny_the_disks_is_warned_of_with_the_rule_to_add(ready: FakeHost) -> None:
    ready.answers("capabilities", CAPABILITIES.format("<secmodel><model>apparmor</model></secmodel>"))
    directory, rules = ready.directory / "images" / "k8s", ready.directory / "apparmor"
    (warning,) = ready.warnings()
    told, command = warning.split(" Add a rule: ")
    assert told == (
        "AppArmor confines QEMU, and libvirt may leave disks in pools out of its rules, so that no machine starts: "
        "Permission denied (dmacvicar/terraform-provider-libvirt#1163)."
    )
    subprocess.run(["bash", "-c", command.replace("sudo ", "")], env={"PATH": "/usr/bin:/bin"}, check=True)
    assert rules.read_text() == f'  "{directory}/**" rwk,\n'
    ready.accepted()


def test_a_rule_for_a_directory_above_is_enough(ready: FakeHost) -> None:
    ready.answers("capabilities", CAPABILITIES.format("<secmodel><model>apparmor</model></secmodel>"))
    ready.file("apparmor", f"  {ready.directory}/images/** rwk,\n")
    ready.accepted()
