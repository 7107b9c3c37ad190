"""Says all faults of a stack's configuration file at once, before Pulumi starts and would name only the first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from components.settings import PROJECT, Settings, SettingsError, load_settings

REPOSITORY = Path(__file__).resolve().parent.parent


def configured(stack_file: Path) -> dict[str, Any]:
    """The keys of this project in a Pulumi.STACK.yaml, on top of the defaults of Pulumi.yaml."""
    project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
    stack = yaml.safe_load(stack_file.read_text()) or {}
    own = {key.removeprefix(f"{PROJECT}:"): value for key, value in (stack.get("config") or {}).items()}
    defaults = {key: entry["default"] for key, entry in project["config"].items()}
    return {**defaults, **{key: value for key, value in own.items() if ":" not in key}}


def load(stack_file: Path) -> Settings:
    """The settings of a stack's file. Raises SettingsError."""
    return load_settings(configured(stack_file))


if __name__ == "__main__":
    try:
        load(Path(sys.argv[1]))
    except SettingsError as error:
        sys.exit(str(error))
