"""Commands made of a text, for tests that put stand-ins onto PATH."""

from __future__ import annotations

from pathlib import Path


def executable(path: Path, text: str) -> None:
    """Writes a file that can be run; the text's first line says by what."""
    path.write_text(text)
    path.chmod(0o755)
