"""One `make up` or `make destroy`: started, watched, and ended as a crash or a person would end it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.e2e.cluster import REPOSITORY, STATE
from tests.e2e.faults.moments import Moment, Printed, watch
from tools.bounded import descendants

COMMANDS = {"up": ("make", "up", "STACK=lab"), "destroy": ("make", "destroy", "STACK=lab")}
EVENTS = STATE / "events.jsonl"
MERCY_SECONDS = 60
"""How long Pulumi may take to save its state once it is interrupted."""


class MakeRun:
    """A run in the background, its output in a file; `variables` are make's, such as REPLACE=worker-1."""

    def __init__(self, verb: str, log: Path, *variables: str) -> None:
        EVENTS.unlink(missing_ok=True)  # of the run before, whose moments must not be taken for this one's
        self._began = time.monotonic()
        self._log = log
        with log.open("w") as output:
            self._make = subprocess.Popen(
                # A shell's background job ignores interrupts, and everything that it starts would.
                ["env", "--default-signal=INT", *COMMANDS[verb], *variables],
                cwd=REPOSITORY,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed up to now."""
        return self._log.read_text(errors="replace")

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self._began

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._make.poll() is None

    def wait_for(self, moment: Moment | Printed, seconds: float) -> None:
        """Returns at the moment; raises NotReachedError when it does not come within `seconds`, or the run ends."""
        log = self._log if isinstance(moment, Printed) else EVENTS
        watch(log, moment, running=self.running, seconds=seconds)

    def wait(self, seconds: float) -> int | None:
        """The exit code, or None when it still runs after `seconds`."""
        with suppress(subprocess.TimeoutExpired):
            return self._make.wait(max(seconds, 0))
        return None

    def kill_tree(self) -> None:
        """What a crash does: make, Pulumi, language host and plugins are gone at once, and clean nothing up."""
        for pid in [self._make.pid, *descendants(self._make.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._make.wait()

    def press_ctrl_c(self) -> bool:
        """What a terminal does: everything in make's process group is interrupted; again after half of MERCY_SECONDS.

        Pulumi lets what it has begun go on to its end, and leaves it alone when it is interrupted for the second time.
        Returns whether the run has ended.
        """
        for _ in range(2):
            os.killpg(self._make.pid, signal.SIGINT)
            if self.wait(MERCY_SECONDS / 2) is not None:
                return True
        return False

    def interrupt(self) -> None:
        """Ends a run that takes too long; returns when it has ended."""
        if not self.press_ctrl_c():
            self.kill_tree()
