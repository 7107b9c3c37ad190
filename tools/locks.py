"""Locks of killed runs: python -m tools.locks STACK removes them, and says who holds one that is in use.

Pulumi's file backend has a file for each run that is at work. A killed run leaves its file, and nobody else can run.
Other backends are left to Pulumi. Exits non-zero where a lock stays.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.project import PROJECT

PROC = Path("/proc")
SLACK = 5
"""Seconds by which a process may seem younger than its lock: its start is counted from a rounded time of boot."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Who holds a lock."""

    process: int
    user: str
    host: str
    since: datetime

    @classmethod
    def parse(cls, text: str) -> Lock:
        """From the file's JSON. Raises ValueError for anything else."""
        try:
            values = json.loads(text)
            since = datetime.fromisoformat(values["timestamp"])
            return cls(process=int(values["pid"]), user=values["username"], host=values["hostname"], since=since)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no lock: {error}") from error

    def dead(self) -> bool:
        """Whether its run is no more: on this host, no Pulumi that is as old as the lock has its process id."""
        if self.host != socket.gethostname():
            return False
        try:
            # The name is in parentheses and may have blanks and parentheses in it.
            name, _, rest = (PROC / str(self.process) / "stat").read_text().partition("(")[2].rpartition(")")
            boot = next(line for line in (PROC / "stat").read_text().splitlines() if line.startswith("btime "))
        except FileNotFoundError:
            return True
        except ProcessLookupError:  # it ended while it was read
            return True
        fields = rest.split()
        started = int(boot.split()[1]) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return fields[0] in "ZX" or name != "pulumi" or started > self.since.timestamp() + SLACK


def remove_stale(backend: str, stack: str) -> list[str]:
    """Removes the locks of killed runs and says so; returns a line for each lock that stays."""
    if not backend.startswith("file://"):
        return []
    stays = []
    root = (
        Path(backend.removeprefix("file://").partition("?")[0]).expanduser()
        / ".pulumi"
        / "locks"
        / "organization"
        / PROJECT
        / stack
    )
    for path in sorted(root.glob("*.json")):
        way_out = f"Wait for it, or if it is no more: tools/pulumi {stack} cancel --yes"
        try:
            lock = Lock.parse(path.read_text())
        except FileNotFoundError:
            continue  # its run ended meanwhile
        except ValueError:
            stays.append(f"The stack {stack} has a lock that says nothing, {path}. {way_out}")
            continue
        who = f"{lock.user} on {lock.host}, process {lock.process}, since {lock.since:%Y-%m-%d %H:%M:%S}"
        if lock.dead():
            path.unlink(missing_ok=True)
            print(f"Removed the lock of a run that was killed: {who}.", file=sys.stderr)
        else:
            stays.append(f"Another run is at work on the stack {stack}: {who}. {way_out}")
    return stays


if __name__ == "__main__":
    if lines := remove_stale(os.environ.get("PULUMI_BACKEND_URL", ""), sys.argv[1]):
        sys.exit("\n".join(lines))
