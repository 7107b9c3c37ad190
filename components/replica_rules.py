"""Whether the workers have room for the web server's pods; a Deployment that never gets ready fails after minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.fault_lines import fault
from components.machine_settings import machines

MILLICPUS, MEBIBYTES = 10, 16
"""What one pod of the web server asks for."""
FLANNELS_MILLICPUS, FLANNELS_MEBIBYTES = 100, 50
"""What flannel asks for on every node."""
UNUSABLE_MEBIBYTES = 200
"""Of a machine's memory, the kernel's part and the 100 that the kubelet keeps free."""
PODS = 110 - 3
"""What a kubelet takes, without flannel, kube-proxy and CoreDNS."""


def replica_faults(values: Mapping[str, Any]) -> list[str]:
    """A line where there are more replicas than the workers can hold."""
    keys = ("webServerReplicas", "workers", "workerCpus", "workerMemory")
    if not values.keys() >= set(keys):
        return []
    wanted, workers, cpus, memory = (int(values[key]) for key in keys)
    own = machines(values.get("machines", {}))
    room = 0
    for number in range(1, workers + 1):
        machine = own.get(f"worker-{number}")
        room += _room((machine and machine.cpus) or cpus, (machine and machine.memory) or memory)
    if wanted <= room:
        return []
    rule = f"the workers have room for {room}, each of which asks for {MILLICPUS}m CPU and {MEBIBYTES} MiB"
    return [fault("webServerReplicas", values["webServerReplicas"], rule, "take fewer, or more or bigger workers")]


def _room(cpus: int, memory: int) -> int:
    return min(
        (cpus * 1000 - FLANNELS_MILLICPUS) // MILLICPUS,
        (memory - UNUSABLE_MEBIBYTES - FLANNELS_MEBIBYTES) // MEBIBYTES,
        PODS,
    )
