"""Whether the directory of the disks is this cluster's alone: destroy removes it."""

from __future__ import annotations

from pathlib import Path

from components.settings import Settings

SHOWN = 3
"""Names in the message."""


def strangers_fault(settings: Settings, choose_another: str) -> str | None:
    """The line about files in the storage directory that no cluster of this name has made."""
    directory = settings.storage_directory
    names = [name for name in _names(directory) if not name.startswith((f"{settings.cluster_name}-", "base-"))]
    if not names:
        return None
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return (
        f"storagePath = '{directory}': {shown} in it is not this cluster's, and destroy removes the directory. "
        f"Move it away, or choose another: {choose_another}"
    )


def _names(directory: Path) -> list[str]:
    try:
        return sorted(path.name for path in directory.iterdir())
    except OSError:  # it is still to be made, or only root may look into it
        return []
