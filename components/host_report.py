"""What a check of the host says: what it looked at, and each fault and warning with its way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """The outcome of one check. A fault stops the run before anything is made; a warning does not."""

    subject: str
    """What was looked at, for a reader who wants to see that it was."""
    faults: Sequence[str] = ()
    warnings: Sequence[str] = ()
