"""The healthy run that all checkpoints come from: stopped between its phases, put aside, and brought back to go on."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tests.e2e.faults.checkpoints import Checkpoint, checkpoint
from tests.e2e.faults.machines import ADDRESSES, CLUSTER, Freezer, Machines, clear
from tests.e2e.faults.make_run import MakeRun
from tests.e2e.faults.moments import Moment, ends

PHASE_SECONDS = 1800
"""A phase takes one to three minutes on an idle machine."""

WORKERS = [name for name in ADDRESSES if name.startswith("worker")]
BOUNDARIES: dict[str, Moment | None] = {
    "booted": ends(*(f"{CLUSTER}-{name}-domain" for name in ADDRESSES)),
    "prepared": ends(*(f"{CLUSTER}-{name}-prepare" for name in ADDRESSES)),
    "initialised": ends(f"{CLUSTER}-control-plane-1-init"),
    "joined": ends(*(f"{CLUSTER}-{name}-join" for name in WORKERS)),
    "networked": ends("nodes-ready-check"),
    "complete": None,
}
"""Checkpoint to the moment that ends its phase; None is the end of the run."""


def have(name: str, directory: Path) -> Checkpoint:
    """The checkpoint, made now (and those before it) where it is missing; logs go into `directory`."""
    wanted = checkpoint(name)
    before: Checkpoint | None = None
    for boundary, moment in BOUNDARIES.items():
        here = checkpoint(boundary)
        if not here.complete:
            began = time.monotonic()
            _bring_back(before, directory)
            machines = _run_to(boundary, moment, directory)
            assert not (found := machines.scripts()), f"{boundary} is no boundary, for there still run: {found}"
            ran = time.monotonic()
            here.take()
            _forget_after(boundary)
            print(
                f"  checkpoint {boundary}: ran {ran - began:.0f} s, kept in {time.monotonic() - ran:.0f} s", flush=True
            )
        if boundary == name:
            return wanted
        before = here
    raise ValueError(f"there is no checkpoint {name}")


def _forget_after(boundary: str) -> None:
    """Removes the checkpoints of later phases: their disks grow from the earlier ones."""
    later = list(BOUNDARIES)[list(BOUNDARIES).index(boundary) + 1 :]
    for name in later:
        shutil.rmtree(checkpoint(name).directory, ignore_errors=True)


def _bring_back(before: Checkpoint | None, directory: Path) -> None:
    if before:
        before.restore(directory)
    else:
        clear()


def _run_to(boundary: str, moment: Moment | None, directory: Path) -> Machines:
    """Runs `make up` to the boundary and ends it there, before the next phase has reached a machine."""
    run = MakeRun("up", directory / f"{boundary}.log")
    if moment is None:
        code = run.wait(PHASE_SECONDS)
        assert code == 0, f"the healthy run ended with {code}:\n{run.output[-3000:]}"
        return Machines(directory)
    if boundary == "booted":
        # Before the first login: Pulumi goes, and the machines boot on.
        run.wait_for(moment, PHASE_SECONDS)
        run.interrupt()
    else:
        freezer = Freezer()
        try:
            if boundary == "prepared":
                # Its init begins at once, also while a worker still prepares.
                run.wait_for(ends(f"{CLUSTER}-control-plane-1-prepare"), PHASE_SECONDS)
                freezer.freeze("control-plane-1")
            run.wait_for(moment, PHASE_SECONDS)
            freezer.freeze()
            run.interrupt()
        finally:
            freezer.thaw()
    machines = Machines(directory)
    machines.wait_for_logins()
    return machines
