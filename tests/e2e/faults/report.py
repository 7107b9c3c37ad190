"""docs/reliability.md, written from what happened: outcomes are kept beside it, in the repository.

A cache would not do: on the next machine the page would forget what was tried on this one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from tests.e2e.cluster import REPOSITORY

PAGE = REPOSITORY / "docs" / "reliability.md"
OUTCOMES = REPOSITORY / "docs" / "reliability.json"
"""A list of what `Outcome` has, by name: the last try of each fault."""

LONGEST = 300
"""Characters of a message in the table."""

NO_REASON = r": failed while:|^error: update (failed|canceled)$|^error: .*:$"
"""Lines that only lead to the one that says why."""

PUT_RIGHT = "Removed |Defined |Started |No more in |Something of ours|Not everything|The .* could not"
"""How lines of tools/locks.py, wake.py, sweep.py and stack begin."""

INTRODUCTION = """# Reliability

Written by `make faults` from what happened; `make faults ONLY=NAME,NAME` tries single ones. In the lab, one fault is
put into a run of `make up`. What follows is a plain `make up` that must end in the whole end state: every node Ready at
the version, every pod ready, nginx's page on every node, DNS answering in a pod, Docker running, swap off, kernel
settings, packages held, the login user's kubeconfig, no join token left, and nothing to do for another `make up`; or a
plain `make destroy`, which must leave nothing within 60 s.
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one fault."""

    name: str
    what: str
    when: str
    seen: str
    """The message in the output of the real run."""
    healed: str
    seconds: float
    """From the fault to the end of the command that had to cope with it."""
    failure: str
    """Empty where the demanded state was reached."""
    date: str
    machine: str
    commit: str

    def keep(self) -> None:
        """Writes it where the report finds it, instead of an earlier try's."""
        others = [outcome for outcome in _all() if outcome.name != self.name]
        rows = [asdict(outcome) for outcome in sorted([*others, self], key=lambda outcome: outcome.name)]
        OUTCOMES.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")


def kept(names: Iterable[str]) -> list[Outcome]:
    """Outcomes of these faults in this order, those never tried not among them."""
    outcomes = {outcome.name: outcome for outcome in _all()}
    return [outcomes[name] for name in names if name in outcomes]


def _all() -> list[Outcome]:
    return [Outcome(**row) for row in json.loads(OUTCOMES.read_text())] if OUTCOMES.exists() else []


def message(outputs: Sequence[str], pattern: str) -> str:
    """What a person reads in these outputs about the fault; empty where nothing is said.

    With a pattern, the first line that matches it. Without, the last sentence about a machine, which says more than the
    command that failed for it; else the last error; else what the tools have put right.
    """
    lines = [_plain(line) for output in outputs for line in output.splitlines()]
    if pattern:
        return next((line for line in lines if re.search(pattern, line)), "")
    lines = [line for line in lines if not re.search(NO_REASON, line)]
    for kind in (
        r"(k8s-)?(control-plane|worker)-\d+: ",
        "error: ",
        PUT_RIGHT,
    ):
        if found := [line for line in lines if re.match(kind, line)]:
            return found[-1]
    return ""


def _plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line).strip()


def markdown(outcomes: Sequence[Outcome], missing: Sequence[str]) -> str:
    """The page: one table for each machine and commit that outcomes come from, the newest first."""
    parts = [INTRODUCTION]
    failed = [outcome for outcome in outcomes if outcome.failure]
    parts.append(f"{len(outcomes)} faults were tried; {len(outcomes) - len(failed)} were coped with.\n")
    if missing:
        parts.append(f"Not tried: {', '.join(missing)}.\n")
    runs = sorted({(outcome.date[:10], outcome.commit, outcome.machine) for outcome in outcomes}, reverse=True)
    for date, commit, machine in runs:
        rows = [o for o in outcomes if (o.date[:10], o.commit, o.machine) == (date, commit, machine)]
        parts.append(f"## {date}, commit {commit}\n\nOn {machine}.\n\n{_table(rows)}\n")
    return "\n".join(parts)


def _table(outcomes: Sequence[Outcome]) -> str:
    head = "| fault | when | what the user sees | how it heals | time |\n|---|---|---|---|---|"
    return "\n".join([head, *(_row(outcome) for outcome in outcomes)])


def _row(outcome: Outcome) -> str:
    healed = f"**It did not:** {outcome.failure}" if outcome.failure else outcome.healed
    seen = f"`{_cell(outcome.seen).replace('`', chr(39))}`" if outcome.seen else "nothing"
    fault = f"{_cell(outcome.what)} (`{outcome.name}`)"
    return f"| {fault} | {_cell(outcome.when)} | {seen} | {_cell(healed)} | {_time(outcome.seconds)} |"


def _cell(text: str) -> str:
    """Text on one line that ends no cell."""
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def page(names: Sequence[str]) -> str:
    """The page as it follows from the outcomes that are kept."""
    outcomes = kept(names)
    tried = {outcome.name for outcome in outcomes}
    return markdown(outcomes, [name for name in names if name not in tried])
