"""Moments of a run, found in the event log that `make up` writes while it runs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Event = dict[str, Any]

POLL_SECONDS = 0.02
"""A moment can be over in a tenth of a second: the next step has logged in by then."""


class NotReachedError(Exception):
    """The moment that was waited for did not come."""


@dataclass(frozen=True)
class Moment:
    """When every one of some events has been seen, in any order."""

    text: str
    """As the report has it, for example "when worker-1-join begins"."""
    events: tuple[Callable[[Event], bool], ...]

    def looked_for_in(self, log: Path) -> Callable[[], bool]:
        """Whether it has come, each time it is asked; `log` is an event log that may not be there yet."""
        missing, lines = list(self.events), _follow(log)

        def come() -> bool:
            for event in lines:
                if event is None:
                    break
                missing[:] = [wanted for wanted in missing if not wanted(event)]
                if not missing:
                    return True
            return False

        return come


@dataclass(frozen=True)
class Printed:
    """When a run has printed something; for a command that writes no event log."""

    text: str
    wanted: str

    def looked_for_in(self, log: Path) -> Callable[[], bool]:
        """Whether it has come, each time it is asked; `log` is the run's output."""
        return lambda: self.wanted in log.read_text(errors="replace")


def prints(text: str) -> Printed:
    """When the run has printed this text."""
    return Printed(f"when it prints “{text}”", text)


def begins(*names: str) -> Moment:
    """When the step on each of these resources has begun."""
    return Moment(f"when {_short(names)} begins", tuple(_step("resourcePreEvent", name) for name in names))


def ends(*names: str) -> Moment:
    """When the step on each of these resources has ended well."""
    return Moment(f"when {_short(names)} is done", tuple(_step("resOutputsEvent", name) for name in names))


def says(name: str, text: str) -> Moment:
    """When the resource's progress has a line with this text."""

    def matches(event: Event) -> bool:
        said = event.get("diagnosticEvent", {})
        return _name(said.get("urn", "")) == name and re.search(text, said.get("message", "")) is not None

    return Moment(f"when {_short([name])} says “{text}”", (matches,))


def _step(kind: str, name: str) -> Callable[[Event], bool]:
    return lambda event: kind in event and _name(event[kind]["metadata"]["urn"]) == name


def _name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _short(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(name.removeprefix("k8s-") for name in names)


def watch(log: Path, moment: Moment | Printed, *, running: Callable[[], bool], seconds: float) -> None:
    """Returns as soon as the log has the moment.

    Raises NotReachedError when the run ends before, or after `seconds`.
    """
    deadline = time.monotonic() + seconds
    come = moment.looked_for_in(log)
    while True:
        ran = running()  # asked first: what a run wrote before it ended is still read
        if come():
            return
        if not ran:
            raise NotReachedError(f"the run ended before the moment “{moment.text}”")
        if time.monotonic() > deadline:
            raise NotReachedError(f"the moment “{moment.text}” did not come within {seconds:.0f} s")
        time.sleep(POLL_SECONDS)


def _follow(log: Path) -> Iterator[Event | None]:
    """The log's events, and None whenever there is no further whole line yet."""
    while not log.exists():
        yield None
    with log.open() as file:
        rest = ""
        while True:
            rest += file.readline()
            if rest.endswith("\n"):
                yield json.loads(rest)
                rest = ""
            else:
                yield None
