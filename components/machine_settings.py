"""What single machines of a cluster have of their own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from components.formats import DiskSize, ImageSource, Memory, Sha512, WholeNumber, json_object, raw_object


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


def machines(value: Any) -> dict[str, MachineSettings]:
    """What single machines have of their own, by the machine's name; without what is refused of it."""
    return {
        name: MachineSettings.model_validate(_accepted(own))
        for name, own in raw_object(value).items()
        if isinstance(own, dict)
    }


def _accepted(own: dict[str, Any]) -> dict[str, Any]:
    try:
        MachineSettings.model_validate(own)
    except ValidationError as error:
        refused = {detail["loc"][0] for detail in error.errors()}
        return {key: value for key, value in own.items() if key not in refused}
    return own
