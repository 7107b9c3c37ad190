"""Build steps that are skipped when their result is there, go on after an interruption, and say how long they took."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from lab.paths import LOGS, STAMPS


class StepFailed(Exception):  # noqa: N818  # it is a state of the step that the user reads, not an error of the code
    """A step that did not reach its result; the message says what was refused and where its log is."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to build. `run` must be safe to call again after it was killed half-way: write aside, then rename."""

    name: str
    run: Callable[[], None]
    results: Sequence[Path]
    """Files or directories that exist when the step is done."""
    inputs: Sequence[str | Path] = ()
    """Pins (strings) and files whose content decides the result; a change of any runs the step again."""
    needs: Sequence[str] = ()
    """Names of the steps that must be done before."""
    lane: str = "build"
    """Steps of one lane run one after the other: `build` is bound by the processors, `fetch` by the network."""

    def digest(self) -> str:
        """SHA-256 over the inputs, as hex."""
        digest = hashlib.sha256()
        for item in self.inputs:
            content = item.read_bytes() if isinstance(item, Path) else item.encode()
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()

    def is_done(self) -> bool:
        """Whether the result is there and was made from these inputs."""
        stamp = STAMPS / self.name
        return stamp.exists() and stamp.read_text() == self.digest() and all(path.exists() for path in self.results)


def sh(
    *command: str | Path,
    log: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    seconds: float = 3600,
) -> str:
    """Runs one command, appends what it prints to LOGS/`log`.log, and returns its standard output.

    Raises StepFailed with the last lines it printed when it fails or takes longer than `seconds`.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    path = LOGS / f"{log}.log"
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=cwd, env=env, input=stdin, text=True, capture_output=True, timeout=seconds, check=False
        )
    except FileNotFoundError as error:
        raise StepFailed(f"`{error.filename}` is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise StepFailed(f"`{' '.join(words[:4])}` took more than {seconds:.0f} s; see {path}") from error
    with path.open("a") as file:
        file.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
    if done.returncode != 0:
        tail = "\n    ".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise StepFailed(f"`{' '.join(words[:4])}` ended with {done.returncode}; see {path}\n    {tail}")
    return done.stdout


def run_all(steps: Sequence[Step]) -> None:
    """Runs what is not done yet, one step a lane at a time, and prints a line per step.

    Raises StepFailed for the first failure, after the steps under way have ended.
    """
    started = time.monotonic()
    left = [step for step in steps if not step.is_done()]
    done = {step.name for step in steps} - {step.name for step in left}
    if not left:
        return
    print(
        f"lab: {len(done)} of {len(steps)} parts are there, making {', '.join(step.name for step in left)}", flush=True
    )
    running: dict[Future[None], Step] = {}
    failures: list[str] = []
    with ThreadPoolExecutor() as pool:
        while left or running:
            for step in list(left):
                lane_free = all(other.lane != step.lane for other in running.values())
                if not failures and lane_free and set(step.needs) <= done:
                    left.remove(step)
                    running[pool.submit(_make, step, started)] = step
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                step = running.pop(future)
                error = future.exception()
                if error is None:
                    done.add(step.name)
                elif isinstance(error, StepFailed):
                    failures.append(f"{step.name}: {error}")
                else:
                    raise error
    if failures:
        raise StepFailed("\n".join(failures))
    if left:
        names = sorted({name for step in left for name in step.needs} - done)
        raise StepFailed(f"{', '.join(step.name for step in left)}: needs {', '.join(names)}, which cannot be made")


_print_lock = threading.Lock()


def _make(step: Step, started: float) -> None:
    began = time.monotonic()
    digest = step.digest()  # before: an input that changes meanwhile must run the step once more
    _say(started, f"{step.name} …")
    step.run()
    missing = [str(path) for path in step.results if not path.exists()]
    if missing:
        raise StepFailed(f"ended without making {', '.join(missing)}")
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / step.name).write_text(digest)
    _say(started, f"{step.name} done in {time.monotonic() - began:.0f} s")


def _say(started: float, text: str) -> None:
    elapsed = time.monotonic() - started
    with _print_lock:
        print(f"lab: [{elapsed // 60:3.0f}:{elapsed % 60:02.0f}] {text}", file=sys.stdout, flush=True)
