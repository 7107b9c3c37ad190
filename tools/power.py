"""Keeps the machines on while Pulumi works on them: python -m tools.power Pulumi.STACK.yaml PROCESS

A run waits for each machine until it answers. One that is switched off, or has lost its QEMU, would not before the next
run starts it; here it is started again, and a line says so. Ends with PROCESS, the command that the run belongs to.
"""

from __future__ import annotations

import os
import select
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from components.leftovers import MARK
from components.libvirt_uri import is_this_hosts
from components.virsh import LeftoversError, Virsh
from tools.leftovers import read
from tools.sweep import Cluster

PAUSE = 5.0
"""Seconds between two looks. A machine that Pulumi replaces is off for a moment and then gone."""
LIMIT = 10.0
"""Seconds for one answer of libvirt."""
MOST_STARTS = 3
"""Of one machine; what goes off again each time does so for a reason, which libvirt's log has."""


class Keeper:
    """Remembers which of a cluster's machines ran, and which of them were off at the last look."""

    def __init__(self, virsh: Virsh, cluster: Cluster, say: Callable[[str], None]) -> None:
        self._virsh, self._cluster, self._say = virsh, cluster, say
        self._ran: set[str] = set()
        self._off: set[str] = set()
        self._starts: Counter[str] = Counter()

    def look(self) -> None:
        """Starts each machine that ran and is off for the second look; nothing where libvirt does not answer.

        One that was off from the beginning is Pulumi's, which starts it itself.
        """
        try:
            running = self._ours(self._virsh.names("list"))
            there = self._ours(self._virsh.domains())
        except LeftoversError:
            return
        self._ran = (self._ran | running) & there
        off = self._ran - running
        for name in sorted(off & self._off):
            self._start(name)
        self._off = off

    def _ours(self, names: Iterable[str]) -> set[str]:
        return {name for name in names if self._cluster.owns_domain(name)}

    def _start(self, name: str) -> None:
        machine = name.removeprefix(f"{self._cluster.name}-")
        try:
            domain = self._virsh.domain(name)
            if domain is None or not domain.description.startswith(MARK):  # gone, or somebody else's
                return
            state = " ".join(self._virsh("domstate", "--domain", name, "--reason").split())
            if self._starts[name] == MOST_STARTS:
                self._ran.discard(name)
                log = f"/var/log/libvirt/qemu/{name}.log"
                self._say(f"{machine}: {state} for the {MOST_STARTS + 1}th time, and left so. Why may be in {log}")
                return
            self._virsh("start", "--domain", name)
        except LeftoversError as error:
            self._ran.discard(name)
            self._say(f"{machine}: it is off while this run needs it, and cannot be started: {error}")
            return
        self._starts[name] += 1
        self._say(f"{machine}: {state} while this run needs it, and started again")


def main(stack_file: Path, process: int) -> None:
    """Looks until that process has ended; not at a hypervisor elsewhere, where each look would be a login."""
    cluster, uri = read(stack_file, lambda _: None)
    if cluster is None or not is_this_hosts(uri):
        return
    try:
        alive = os.pidfd_open(process)
    except ProcessLookupError:
        return
    keeper = Keeper(Virsh(uri, LIMIT), cluster, lambda line: print(line, file=sys.stderr, flush=True))
    keeper.look()  # at once: what has not been seen to run is left off
    while not select.select([alive], [], [], PAUSE)[0]:
        keeper.look()


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        sys.exit("usage: python -m tools.power Pulumi.STACK.yaml PROCESS")
    main(Path(sys.argv[1]), int(sys.argv[2]))
