"""The default configuration, read from Pulumi.yaml, and settings that differ from it in what a test is about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, load_settings

REPOSITORY = Path(__file__).resolve().parent.parent
PROJECT_FILE: dict[str, Any] = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())


def default_values() -> dict[str, Any]:
    """The defaults of Pulumi.yaml as Pulumi hands them to the program: objects as JSON, the rest as YAML has it."""
    defaults = {key: declared["default"] for key, declared in PROJECT_FILE["config"].items()}
    return {key: json.dumps(value) if isinstance(value, dict) else value for key, value in defaults.items()}


def as_pulumi_hands_it_over(value: Any) -> str:
    """A text; objects and truth values as JSON."""
    return json.dumps(value) if isinstance(value, dict | bool) else str(value)


def make_settings(**overrides: Any) -> Settings:
    """Settings from the defaults and what a test changes, by key: make_settings(workers=1)."""
    return load_settings({**default_values(), **overrides})
