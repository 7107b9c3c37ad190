"""What is wrong with the settings of single machines that are valid by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.fault_lines import fault
from components.formats import raw_object
from components.machine_settings import MachineSettings, machines
from components.nested_rules import nested_fault
from components.rules import CONTROL_PLANE_CPUS, CONTROL_PLANE_MEMORY, FIRST_CONTROL_PLANE_HOST, FIRST_WORKER_HOST

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
    sound = machines(values.get("machines", {}))
    faults = []
    for name, raw in raw_object(values.get("machines", {})).items():
        if name not in names:
            rule = f"there is no such machine among {names[0]} to {names[-1]}"
            faults.append(fault(f"machines.{name}", raw, rule, "correct the name, or remove it"))
        if name in sound:
            faults += [*_control_plane_faults(name, sound[name]), *_image_faults(name, raw, sound[name])]
    return [*faults, *_checksum_faults(values, sound)]


def _control_plane_faults(name: str, own: MachineSettings) -> list[str]:
    if not name.startswith("control-plane"):
        return []
    least = {"cpus": CONTROL_PLANE_CPUS, "memory": CONTROL_PLANE_MEMORY}
    small = {
        key: value for key, value in own.model_dump(include=set(least)).items() if (value or least[key]) < least[key]
    }
    return [line for key, value in small.items() if (line := nested_fault(("machines", name, key), value))]


def _image_faults(name: str, raw: dict[str, Any], own: MachineSettings) -> list[str]:
    if {"image", "imageSha512"} & (raw.keys() - own.model_dump(by_alias=True, exclude_unset=True).keys()):
        return []  # one of them is refused already
    if (own.image or "").startswith("http") and not own.image_sha512:
        rule = "an image from a URL is only used when its checksum is known"
        return [fault(f"machines.{name}", raw, rule, "add imageSha512, from the SHA512SUMS file beside the image")]
    if own.image_sha512 and not own.image:
        rule = "there is no image of its own that imageSha512 could belong to"
        return [fault(f"machines.{name}", raw, rule, "add image, or remove imageSha512")]
    return []


def _checksum_faults(values: Mapping[str, Any], sound: Mapping[str, MachineSettings]) -> list[str]:
    images = [("image", values.get("image"), values.get("imageSha512"))]
    images += [(f"machines.{name}.image", own.image, own.image_sha512) for name, own in sound.items()]
    first: dict[str, tuple[str, str]] = {}
    faults = []
    for key, image, checksum in images:
        if not image or not checksum:
            continue
        other, known = first.setdefault(image, (key, checksum))
        if checksum != known:
            rule = f"{other} is the same file with another SHA-512, and one file has one"
            faults.append(fault(f"{key}Sha512", checksum, rule, "correct it, or give each image a place of its own"))
    return faults
