"""Seeds as the hooks of a recorded program make them, read back as cloud-init reads them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pulumi
from pycdlib import PyCdlib

from tests.recording import Run


async def call(recorded: Run, moment: str, volume: str, path: Path) -> None:
    """Calls the hooks of a volume that hand its content over, as the engine does, for a `source` of this path."""
    (registration,) = [each for each in recorded.of(":Volume") if each.name == volume]
    names = [name for name in registration.hooks.get(moment, []) if name.endswith(("-hand-over", "-take-away"))]
    assert names, f"nothing is handed over to {volume}"
    for name in names:
        args = pulumi.ResourceHookArgs(
            urn=registration.urn,
            id="",
            name=volume,
            type=registration.type,
            new_inputs={"name": registration.plain("name"), "source": str(path)},
        )
        waiting = recorded.hooks[name](args)
        if waiting is not None:
            await waiting


def read_seed(path: Path) -> dict[str, str]:
    """Every file of a CD by its long name, and the CD's label as `label`."""
    cd = PyCdlib()
    cd.open(str(path))
    files = {"label": cd.pvd.volume_identifier.decode().strip()}
    for entry in cd.list_children(rr_path="/"):
        if entry.is_file():
            content = BytesIO()
            name = entry.rock_ridge.name().decode()
            cd.get_file_from_iso_fp(content, rr_path=f"/{name}")
            files[name] = content.getvalue().decode()
    cd.close()
    return files
