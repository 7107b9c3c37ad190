"""What is wrong between keys of the configuration that are right by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import PurePosixPath
from typing import Any

from components.formats import machines, network, raw_machines
from components.rules import (
    CONTROL_PLANE_MEMORY,
    FIRST_WORKER_HOST,
    LIBVIRTS_OWN_NAME,
    SPECIAL_NETWORKS,
    SYSTEM_DIRECTORIES,
    SYSTEM_TREES,
    fault,
)


def cross_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each rule between keys that is broken; rules about keys that are not in `values` are left out."""
    faults = []
    if values.get("clusterName") == LIBVIRTS_OWN_NAME:
        rule = "libvirt calls its own network and storage pool so"
        faults.append(fault("clusterName", LIBVIRTS_OWN_NAME, rule, "choose another name, for example k8s"))
    cidrs = {key: network(values[key]) for key in ("networkCidr", "podCidr", "serviceCidr") if key in values}
    for key, cidr in cidrs.items():
        for special, use in SPECIAL_NETWORKS.items():
            if cidr.overlaps(special):
                rule = f"it overlaps {special}, which is for {use}"
                faults.append(fault(key, values[key], rule, "choose a private network, for example within 10.0.0.0/8"))
                break
    for first, second in combinations(cidrs, 2):
        if cidrs[first].overlaps(cidrs[second]):
            faults.append(
                fault(second, values[second], f"it overlaps {first} {values[first]}", "choose networks that are apart")
            )
    nodes = int(values.get("controlPlanes", 1)) + int(values.get("workers", 1))
    if "networkCidr" in cidrs and cidrs["networkCidr"].num_addresses < FIRST_WORKER_HOST + nodes + 1:
        faults.append(
            fault("networkCidr", values["networkCidr"], f"it is too small for {nodes} machines", "take a /24")
        )
    if "podCidr" in cidrs and 2 ** max(0, 24 - cidrs["podCidr"].prefixlen) < nodes + (cidrs["podCidr"].prefixlen > 24):
        rule = f"it has not a /24 for each of {nodes} nodes"
        faults.append(fault("podCidr", values["podCidr"], rule, "take a /16, for example 10.244.0.0/16"))
    if "serviceCidr" in cidrs and not 12 <= cidrs["serviceCidr"].prefixlen <= 24:
        rule = "kube-apiserver takes a /12 at most and the cluster's own services want a /24 at least"
        faults.append(fault("serviceCidr", values["serviceCidr"], rule, "take 10.96.0.0/12"))
    if "podCidr" in cidrs and cidrs["podCidr"].prefixlen < 8:
        rule = "kubeadm takes a /8 at most where each node has a /24"
        faults.append(fault("podCidr", values["podCidr"], rule, "take a /16, for example 10.244.0.0/16"))
    faults.extend(_storage_faults(values))
    if str(values.get("image", "")).startswith("http") and values.get("imageSha512", "-") == "":
        rule = "an image from a URL is only used when its checksum is known"
        faults.append(fault("imageSha512", "", rule, "copy it from the SHA512SUMS file beside the image"))
    if values.get("aptMirrorKey") and values.get("aptMirror", "-") == "":
        rule = "there is no aptMirror that it could sign"
        faults.append(fault("aptMirrorKey", values["aptMirrorKey"], rule, "set aptMirror as well, or remove the key"))
    return [*faults, *_machine_faults(values)]


def _storage_faults(values: Mapping[str, Any]) -> list[str]:
    """The program makes the directory and removes it in the end, so it may be nobody else's."""
    if not values.get("storagePath"):
        return []
    path = PurePosixPath(values["storagePath"])
    own = [machine.image for machine in machines(values.get("machines", {})).values()]
    way_out = "choose a directory of its own, for example /srv/kubernetes"
    if str(path) in SYSTEM_DIRECTORIES:
        return [fault("storagePath", path, "it is a directory of the system, and destroy would remove it", way_out)]
    for tree in SYSTEM_TREES:
        if path.is_relative_to(tree):
            return [fault("storagePath", path, f"what is in {tree} is the system's own", way_out)]
    for image in filter(None, [values.get("image"), *own]):
        if PurePosixPath(image).is_relative_to(path):
            return [fault("storagePath", path, f"image {image} is in it, and destroy would remove it", way_out)]
    return []


def _machine_faults(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of single machines, which are valid by themselves."""
    counts = (("control-plane", int(values.get("controlPlanes", 1))), ("worker", int(values.get("workers", 100))))
    names = [f"{role}-{number}" for role, count in counts for number in range(1, count + 1)]
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
