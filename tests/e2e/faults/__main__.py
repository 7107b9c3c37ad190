"""`python -m tests.e2e.faults [NAME…]`: tries these faults, or all, and writes docs/reliability.md; `make faults`.

Takes hours for all of them. Nothing else may use the lab meanwhile.
"""

from __future__ import annotations

import sys

from tests.e2e.cluster import run
from tests.e2e.faults import (
    catalogue_cluster,
    catalogue_destroy,
    catalogue_files,
    catalogue_killed,
    catalogue_leftovers,
    catalogue_machines,
    catalogue_mirrors,
    catalogue_nodes,
    catalogue_pod_network,
    catalogue_processes,
    report,
)
from tests.e2e.faults.checkpoints import ROOT, forget_other_programs
from tests.e2e.faults.fault import Fault
from tests.e2e.faults.machines import clear, names
from tests.e2e.faults.trial import outcome

FAULTS: list[Fault] = [
    *catalogue_killed.KILLED_RUNS,
    *catalogue_killed.INTERRUPTED_RUNS,
    *catalogue_killed.MACHINES_OFF,
    *catalogue_processes.PROCESSES,
    *catalogue_mirrors.MIRRORS,
    *catalogue_machines.MACHINES,
    *catalogue_cluster.DAMAGES,
    *catalogue_nodes.DAMAGES,
    *catalogue_files.DAMAGES,
    *catalogue_pod_network.DAMAGES,
    *catalogue_leftovers.LEFTOVERS,
    *catalogue_destroy.STATES,
]
OURS = ROOT / "the-lab-is-ours"
"""There while what runs in the lab is the harness's own, also after it was killed."""


def main(wanted: list[str]) -> int:
    """Tries the named faults, or all; the exit code is 1 where one was not coped with, 2 where nothing was tried."""
    known = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in wanted if name not in known]:
        print(f"There is no fault {', '.join(unknown)}. There are: {', '.join(known)}", file=sys.stderr)
        return 2
    run("lab/start")
    if names("list") and not OURS.exists():
        print("A cluster is up in the lab. Nothing was tried: make destroy STACK=lab first.", file=sys.stderr)
        return 2
    forget_other_programs()
    OURS.parent.mkdir(parents=True, exist_ok=True)
    OURS.touch()
    failures = []
    for name in wanted or known:
        if not _coped(known[name]):
            failures.append(name)
        write_page()
    clear()
    OURS.unlink()
    print(f"Not coped with: {', '.join(failures) or 'none'}. See docs/reliability.md", flush=True)
    return 1 if failures else 0


def write_page() -> None:
    """Writes docs/reliability.md from what was tried up to now; after a change of the catalogue, too."""
    report.PAGE.write_text(report.page([fault.name for fault in FAULTS]))


def _coped(fault: Fault) -> bool:
    print(f"{fault.name}: {fault.what}", flush=True)
    result = outcome(fault)
    result.keep()
    verdict = f"FAILED: {result.failure}" if result.failure else result.healed
    print(f"  {verdict}; {result.seconds:.0f} s. Seen: {result.seen or 'nothing'}", flush=True)
    return not result.failure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
