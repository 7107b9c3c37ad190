"""Every configuration key, parsed and checked before the first resource; all faults in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, get_config_secret_keys_env, is_config_secret
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from components.contradictions import cross_faults
from components.fault_lines import key_fault
from components.formats import (
    BaseUrl,
    Cidr,
    Directory,
    DiskSize,
    FileUrl,
    ImageSource,
    Memory,
    Sha512,
    Truth,
    WholeNumber,
    raw_object,
    tidy,
)
from components.image_names import ImageName, Mirrors
from components.machine_settings import Machines
from components.nested_rules import nested_fault
from components.project import PROJECT
from components.rules import CONTROL_PLANE_CPUS, CONTROL_PLANE_MEMORY, ENCRYPTED, IMAGES_OF_LIBVIRT, RULES


class SettingsError(pulumi.RunError):
    """The configuration is refused. The message has one line a fault: key, value, rule and way out."""


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("even")
    return value


class Settings(BaseModel):
    """What the user may choose. Pulumi.yaml describes each key and holds its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    cluster_name: str = Field(pattern=r"^[a-z]([a-z0-9-]{0,9}[a-z0-9])?$")
    kubernetes_version: str = Field(pattern=r"^1\.(3[2-9]|[4-9][0-9])\.(0|[1-9][0-9]?)$")
    container_runtime: Literal["docker", "containerd"]
    pod_cidr: Cidr
    service_cidr: Cidr

    control_planes: Annotated[WholeNumber, Field(ge=1, le=1), AfterValidator(_odd)]
    control_plane_cpus: WholeNumber = Field(ge=CONTROL_PLANE_CPUS, le=64)
    control_plane_memory: WholeNumber = Field(ge=CONTROL_PLANE_MEMORY, le=1024 * 1024)
    workers: WholeNumber = Field(ge=1, le=100)
    worker_cpus: WholeNumber = Field(ge=1, le=64)
    worker_memory: Memory
    disk_size: DiskSize
    image: ImageSource
    image_sha512: Sha512
    machines: Machines
    system_upgrade: Truth

    virtualization: Literal["kvm", "qemu"]
    network_cidr: Cidr
    storage_path: Directory
    timeout_factor: WholeNumber = Field(ge=1, le=60)

    apt_mirror: BaseUrl
    apt_mirror_key: FileUrl
    kubernetes_apt_repository: BaseUrl
    image_mirrors: Mirrors

    web_server_image: ImageName
    web_server_replicas: WholeNumber = Field(ge=1, le=100)
    node_port: WholeNumber = Field(ge=30000, le=32767)

    @property
    def storage_directory(self) -> Path:
        """Directory of the storage pool: `storagePath`, or one named after the cluster."""
        return Path(self.storage_path or f"{IMAGES_OF_LIBVIRT}/{self.cluster_name}")

    @property
    def kubernetes_repository(self) -> str:
        """URL of the flat apt repository that holds the minor version, ending in a slash."""
        minor = self.kubernetes_version.rsplit(".", 1)[0]
        return (self.kubernetes_apt_repository or f"https://pkgs.k8s.io/core:/stable:/v{minor}/deb").rstrip("/") + "/"


_NUMBERS_AND_TRUTHS = {field.alias for field in Settings.model_fields.values() if field.annotation in (int, bool)}


def load_settings(values: Mapping[str, Any], *, found: Sequence[str] = ()) -> Settings:
    """Settings from configuration keys as Pulumi hands them over (strings, or what YAML makes of them).

    Raises SettingsError with a line for every fault; first those that were found where the values come from.
    """
    # Pulumi itself refuses blanks around a number or a truth value.
    values = {key: value if key in _NUMBERS_AND_TRUTHS else tidy(value) for key, value in values.items()}
    settings: Settings | None = None
    wrong: dict[str, dict[str, None]] = {}
    unknown = [key_fault(key, value) for key, value in values.items() if key not in RULES]
    try:
        settings = Settings.model_validate({key: value for key, value in values.items() if key in RULES})
    except ValidationError as error:
        for detail in error.errors():
            key = str(detail["loc"][0])
            whole = key_fault(key, values.get(key), missing=detail["type"] == "missing")
            wrong.setdefault(key, {})[nested_fault(detail["loc"], detail["input"]) or whole] = None
    # Of what is inside a key, the rest is checked further where something has a fault.
    partly = {key for key in ("machines", "imageMirrors") if raw_object(values.get(key))}
    sound = {key: value for key, value in values.items() if key in RULES.keys() - wrong.keys() | partly}
    faults = [*found, *(line for lines in wrong.values() for line in lines), *unknown, *cross_faults(sound)]
    if faults or settings is None:
        raise refusal(faults)
    return settings


def refusal(faults: Sequence[str]) -> SettingsError:
    """The one message that all faults of the configuration come in."""
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return SettingsError("\n".join([f"The configuration has {count}; nothing was made.", *faults]))


def stack_values() -> dict[str, Any]:
    """The configuration keys of this project that the running stack has, defaults of Pulumi.yaml included.

    ENCRYPTED stands for what `pulumi config set --secret` has set.
    """
    everything = {**get_config_env(), **CONFIG.get()}
    secret = {key for key in everything if key in get_config_secret_keys_env() or is_config_secret(key)}
    prefix = f"{PROJECT}:"
    return {
        key.removeprefix(prefix): ENCRYPTED if key in secret else value
        for key, value in everything.items()
        if key.startswith(prefix)
    }
