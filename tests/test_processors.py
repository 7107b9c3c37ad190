"""Who has the host's processors first in the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from tests.e2e import processors


def machine(name: str) -> subprocess.Popen[bytes]:
    """A process with QEMU's word for a machine of this name in its command line, which ends with its input."""
    command = ["bash", "-c", "read", "qemu", "-name", f"guest={name},debug-threads=on"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def test_a_worker_that_is_made_meanwhile_stands_back_and_a_control_plane_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processors, "PAUSE", 0.01)
    standing_back = processors.workers_standing_back()
    with standing_back, machine("k8s-control-plane-1") as control_plane, machine("k8s-worker-3") as worker:
        deadline = time.monotonic() + 30
        while os.getpriority(os.PRIO_PROCESS, worker.pid) != 10:
            assert time.monotonic() < deadline
        assert os.getpriority(os.PRIO_PROCESS, control_plane.pid) == 0
        for process in (control_plane, worker):
            process.communicate()
