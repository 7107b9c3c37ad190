"""What a fault is, and the scene that it is put into."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from tests.e2e.faults.machines import Machines
from tests.e2e.faults.make_run import MakeRun
from tests.e2e.faults.moments import Moment, Printed

Phase = Literal["nothing", "booted", "prepared", "initialised", "joined", "networked", "complete"]
"""Where a fault starts: with nothing at all, or with a checkpoint of healthy_run.py."""


@dataclass
class Scene:
    """The lab while one fault is tried."""

    directory: Path
    """For this fault's logs and keys."""
    run: MakeRun | None = None
    """The run that the fault is put into; None before it has started."""
    ends_with_the_run: ExitStack = field(default_factory=ExitStack)
    """What is over once the run has ended that the fault was put into, such as an outage."""

    @cached_property
    def machines(self) -> Machines:
        """A way in, with the keys of the state as it is when first asked for."""
        return Machines(self.directory)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong, and how it is put into a run."""

    name: str
    what: str
    """A sentence's beginning, as the report has it."""
    inject: Callable[[Scene], None]
    start: Phase = "complete"
    when: Moment | Printed | None = None
    """None: before the run."""
    into: Literal["up", "destroy"] = "up"
    """The command that the fault is put into, unless it is put in before a destroy."""
    given: tuple[str, ...] = ()
    """Variables of make, in the run that the fault is put into."""
    verb: Literal["up", "destroy"] = "up"
    """The plain command that has to cope with it."""
    message: str = ""
    """A pattern that some line of the output must match; empty where the user need not be told anything."""
    patience: float = 1500
    """Seconds that the user lets the run go on, before Ctrl-C."""
    user: str = ""
    """What the user does after the message, before the plain command; empty for nothing."""
    user_does: Callable[[Scene], None] | None = None
    variables: tuple[str, ...] = ()
    """Of make, in the plain command, where the message asks for them."""
