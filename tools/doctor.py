"""Prints every check of the host that the program makes, and ends with 1 if one finds a fault.

python -m tools.doctor Pulumi.STACK.yaml [--brief]: without a stack or its state. --brief prints only what is not well.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from components.host import examine
from components.host_program import nearest
from components.host_report import Report
from components.settings import SettingsError
from tools.check_configuration import REPOSITORY, load
from tools.stack_file import libvirt_uri


def main(stack_file: Path, *, brief: bool) -> int:
    """What the process ends with."""
    began = time.monotonic()
    try:
        settings = load(stack_file)
    except SettingsError as error:
        print(error)
        return 1
    reports = [*examine(settings, libvirt_uri(stack_file)), state()]
    for level, text in lines(reports):
        if level != "ok" or not brief:
            print(f"{level:8} {text}")
    faults = sum(len(report.faults) for report in reports)
    ready = "ready" if not faults else f"not ready: {faults} fault{'s' * (faults > 1)}; nothing was made"
    print(f"This host is {ready} ({len(reports)} checks in {time.monotonic() - began:.1f} s).")
    return 1 if faults else 0


def lines(reports: list[Report]) -> Iterator[tuple[str, str]]:
    """A level and a text for each thing to say."""
    for report in reports:
        yield from (("fault", fault) for fault in report.faults)
        yield from (("warning", warning) for warning in report.warnings)
        if not report.faults and not report.warnings:
            yield "ok", report.subject


def state() -> Report:
    """Whether `make` can keep its state; plain Pulumi keeps it elsewhere."""
    place = REPOSITORY / ".state"
    if os.environ.get("PULUMI_BACKEND_URL") or os.access(nearest(place), os.W_OK):
        return Report("state: can be kept")
    line = (
        f"the state cannot be kept in {place}. Let it: sudo chown -R $USER {nearest(place)}, or set PULUMI_BACKEND_URL"
    )
    return Report("state", [line])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tools.doctor Pulumi.STACK.yaml [--brief]")
    sys.exit(main(Path(sys.argv[1]), brief="--brief" in sys.argv[2:]))
