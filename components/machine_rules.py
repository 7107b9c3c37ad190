"""What is wrong with the settings of single machines that are valid by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.machine_settings import machines, raw_machines
from components.rules import CONTROL_PLANE_MEMORY, FIRST_CONTROL_PLANE_HOST, FIRST_WORKER_HOST, fault

_FIRST_HOSTS = {"control-plane": FIRST_CONTROL_PLANE_HOST, "worker": FIRST_WORKER_HOST}


def name_and_host(role: str, number: int) -> tuple[str, int]:
    """What the machine of a role is called, and its number in the network; the first is 0."""
    return f"{role}-{number + 1}", _FIRST_HOSTS[role] + number


def machine_hosts(values: Mapping[str, Any], *, workers: int) -> dict[str, int]:
    """The number of each machine in the network, by its name. `workers` is how many where their number is refused."""
    counts = {"control-plane": int(values.get("controlPlanes", 1)), "worker": int(values.get("workers", workers))}
    return dict(name_and_host(role, number) for role, count in counts.items() for number in range(count))


def machine_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each rule about single machines that is broken."""
    names = list(machine_hosts(values, workers=100))
    faults = []
    for name, raw in raw_machines(values.get("machines", {})).items():
        if name not in names:
            rule = f"there is no such machine among {names[0]} to {names[-1]}"
            faults.append(fault(f"machines.{name}", raw, rule, "correct the name, or remove it"))
    for name, machine in machines(values.get("machines", {})).items():
        own = machine.model_dump(by_alias=True, exclude_unset=True)
        if name.startswith("control-plane") and (
            (machine.cpus or 2) < 2 or (machine.memory or CONTROL_PLANE_MEMORY) < CONTROL_PLANE_MEMORY
        ):
            rule = (
                "kubeadm refuses a control plane with less than 2 CPUs or 1700 MiB of what the kernel leaves, which is "
                f"less than {CONTROL_PLANE_MEMORY}"
            )
            faults.append(fault(f"machines.{name}", own, rule, "give it more, or remove it"))
        if (machine.image or "").startswith("http") and not machine.image_sha512:
            rule = "an image from a URL is only used when its checksum is known"
            faults.append(
                fault(f"machines.{name}", own, rule, "add imageSha512, from the SHA512SUMS file beside the image")
            )
        if machine.image_sha512 and not machine.image:
            rule = "there is no image of its own that imageSha512 could belong to"
            faults.append(fault(f"machines.{name}", own, rule, "add image, or remove imageSha512"))
    return faults
