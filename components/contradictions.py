"""What is wrong between keys of the configuration that are right by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.fault_lines import fault
from components.machine_rules import machine_faults
from components.network_rules import network_faults
from components.replica_rules import replica_faults
from components.source_rules import source_faults
from components.storage_rules import storage_faults

LIBVIRTS_OWN_NAME = "default"
"""What Debian's libvirt calls the network, and virt-install the pool, that it makes by itself."""


def cross_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each rule between keys that is broken; rules about keys that are not in `values` are left out."""
    faults = []
    if values.get("clusterName") == LIBVIRTS_OWN_NAME:
        rule = "libvirt calls its own network and storage pool so"
        faults.append(fault("clusterName", LIBVIRTS_OWN_NAME, rule, "choose another name, for example k8s"))
    faults.extend([*network_faults(values), *storage_faults(values)])
    if str(values.get("image", "")).startswith("http") and values.get("imageSha512", "-") == "":
        rule = "an image from a URL is only used when its checksum is known"
        faults.append(fault("imageSha512", "", rule, "copy it from the SHA512SUMS file beside the image"))
    if values.get("aptMirrorKey") and values.get("aptMirror", "-") == "":
        rule = "there is no aptMirror that it could sign"
        faults.append(fault("aptMirrorKey", values["aptMirrorKey"], rule, "set aptMirror as well, or remove the key"))
    return [*faults, *source_faults(values), *machine_faults(values), *replica_faults(values)]
