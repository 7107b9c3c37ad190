"""A real sshd on a port of the loopback interface, with keys of its own and without root's configuration."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab.plugin_client import eventually

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def make_key(path: Path) -> Path:
    """A new ed25519 key pair at `path` and `path`.pub."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path


def fingerprint(path: Path) -> str:
    """The key's fingerprint, as ssh-keygen prints it."""
    shown = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True)
    return shown.stdout.split()[1]


class SshServer:
    """One sshd; `start` and `stop` may alternate."""

    def __init__(self, directory: Path) -> None:
        if SSHD is None:
            pytest.skip("there is no sshd: `apt-get install openssh-server`, or `make e2e`, which does it")
        self._directory = directory
        self.host_key = make_key(directory / "host_key")
        self.key = make_key(directory / "user_key")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own fixed place when root runs it
        (directory / "config").write_text(
            f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.host_key}
AuthorizedKeysFile {self.key}.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 100
AcceptEnv CONTRACT_*
"""
        )

    def start(self) -> None:
        assert SSHD is not None
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self._directory / "config"], stdout=log, stderr=log, start_new_session=True
            )
        eventually(self._answers, "sshd answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def break_connections(self) -> None:
        """Kills the processes that serve the open connections, as a machine does that goes away."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGKILL)

    def connection(self, **changes: Any) -> dict[str, Any]:
        """The input `connection` that reaches this server."""
        usual = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "privateKey": self.key.read_text(),
            "hostKey": self.host_key.with_suffix(".pub").read_text(),
        }
        return {**usual, **changes}

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                return sock.recv(4) == b"SSH-"
        except OSError:
            return False
