"""One fault, tried once: the lab brought to where it starts, the fault put in, the plain command, the end state."""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections import Counter
from datetime import UTC, datetime

from lab.paths import CACHE
from tests.e2e import end_state
from tests.e2e.cluster import Cluster, operations, run
from tests.e2e.faults import report
from tests.e2e.faults.fault import Fault, Scene
from tests.e2e.faults.healthy_run import PHASE_SECONDS, have
from tests.e2e.faults.machines import clear
from tests.e2e.faults.make_run import MakeRun
from tests.e2e.faults.outages import lift_all

LOGS = CACHE / "fault-logs"
DESTROY_SECONDS = 60
LIMITS = {"up": PHASE_SECONDS, "destroy": 5 * DESTROY_SECONDS}
"""Seconds after which a command that had to cope is interrupted."""


class Trial:
    """One fault, tried once."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._scene = Scene(LOGS / fault.name)
        self._outputs: list[str] = []
        self._began = self._ended = time.monotonic()
        self.healed = ""

    @property
    def seconds(self) -> float:
        """From the fault to the end of the command that had to cope with it."""
        return self._ended - self._began

    @property
    def seen(self) -> str:
        """What was said about it."""
        return report.message(self._outputs, self._fault.message)

    def run(self) -> None:
        """Raises AssertionError, or the error of a wait, where the demanded state is not reached."""
        self._scene.directory.mkdir(parents=True, exist_ok=True)
        self._prepare()
        try:
            with self._scene.ends_with_the_run:
                healed = self._inject()
            if not healed:
                self._cope()
        finally:
            self._ended = time.monotonic()
        self._demand()
        assert self.seen or not self._fault.message, f"no line of the output has {self._fault.message!r}"

    def _prepare(self) -> None:
        if self._fault.start == "nothing":
            clear()
        else:
            checkpoint = have(self._fault.start, self._scene.directory)
            checkpoint.restore(self._scene.directory)
        lift_all()

    def _inject(self) -> bool:
        """Whether the run that the fault was put into has coped with it by itself."""
        fault, scene = self._fault, self._scene
        if fault.when is None:
            self._began = time.monotonic()
            fault.inject(scene)
            if fault.verb == "destroy":
                return False
        run = scene.run = MakeRun(fault.into, scene.directory / "1.log", *fault.given)
        try:
            if fault.when is not None:
                run.wait_for(fault.when, PHASE_SECONDS)
                self._began = time.monotonic()
                fault.inject(scene)
            code = run.wait(fault.patience)
        finally:
            if run.running():
                run.interrupt()
            self._outputs.append(run.output)
        if code is None:
            self.healed = f"the user presses Ctrl-C after {fault.patience / 60:.0f} min; "
        self.healed += "the run goes on to its end" if code == 0 else ""
        return code == 0 and fault.verb == "up"

    def _cope(self) -> None:
        fault, scene = self._fault, self._scene
        if fault.user_does:
            fault.user_does(scene)
        if fault.user:
            self.healed += f"the user {fault.user}; "
        run_again = MakeRun(fault.verb, scene.directory / "2.log", *fault.variables)
        try:
            code = run_again.wait(LIMITS[fault.verb])
        finally:
            if run_again.running():
                run_again.interrupt()
            self._outputs.append(run_again.output)
        last = report.message([run_again.output], "")
        assert code == 0, f"`make {fault.verb}` {f'ended with {code}' if code else 'hung'}: {last}"
        if fault.verb == "destroy":
            self.healed += "`make destroy` leaves nothing"
            assert run_again.seconds <= DESTROY_SECONDS, f"`make destroy` took {run_again.seconds:.0f} s"
        else:
            count = Counter(operations().values())
            done = ", ".join(f"{number} × {operation}" for operation, number in sorted(count.items()))
            self.healed += f"the next `make up` ({done or 'all unchanged'})"

    def _demand(self) -> None:
        if self._fault.verb == "destroy":
            run("lab/start")  # `make destroy` stops it
            end_state.nothing_is_left()
        else:
            end_state.is_reached(Cluster.of_the_stack(self._scene.directory))


def outcome(fault: Fault) -> report.Outcome:
    """Tries a fault."""
    trial, failure = Trial(fault), ""
    try:
        trial.run()
    except Exception as error:  # whatever it is, it is what became of this fault
        (LOGS / fault.name / "failure.txt").write_text(traceback.format_exc())
        failure = (str(error).strip() or type(error).__name__).splitlines()[0]
    return report.Outcome(
        name=fault.name,
        what=fault.what,
        when=_when(fault),
        seen=trial.seen,
        healed=trial.healed,
        seconds=trial.seconds,
        failure=failure,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=_machine(),
        commit=_commit(),
    )


def _when(fault: Fault) -> str:
    """As the report has it."""
    if fault.when is None:
        return "before the run" if fault.verb == "up" else "before the destroy"
    return fault.when.text + (f", in `make {' '.join([fault.into, *fault.given])}`" if fault.given else "")


def _commit() -> str:
    """The commit that was tried, and whether anything else was; the report itself changes after every fault."""
    changed = run("git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)docs/reliability.*")
    return run("git", "rev-parse", "--short", "HEAD").strip() + ("-dirty" if changed else "")


def _machine() -> str:
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} processors and {gibibytes:.0f} GiB, {platform.machine()}, emulating its virtual machines"
