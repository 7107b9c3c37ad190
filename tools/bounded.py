"""Runs a command for a limited time: python -m tools.bounded SECONDS COMMAND…

After that time it is asked to stop, as by Ctrl-C, and PATIENCE seconds later killed, with every process that it
started: Pulumi's plugins would go on for minutes with what they were told. Exits as the command does, or with 124 at
the limit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

PATIENCE = 10
"""Seconds that Pulumi has to note how far it came."""
LIMIT_REACHED = 124  # as of timeout(1)


def run(limit: float, command: list[str], patience: float = PATIENCE) -> int:
    """The command's exit code, or LIMIT_REACHED."""
    with subprocess.Popen(command, preexec_fn=_heed_interrupts) as process:
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            print(f"{command[0]} did not end in {limit:g} s, and is stopped.", file=sys.stderr)
            started = descendants(process.pid)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                started |= descendants(process.pid)
                process.kill()
            for pid in started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return LIMIT_REACHED
    return code if code >= 0 else 128 - code


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what is ignored stays ignored in a new program


def descendants(ancestor: int) -> set[int]:
    """Every process below one, from the kernel's list."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            # The name is in parentheses and may have blanks and parentheses in it.
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    waiting = [ancestor]
    while waiting:
        above = waiting.pop()
        below = {pid for pid, parent in parents.items() if parent == above} - found
        found |= below
        waiting.extend(below)
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which gets it from the terminal itself
    sys.exit(run(float(sys.argv[1]), sys.argv[2:]))
