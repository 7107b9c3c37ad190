"""Runs a machine's scripts for real, in a mount namespace of their own, with recording stand-ins for every command.

/etc, /run, /var, /home, /opt and /tmp are directories of the test; PATH holds nothing but stand-ins. A stand-in notes
its arguments and its environment, then does what the test says, or what the real command does, or nothing.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from components import remote

PRIVATE = ("etc", "run", "var", "home", "opt", "mnt", "tmp")  # /tmp comes last: it hides the test's own directory
REAL = [
    "base64",
    "cat",
    "cut",
    "df",
    "diff",
    "flock",
    "grep",
    "install",
    "mktemp",
    "mv",
    "openssl",
    "rm",
    "sed",
    "sha256sum",
    "sort",
    "tail",
    "tr",
    "wc",
]
"""Commands that do on the machine what they always do."""
PACKAGES = ["apt-get", "apt-mark", "curl", "dpkg", "dpkg-query"]
SYSTEM = [
    "cloud-init",
    "date",
    "findmnt",
    "ip",
    "iptables-save",
    "modprobe",
    "nproc",
    "pgrep",
    "pkill",
    "sleep",
    "ssh",
    "sudo",
    "swapoff",
    "swapon",
    "sync",
    "sysctl",
    "systemctl",
    "timeout",
    "uname",
]
KUBERNETES = ["ctr", "kubeadm", "kubectl"]
"""Commands that do nothing unless a test says what."""

STOP = "kill -TERM 0; /usr/bin/sleep 30"
"""What a stand-in does in whose time the script's limit is reached: `timeout` signals the whole process group."""

STAND_IN = r"""#!/usr/bin/bash
name=${0##*/}
call=$name
for argument in "$@"; do call+=$'\x1f'$argument; done
printf '%s\x1e' "$call" >>/mnt/calls
mapfile -d '' -t environment </proc/self/environ
printf '%s\n' "${environment[@]}" >>/mnt/environments
if [[ -e /mnt/behaviour/$name ]]; then source "/mnt/behaviour/$name"; fi
if [[ -e /mnt/real/$name ]]; then exec "/mnt/real/$name" "$@"; fi
"""


@dataclass(frozen=True)
class Result:
    """How a script ended."""

    code: int
    output: str
    said: str
    """What it printed on standard error."""


@functools.cache
def unshare() -> list[str]:
    """The command that gives a process its own mounts, as root or as anybody; skips the test where neither may."""
    for options in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        command = ["unshare", *options]
        attempt = [*command, "mount", "--bind", "/tmp", "/mnt"]
        if subprocess.run(attempt, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("needs `unshare --mount`, which this machine permits neither to root nor in a user namespace")


class Sandbox:
    """A machine that a script thinks it runs on."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.command = unshare()
        for directory in (*PRIVATE, "etc/apt/sources.list.d", "etc/modules-load.d", "etc/sysctl.d", "run/lock"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        for directory in ("var/log", "home/debian", "mnt/stand-ins", "mnt/behaviour", "mnt/real"):
            (root / directory).mkdir(parents=True)
        # In a user namespace there is one user; as root the login user is another than root.
        self.login_uid = 1000 if "--user" not in self.command else 0
        self.write("/etc/passwd", f"root:x:0:0::/root:/bin/sh\ndebian:x:{self.login_uid}:{self.login_uid}::/:/bin/sh\n")
        self.write("/etc/group", f"root:x:0:\ndebian:x:{self.login_uid}:\n")
        self.write("/etc/os-release", "ID=debian\nVERSION_CODENAME=trixie\n")
        for name in (*REAL, *PACKAGES, *SYSTEM, *KUBERNETES):
            self.write(f"/mnt/stand-ins/{name}", STAND_IN)
            self.path(f"/mnt/stand-ins/{name}").chmod(0o755)
        for name in REAL:
            found = shutil.which(name)
            assert found, f"{name} is not on PATH"
            self.path(f"/mnt/real/{name}").symlink_to(found)
        self.does("uname", "echo machine; exit")

    def path(self, inside: str) -> Path:
        """Where a file of the machine is for the test."""
        return self.root / inside.removeprefix("/")

    def write(self, inside: str, text: str = "") -> None:
        """Makes a file of the machine, and its directory."""
        self.path(inside).parent.mkdir(parents=True, exist_ok=True)
        self.path(inside).write_text(text)

    def program_file(self, inside: str) -> None:
        """Makes a file of the machine that may be run."""
        self.write(inside, "a program")
        self.path(inside).chmod(0o755)

    def read(self, inside: str) -> str:
        """The text of a file of the machine."""
        return self.path(inside).read_text()

    def does(self, name: str, behaviour: str) -> None:
        """From now on the command `name` runs this shell text, with its own arguments; then the real command if any."""
        self.write(f"/mnt/behaviour/{name}", behaviour)

    def run(self, script: str, inputs: Mapping[str, str] | None = None, *arguments: str) -> Result:
        """Runs one of components/scripts as remote.py does."""
        return self.shell(self.program(script, inputs), *arguments)

    @staticmethod
    def program(script: str, inputs: Mapping[str, str] | None = None) -> str:
        """What remote.py sends: the inputs, the common functions and the script; with a limit of 60 s."""
        return remote.program(remote.script_text(script), {**(inputs or {}), "LIMIT": "60"})

    def shell(self, text: str, *arguments: str) -> Result:
        """Runs shell text that comes on standard input."""
        with self.start(*arguments) as process:
            output, said = process.communicate(text, timeout=60)
        return Result(process.returncode, output, said)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A shell on the machine that reads its program from standard input."""
        mounts = "".join(f'mount --bind "$0/{directory}" /{directory} && ' for directory in PRIVATE)
        shell = ["/usr/bin/bash", "-s", *arguments]
        command = [*self.command, "/usr/bin/bash", "-c", f'{mounts} cd / && exec "$@"', str(self.root)]
        return subprocess.Popen(
            [*command, "/usr/bin/env", "-i", "PATH=/mnt/stand-ins", "HOME=/root", *shell],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,  # so that STOP ends the script and not the tests
        )

    def calls(self, *names: str) -> list[list[str]]:
        """The calls of these commands so far, or of all but the harmless coreutils, with their arguments, in order."""
        record = self.path("/mnt/calls")
        calls = [call.split("\x1f") for call in record.read_text().split("\x1e")[:-1]] if record.exists() else []
        quiet = {*REAL, "pgrep", "uname", "sleep", "sync"} if not names else set()
        return [call for call in calls if (call[0] in names if names else call[0] not in quiet)]

    def lines(self, *names: str) -> list[str]:
        """The same calls as command lines."""
        return [" ".join(call) for call in self.calls(*names)]

    def forget(self) -> None:
        """Starts a new record of calls."""
        self.path("/mnt/calls").unlink(missing_ok=True)

    def visible_to_others(self) -> str:
        """What any process of the machine could read while the script ran: all arguments and all environments."""
        return self.read("/mnt/calls") + self.read("/mnt/environments")

    def files(self) -> dict[str, bytes]:
        """Every file of the machine but the test's own and the locks, with its content."""
        found = [path for top in PRIVATE if top != "mnt" for path in (self.root / top).rglob("*")]
        files = [path for path in found if path.is_file() and path.suffix != ".lock"]
        return {f"/{path.relative_to(self.root)}": path.read_bytes() for path in files}
