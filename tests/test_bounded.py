"""A command that does not end in time is stopped, and what it started with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.configuration import REPOSITORY
from tools.bounded import run


def bounded(limit: str, script: str) -> subprocess.CompletedProcess[str]:
    """Runs shell text for a limited time, as tools/environment.sh does."""
    command = [sys.executable, "-m", "tools.bounded", limit, "bash", "-c", script]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)


def test_a_command_that_ends_in_time_ends_as_it_does() -> None:
    done = bounded("60", "echo said; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "said\n", "")
    assert bounded("60", "kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_a_command_that_does_not_is_asked_to_stop_first() -> None:
    done = bounded("1", "sleep 60 >&- 2>&- & trap 'echo noted; exit 7' INT; wait")
    assert (done.returncode, done.stdout) == (124, "noted\n")
    assert done.stderr == "bash did not end in 1 s, and is stopped.\n"


def test_a_command_that_does_not_listen_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "started"
    plugin = f"setsid bash -c 'echo $$ >{started}; exec sleep 60' &"  # a plugin has a process group of its own
    assert run(1, ["bash", "-c", f"trap '' INT; {plugin} wait; wait"], patience=0.2) == 124
    process = Path(f"/proc/{int(started.read_text())}/stat")
    began = time.monotonic()
    while process.exists() and ") Z " not in process.read_text():
        assert time.monotonic() - began < 10, "the plugin runs on"
        time.sleep(0.05)
