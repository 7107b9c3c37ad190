"""Says all faults of a stack's configuration file at once, before Pulumi starts and would name only the first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

from components.fault_lines import fault, setting
from components.settings import Settings, SettingsError, load_settings, refusal
from tools.stack_file import StackFile, read_stack_file

NAMES = ("clusterName", "storagePath")
"""What things of this cluster are called in libvirt, and where its disks are."""
REPOSITORY = Path(__file__).resolve().parent.parent


def load_names(file: StackFile) -> Settings:
    """The settings of a stack's file that say what is whose in libvirt, and the defaults of all others.

    Raises SettingsError with the faults of the file and of these.
    """
    if file.faults:
        raise refusal(file.faults)
    return load_settings({**_defaults(), **{key: value for key, value in file.values.items() if key in NAMES}})


def load(stack_file: Path) -> Settings:
    """The settings of a stack's file. Raises SettingsError with all faults of the file and of its values."""
    file = read_stack_file(stack_file)
    objects = {key for key, declared in _declared().items() if declared["type"] == "object"}
    texts = {key: value for key, value in file.values.items() if key in objects and isinstance(value, str)}
    faults = [
        fault(key, value, "Pulumi wants a mapping and takes no text, be it JSON", f"set it with: {setting(key)}")
        for key, value in texts.items()
    ]
    values = {key: value for key, value in file.values.items() if key not in texts}
    return load_settings({**_defaults(), **values}, found=[*file.faults, *faults])


def _declared() -> dict[str, dict[str, Any]]:
    declared: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())["config"]
    return declared


def _defaults() -> dict[str, Any]:
    return {key: declared["default"] for key, declared in _declared().items()}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tools.check_configuration Pulumi.STACK.yaml")
    try:
        load(Path(sys.argv[1]))
    except SettingsError as error:
        sys.exit(str(error))
