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


def watch(log: Path, moment: Moment, *, running: Callable[[], bool], seconds: float) -> Event:
    """The event that completes `moment`, as soon as the log has it.

    Raises NotReachedError when the run ends before, or after `seconds`.
    """
    deadline = time.monotonic() + seconds
    missing = list(moment.events)
    lines = _follow(log)
    while True:
        ran = running()  # asked first: what a run wrote before it ended is still read
        for event in lines:
            if event is None:
                break
            missing = [wanted for wanted in missing if not wanted(event)]
            if not missing:
                return event
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
