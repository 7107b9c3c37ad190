"""Says all faults of a stack's configuration file at once, before Pulumi starts and would name only the first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, SettingsError, load_settings
from tools.stack_file import stack_file_values

REPOSITORY = Path(__file__).resolve().parent.parent


def configured(stack_file: Path) -> dict[str, Any]:
    """The keys of this project in a Pulumi.STACK.yaml, on top of the defaults of Pulumi.yaml. Raises SettingsError."""
    project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())
    defaults = {key: entry["default"] for key, entry in project["config"].items()}
    return {**defaults, **stack_file_values(stack_file)}


def load(stack_file: Path) -> Settings:
    """The settings of a stack's file. Raises SettingsError."""
    return load_settings(configured(stack_file))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.check_configuration Pulumi.STACK.yaml")
    try:
        load(Path(sys.argv[1]))
    except SettingsError as error:
        sys.exit(str(error))
