"""The process of a stand-in plugin: its memory, its end, and the ends of what it runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.lab.plugin_client import Created, Plugin, PluginFailure, eventually
from tests.lab.ssh_server import SshServer

REMOTE, LOCAL = "command:remote:Command", "command:local:Command"


@pytest.fixture
def own(stand_ins: Path) -> Iterator[Plugin]:
    """A stand-in that a test may leave unusable."""
    with Plugin(stand_ins / "command" / "pulumi-resource-command") as running:
        running.configure({})
        yield running


def remote(plugin: Plugin, server: SshServer, command: str) -> Created:
    return plugin.create(REMOTE, {"connection": server.connection(), "create": command})


def test_megabytes_and_one_endless_line_come_through(own: Plugin, ssh_server: SshServer) -> None:
    created = remote(own, ssh_server, "seq 300000; head -c 3000000 /dev/zero | tr '\\0' x")
    lines = created.plain["stdout"].split("\n")
    assert lines[:300_000] == [str(number) for number in range(1, 300_001)]
    assert lines[300_000] == "x" * 3_000_000
    assert len(own.messages()) < 300_000
    assert memory(own) < 400 * 1024 * 1024


def test_cancelling_ends_commands_and_connections_at_once(own: Plugin, ssh_server: SshServer, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    with ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(own.create, LOCAL, {"create": f"echo $$ >{here}; sleep 300 & wait"}),
            pool.submit(remote, own, ssh_server, f"echo $$ >{there}; exec sleep 300"),
        ]
        pids = [int(eventually(partial(read, path), "the command runs")) for path in (here, there)]
        try:
            own.cancel()
            for done in runs:
                with pytest.raises(PluginFailure, match="cancelled"):
                    done.result(20)
            eventually(lambda: not alive(pids[0]), "the local command has ended")
            if os.geteuid() != 0:  # sshd passes no signal on to a command of root
                eventually(lambda: not alive(pids[1]), "the remote command has ended")
        finally:
            if alive(pids[1]):
                os.kill(pids[1], 15)


def test_the_process_ends_when_its_engine_is_gone(stand_ins: Path, tmp_path: Path) -> None:
    executable = stand_ins / "command" / "pulumi-resource-command"
    port = tmp_path / "port"
    start = f'"{executable}" 127.0.0.1:9 >"{port}" & echo $!; while ! test -s "{port}"; do sleep 0.05; done'
    shell = subprocess.run(["sh", "-c", start], check=True, capture_output=True, text=True, timeout=30)
    number = int(shell.stdout)
    eventually(lambda: not alive(number), "the orphan has ended")


def read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def memory(plugin: Plugin) -> int:
    """The most memory the plugin's process has had, in bytes."""
    status = Path(f"/proc/{plugin.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def alive(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
