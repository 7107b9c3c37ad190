"""Every configuration key, parsed and checked before the first resource; all faults in one message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from components.rules import fault, key_fault

PROJECT = "kubeadm-libvirt"

FIRST_CONTROL_PLANE_HOST = 11
FIRST_WORKER_HOST = 21
"""Host numbers inside the network: 1 is the host itself, 11 the first control plane, 21 the first worker."""


class SettingsError(pulumi.RunError):
    """The configuration is refused. The message has one line a fault: key, value, rule and way out."""


def _object(value: Any) -> Any:
    return json.loads(value or "{}") if isinstance(value, str) else value  # Pulumi hands objects over as JSON


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("even")
    return value


def _network(value: Any) -> IPv4Network:
    return IPv4Network(value)  # strict: 10.0.0.1/24 is a typing mistake, not 10.0.0.0/24


Cidr = Annotated[IPv4Network, BeforeValidator(_network)]
HttpUrl = Annotated[str, Field(pattern=r"^(https?://[^\s/]+(/\S*)?)?$")]
Image = Annotated[str, Field(pattern=r"^(https?://[^\s/]+/\S+|/\S+)$")]
Sha512 = Annotated[str, Field(pattern=r"^([0-9a-f]{128})?$")]
Memory = Annotated[int, Field(ge=1024, le=1024 * 1024)]
DiskSize = Annotated[int, Field(ge=8, le=4096)]


class MachineSettings(BaseModel):
    """What one machine has of its own; what is None is as it is for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    cpus: Annotated[int, Field(ge=1, le=64)] | None = None
    memory: Memory | None = None
    """MiB."""
    disk_size: DiskSize | None = None
    """GiB."""
    image: Image | None = None
    image_sha512: Sha512 = ""
    """Of `image` here, not of the image of all."""


class Settings(BaseModel):
    """What the user may choose. Pulumi.yaml describes each key and holds its default."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, validate_default=True
    )

    cluster_name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,9}[a-z0-9])?$")
    kubernetes_version: str = Field(pattern=r"^1\.(3[1-9]|[4-9][0-9])\.[0-9]+$")
    container_runtime: Literal["docker", "containerd"]
    pod_cidr: Cidr
    service_cidr: Cidr

    control_planes: Annotated[int, Field(ge=1, le=1), AfterValidator(_odd)]
    control_plane_cpus: int = Field(ge=2, le=64)
    control_plane_memory: int = Field(ge=1700, le=1024 * 1024)
    workers: int = Field(ge=1, le=100)
    worker_cpus: int = Field(ge=1, le=64)
    worker_memory: Memory
    disk_size: DiskSize
    image: Image
    image_sha512: Sha512
    machines: Annotated[dict[str, MachineSettings], BeforeValidator(_object)]
    system_upgrade: bool

    virtualization: Literal["kvm", "qemu"]
    network_cidr: Cidr
    storage_path: str = Field(pattern=r"^(/\S+)?$")
    timeout_factor: int = Field(ge=1, le=60)

    apt_mirror: HttpUrl
    apt_mirror_key: HttpUrl
    kubernetes_apt_repository: HttpUrl
    image_mirrors: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[a-z0-9.-]+(:[0-9]+)?$")], Annotated[str, Field(pattern=r"^https?://\S+$")]
        ],
        BeforeValidator(_object),
    ]

    web_server_image: str = Field(
        pattern=r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$"
    )
    web_server_replicas: int = Field(ge=1, le=100)
    node_port: int = Field(ge=30000, le=32767)

    @property
    def storage_directory(self) -> Path:
        """Directory of the storage pool: `storagePath`, or one named after the cluster."""
        return Path(self.storage_path or f"/var/lib/libvirt/images/{self.cluster_name}")

    @property
    def kubernetes_repository(self) -> str:
        """URL of the flat apt repository that holds the minor version, ending in a slash."""
        minor = self.kubernetes_version.rsplit(".", 1)[0]
        return (self.kubernetes_apt_repository or f"https://pkgs.k8s.io/core:/stable:/v{minor}/deb").rstrip("/") + "/"


def load_settings(values: Mapping[str, Any]) -> Settings:
    """Settings from configuration keys as Pulumi hands them over (strings, or what YAML makes of them).

    Raises SettingsError with a line for every fault.
    """
    values = {key: _stripped(value) for key, value in values.items()}
    settings: Settings | None = None
    wrong: dict[str, str] = {}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0])
            wrong[key] = key_fault(key, values.get(key), missing=detail["type"] == "missing")
    faults = list(wrong.values()) + cross_faults({key: values[key] for key in values if key not in wrong})
    if faults or settings is None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise SettingsError("\n".join([f"The configuration has {count}; nothing was made.", *faults]))
    return settings


def stack_values() -> dict[str, Any]:
    """The configuration keys of this project that the running stack has, defaults of Pulumi.yaml included."""
    everything = {**get_config_env(), **CONFIG.get()}
    prefix = f"{PROJECT}:"
    return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}


def cross_faults(values: Mapping[str, Any]) -> list[str]:
    """A line for each rule between keys that is broken; rules about keys that are not in `values` are left out."""
    faults = []
    cidrs = {key: _network(values[key]) for key in ("networkCidr", "podCidr", "serviceCidr") if key in values}
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
    if str(values.get("image", "")).startswith("http") and values.get("imageSha512", "-") == "":
        rule = "an image from a URL is only used when its checksum is known"
        faults.append(fault("imageSha512", "", rule, "copy it from the SHA512SUMS file beside the image"))
    if values.get("aptMirrorKey") and values.get("aptMirror", "-") == "":
        rule = "there is no aptMirror that it could sign"
        faults.append(fault("aptMirrorKey", values["aptMirrorKey"], rule, "set aptMirror as well, or remove the key"))
    return faults + _machine_faults(values)


def _machine_faults(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the settings of single machines, which are valid by themselves."""
    counts = (("control-plane", int(values.get("controlPlanes", 1))), ("worker", int(values.get("workers", 100))))
    names = [f"{role}-{number}" for role, count in counts for number in range(1, count + 1)]
    faults = []
    for name, own in _object(values.get("machines", {})).items():
        machine = MachineSettings.model_validate(own)
        if name not in names:
            rule, way_out = (
                f"there is no such machine among {names[0]} to {names[-1]}",
                "correct the name, or remove it",
            )
            faults.append(fault(f"machines.{name}", own, rule, way_out))
        elif name.startswith("control-plane") and ((machine.cpus or 2) < 2 or (machine.memory or 1700) < 1700):
            rule = "kubeadm refuses a control plane with less than 2 CPUs or 1700 MiB"
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


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
