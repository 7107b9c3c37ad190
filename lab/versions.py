"""The pins of versions.toml."""

from __future__ import annotations

import tomllib
from typing import Any

from lab.paths import LAB

VERSIONS: dict[str, Any] = tomllib.loads((LAB / "versions.toml").read_text())
