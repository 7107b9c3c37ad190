"""What single machines of a cluster have of their own."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from components.formats import DiskSize, ImageSource, Memory, Sha512, WholeNumber, json_object


class MachineSettings(BaseModel):
    """What one machine has of its own; what is None is as it is for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)

    cpus: Annotated[WholeNumber, Field(ge=1, le=64)] | None = None
    memory: Memory | None = None
    """MiB."""
    disk_size: DiskSize | None = None
    """GiB."""
    image: ImageSource | None = None
    image_sha512: Sha512 = ""
    """Of `image` here, not of the image of all."""


Machines = Annotated[dict[str, MachineSettings], BeforeValidator(json_object)]


def raw_machines(value: Any) -> dict[str, Any]:
    """What the user has written for single machines, by the machine's name; nothing where it is no object."""
    try:
        found = json_object(value)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def machines(value: Any) -> dict[str, MachineSettings]:
    """What single machines have of their own, by the machine's name; without those that have it in another form."""
    found = {}
    for name, own in raw_machines(value).items():
        with suppress(ValidationError):
            found[name] = MachineSettings.model_validate(own)
    return found
