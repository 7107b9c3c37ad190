"""A lock is removed when its run is certainly no more; every other one is named with who holds it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.configuration import REPOSITORY


class Backend:
    """A file backend with locks in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.locks = directory / ".pulumi/locks/organization/kubeadm-libvirt/lab"
        self.locks.mkdir(parents=True)

    def lock(self, process: int, *, host: str = "", since: datetime | None = None) -> Path:
        """What Pulumi 3.250 writes, to the nanosecond."""
        moment = (since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%f789Z")
        content = {"pid": process, "username": "eve", "hostname": host or socket.gethostname(), "timestamp": moment}
        path = self.locks / f"{process}.json"
        path.write_text(json.dumps(content))
        return path

    def check(self, url: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PULUMI_BACKEND_URL": url or f"file://{self.directory}"}
        command = [sys.executable, "-m", "tools.locks", "lab"]
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def backend(tmp_path: Path) -> Backend:
    return Backend(tmp_path)


@pytest.fixture
def pulumi(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is called pulumi."""
    sleep = shutil.which("sleep")
    assert sleep
    shutil.copy(sleep, tmp_path / "pulumi")
    with subprocess.Popen([tmp_path / "pulumi", "60"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text() != "pulumi\n":
            time.sleep(0.01)
        yield process
        process.kill()


def dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        return process.pid


def test_without_a_lock_there_is_nothing_to_say(backend: Backend) -> None:
    done = backend.check()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_lock_of_a_process_that_is_no_more_is_removed(backend: Backend) -> None:
    process = dead_process()
    lock = backend.lock(process, since=datetime(2026, 11, 25, 21, 4, 5, tzinfo=UTC))
    done = backend.check()
    assert done.returncode == 0
    who = f"eve on {socket.gethostname()}, process {process}, since 2026-11-25 21:04:05"
    assert done.stderr == f"Removed the lock of a run that was killed: {who}.\n"
    assert not lock.exists()


def test_the_lock_of_a_run_at_work_stays_and_is_named(backend: Backend, pulumi: subprocess.Popen[bytes]) -> None:
    lock = backend.lock(pulumi.pid, since=datetime.now(UTC))
    done = backend.check()
    assert done.returncode == 1
    assert done.stderr.startswith(f"Another run is at work on the stack lab: eve on {socket.gethostname()}, process ")
    assert done.stderr.endswith("Wait for it, or if it is no more: tools/pulumi lab cancel --yes\n")
    assert lock.exists()


def test_a_process_that_is_younger_than_the_lock_has_only_its_number(
    backend: Backend, pulumi: subprocess.Popen[bytes]
) -> None:
    lock = backend.lock(pulumi.pid, since=datetime.now(UTC) - timedelta(minutes=1))
    assert backend.check().returncode == 0
    assert not lock.exists()


def test_a_process_with_another_name_has_only_the_number(backend: Backend) -> None:
    lock = backend.lock(os.getpid())
    assert backend.check().returncode == 0
    assert not lock.exists()


def test_a_process_that_waits_for_its_parent_is_no_more(backend: Backend, pulumi: subprocess.Popen[bytes]) -> None:
    lock = backend.lock(pulumi.pid)
    pulumi.kill()
    while ") Z " not in Path(f"/proc/{pulumi.pid}/stat").read_text():
        time.sleep(0.01)
    assert backend.check().returncode == 0
    assert not lock.exists()


def test_the_lock_of_another_host_stays(backend: Backend) -> None:
    lock = backend.lock(dead_process(), host="elsewhere")
    done = backend.check()
    assert done.returncode == 1
    assert "eve on elsewhere, process " in done.stderr
    assert lock.exists()


def test_a_lock_that_says_nothing_stays(backend: Backend) -> None:
    lock = backend.lock(1)
    for text in ("", "[]", "{}"):
        lock.write_text(text)
        done = backend.check()
        assert done.returncode == 1
        assert done.stderr == (
            f"The stack lab has a lock that says nothing, {lock}. "
            "Wait for it, or if it is no more: tools/pulumi lab cancel --yes\n"
        )
        assert lock.exists()


def test_other_backends_are_left_to_pulumi(backend: Backend) -> None:
    lock = backend.lock(dead_process())
    assert backend.check(f"s3:/{backend.directory}").returncode == 0
    assert lock.exists()
