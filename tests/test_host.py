"""What this host must have; each missing thing is named with its fix."""

from __future__ import annotations

import json
import os
import platform
import pwd
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import pulumi
import pytest

from components import host_program
from components.base_image import cache_directory
from components.host import TOOLS, check_host, examine
from components.settings import Settings
from tests.fake_host import FakeHost
from tests.qcow2 import qcow2


def test_a_host_that_lacks_nothing_is_accepted(ready: FakeHost) -> None:
    ready.accepted()


@pytest.mark.parametrize(("tool", "package"), list(TOOLS.items()))
def test_a_missing_tool_is_named_with_its_package(ready: FakeHost, tool: str, package: str) -> None:
    (ready.directory / "bin" / tool).unlink()
    assert ready.faults() == [f"- {tool} is not on PATH. Install it: sudo apt-get install {package}"]


def test_a_missing_uri_is_named_with_the_command_that_sets_it(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", "{}")
    assert ready.faults() == ["- libvirt:uri is not set. Set it with: pulumi config set libvirt:uri qemu:///system"]
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///system")
    ready.accepted()


@pytest.mark.parametrize("uri", ["qemu+unix:///system", "qemu:///system?mode=auto"])
def test_this_hosts_libvirt_is_looked_at_however_it_is_named(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": uri}))
    ready.accepted()
    (ready.directory / "sock").unlink()
    assert len(ready.faults()) == 1


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://host.example/system",
        "qemu:///system?socket=/run/lab/libvirt-sock",
        "qemu+unix:///system?mode=direct&socket=/run/lab/libvirt-sock",
    ],
)
def test_another_libvirt_than_this_hosts_is_not_looked_for_here(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    (ready.directory / "sock").unlink()
    (ready.directory / "kvm").unlink()
    ready.routes(("eth0", "10.17.3.0/24"))
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": uri}))
    check_host(ready.settings())


def test_everything_that_is_missing_comes_in_one_message(ready: FakeHost) -> None:
    shutil.rmtree(ready.directory / "bin")
    (ready.directory / "sock").unlink()
    (ready.directory / "kvm").unlink()
    (ready.directory / "system" / "dnsmasq").unlink()
    ready.routes(("eth0", "10.17.3.0/24"))
    assert len(ready.faults()) == 7


def test_a_warning_is_logged_and_stops_nothing(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", logged.append)
    ready.answers("capabilities", "<c><host><secmodel><model>apparmor</model></secmodel></host></c>")
    check_host(ready.settings())
    assert logged == ready.warnings()
    assert len(logged) == 1


def test_a_host_with_another_processor_is_refused(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert ready.faults() == [
        "- this host is aarch64, and pulumi-libvirt 0.5.4 exists for x86_64 alone. Run it on a host with that processor"
    ]


def test_packages_of_other_versions_are_named_with_the_command_that_installs_the_pinned(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins = ready.file("requirements.txt", "# comment\npytest==1.2.3 # why\n\nno-such-package==4\n")
    monkeypatch.setattr(host_program, "REQUIREMENTS", pins)
    install = "Install it: .venv/bin/pip install --requirement requirements.txt"
    assert ready.faults() == [
        f"- Python's package pytest is {pytest.__version__}, and requirements.txt says 1.2.3. {install}",
        f"- Python's package no-such-package is missing, and requirements.txt says 4. {install}",
    ]


def test_a_clock_that_was_never_set_is_named(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unset(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Unset:
            return cls(1970, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(host_program, "datetime", Unset)
    assert ready.faults() == [
        "- the clock says 1970-01-01, so no certificate is valid yet. Set it: sudo timedatectl set-ntp true"
    ]


def test_a_host_without_a_place_for_temporary_files_is_told_the_way_out(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ready.directory / "nowhere"
    monkeypatch.setenv("TMPDIR", str(place))
    assert ready.faults() == [
        f"- no file can be made in {place}: No such file or directory. Make room there, or set TMPDIR"
    ]


def test_a_cache_that_cannot_be_written_matters_only_for_an_image_from_a_url(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    cache = ready.directory / "kubeadm-libvirt" / "images-downloaded"
    assert ready.faults() == [
        f"- images cannot be kept in {cache}. Make that directory writable, or set XDG_CACHE_HOME"
    ]
    image = ready.file("debian.qcow2")
    image.write_bytes(qcow2())
    ready.accepted(image=str(image), imageSha512="")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("exceptions", ["", "localhost,10.17.4.0/24", "host.example", "10.17.3.11:443"])
def test_a_proxy_that_would_be_asked_for_the_api_server_is_refused(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch, variable: str, exceptions: str
) -> None:
    monkeypatch.setenv(variable, "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert ready.faults() == [
        f"- {variable} = 'http://…@proxy.example:3128' would be asked for the machines, which only this host can "
        'reach. Leave them out: export NO_PROXY="$NO_PROXY,10.17.3.0/24"'
    ]


@pytest.mark.parametrize(
    "exceptions", ["*", "localhost, 10.17.3.0/24", "10.0.0.0/8", "10.17.3.11", "a,10.17.3.11:6443"]
)
def test_a_proxy_that_leaves_the_machines_out_is_accepted(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch, exceptions: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    ready.accepted()


def test_a_variable_in_upper_case_comes_before_one_in_lower_case_unless_it_is_empty(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://lower.example:3128")
    monkeypatch.setenv("no_proxy", "10.17.3.0/24")
    monkeypatch.setenv("NO_PROXY", "")
    ready.accepted()
    monkeypatch.setenv("NO_PROXY", "host.example")
    monkeypatch.setenv("HTTPS_PROXY", "")
    (line,) = ready.faults()
    assert line.startswith("- https_proxy = 'http://lower.example:3128' would be asked ")
    monkeypatch.setenv("HTTPS_PROXY", "http://upper.example:3128")
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("no_proxy", "host.example")
    (line,) = ready.faults()
    assert line.startswith("- HTTPS_PROXY = 'http://upper.example:3128' would be asked ")
    assert line.endswith('export no_proxy="$no_proxy,10.17.3.0/24"')


def test_files_that_are_no_utf_8_are_read_all_the_same(ready: FakeHost) -> None:
    for name, text in {"qemu.conf": 'user = "root"', "network.conf": "", "apparmor": f"{ready.directory}/**"}.items():
        ready.file(name).write_bytes(f"# f\xfcr uns\n{text}\n".encode("latin-1"))
    ready.answers("capabilities", "<c><host><secmodel><model>apparmor</model></secmodel></host></c>")
    ready.libvirt("11.3.0")
    ready.accepted()


@pytest.mark.parametrize("cache", [None, "", "cache", "./cache"])
def test_images_are_kept_in_the_home_directory_unless_an_absolute_path_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, cache: str | None
) -> None:
    if cache is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", "/home/me")
    assert cache_directory() == Path("/home/me/.cache/kubeadm-libvirt/images-downloaded")


def test_a_user_without_a_home_directory_is_told_where_images_cannot_be_kept(
    ready: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != Path("/") and access(path, mode))
    assert ready.faults() == [
        "- images cannot be kept in /nonexistent/.cache/kubeadm-libvirt/images-downloaded. "
        "Make that directory writable, or set XDG_CACHE_HOME"
    ]


def test_every_check_says_what_it_looked_at(ready: FakeHost) -> None:
    subjects: Sequence[str] = [report.subject for report in examine(ready.settings(), "qemu:///system")]
    assert len(set(subjects)) == len(subjects) == 18
    assert all(subjects)


def test_settings_are_all_that_the_checks_need(ready: FakeHost) -> None:
    settings: Settings = ready.settings(workers=1)
    assert not [fault for report in examine(settings, None) for fault in report.faults if "uri" not in fault]
