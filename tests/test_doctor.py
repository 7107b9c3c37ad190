"""`make doctor`: prints every check, and ends with 1 where one finds a fault."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from components.host_report import Report
from tests.configuration import REPOSITORY
from tests.fake_host import FakeHost
from tools import doctor

Capture = pytest.CaptureFixture[str]


def stack_file(ready: FakeHost, **keys: object) -> Path:
    """A stack's file of the kind that the repository has, on this host."""
    own = {"storagePath": str(ready.directory / "images" / "k8s"), **keys}
    config = {"libvirt:uri": "qemu:///system", **{f"kubeadm-libvirt:{key}": value for key, value in own.items()}}
    return ready.file("Pulumi.dev.yaml", yaml.safe_dump({"config": config}))


def examined(ready: FakeHost, capsys: Capture, *, brief: bool = False, **keys: object) -> tuple[int, list[str]]:
    """What the command ends with, and the lines it prints."""
    code = doctor.main(stack_file(ready, **keys), brief=brief)
    return code, capsys.readouterr().out.splitlines()


def test_a_host_that_lacks_nothing_shows_every_check_and_is_ready(ready: FakeHost, capsys: Capture) -> None:
    code, lines = examined(ready, capsys)
    assert code == 0
    assert "ok       tools: ssh-keygen, virsh, xsltproc" in lines
    assert all(line.startswith("ok       ") for line in lines[:-1])
    assert lines[-1].startswith(f"This host is ready ({len(lines) - 1} checks in ")


def test_faults_and_warnings_are_shown_where_the_check_stands(ready: FakeHost, capsys: Capture) -> None:
    (ready.directory / "bin" / "xsltproc").unlink()
    (ready.directory / "system" / "dnsmasq").unlink()
    ready.answers("capabilities", "<c><host><secmodel><model>apparmor</model></secmodel></host></c>")
    code, lines = examined(ready, capsys)
    assert code == 1
    assert "fault    xsltproc is not on PATH. Install it: sudo apt-get install xsltproc" in lines
    assert [line.split()[0] for line in lines[:-1]].count("warning") == 1
    assert lines[-1].startswith("This host is not ready: 2 faults; nothing was made (")


def test_in_brief_only_what_is_not_well_is_shown(ready: FakeHost, capsys: Capture) -> None:
    code, lines = examined(ready, capsys, brief=True)
    assert (code, len(lines)) == (0, 1)


def test_a_refused_configuration_is_told_before_any_check(ready: FakeHost, capsys: Capture) -> None:
    code, lines = examined(ready, capsys, workers=0)
    assert code == 1
    assert lines[0] == "The configuration has 1 fault; nothing was made."
    assert len(lines) == 2


def test_a_state_that_cannot_be_kept_is_a_fault_only_where_make_would_keep_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (line,) = doctor.state().faults
    assert line.startswith(f"the state cannot be kept in {REPOSITORY}/.state. Let it: sudo chown -R $USER {REPOSITORY}")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///elsewhere")
    assert doctor.state() == Report("state: can be kept")


def test_the_doctor_of_a_stack_that_does_not_exist_is_refused() -> None:
    done = subprocess.run(
        [REPOSITORY / "tools" / "stack", "doctor", "prod"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "There is no stack prod. Use STACK=dev or STACK=lab."
