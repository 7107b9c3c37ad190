"""Who has the host's processors first while emulated machines share them."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

PAUSE = 5
"""Seconds between two looks for workers that are new."""


@contextlib.contextmanager
def workers_standing_back() -> Iterator[None]:
    """Workers stand back also where they are made meanwhile: one that did not would starve those that serve."""
    over = threading.Event()

    def again() -> None:
        while not over.wait(PAUSE):
            workers_stand_back()

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        workers_stand_back()


def workers_stand_back() -> None:
    """Gives the control plane the processors before the workers that run now.

    Everything waits for it. With an equal share beside four emulated machines it had 90 % of one of two processors, and
    its API server ended in time limits of its own; so it has 140 %. Not while the first run makes them all: with an
    equal share they are ready at the same time.

    Linux may share processors out by sessions (man 7 sched, autogroup), and libvirt starts each machine in a session
    of its own; the niceness of threads counts only within it.
    """
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or the kernel knows no such groups
            words = (process / "cmdline").read_text(errors="replace").split("\0")
            if any(re.fullmatch(r"guest=.+-worker-[0-9]+,.*", word) for word in words):
                for thread in (process / "task").iterdir():
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), 10)
                (process / "autogroup").write_text("10")
