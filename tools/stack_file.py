"""Reads a Pulumi.STACK.yaml as Pulumi does, or says in one line what is wrong with it and where."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from components.rules import ENCRYPTED, fault, namespace_fault
from components.settings import PROJECT, refusal

PROVIDERS = ("command", "kubernetes", "libvirt", "pulumi")
"""Namespaces that are not the project's own and are read all the same."""
OTHER_SECTIONS = ("encryptedkey", "encryptionsalt", "environment", "secretsprovider")
"""What Pulumi itself writes beside `config`."""
NULLS = ("", "~", "null", "Null", "NULL")


class _Loader(yaml.BaseLoader):
    """Leaves numbers, dates and truth values the text they are; that is how Pulumi hands them to the program."""

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        text = super().construct_scalar(node)
        return "" if node.style is None and text in NULLS else text  # Pulumi takes null for an empty text

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def stack_file_values(path: Path) -> dict[str, Any]:
    """The project's keys in the `config` of a stack file. Raises SettingsError with a line for every fault."""
    document = _document(path)
    if not isinstance(document, dict):
        raise refusal([_fault(path, "it must be a mapping that has the key config")])
    faults = [
        fault(key, value, f"{path.name} has settings only below config", f"move it there as {PROJECT}:{key}")
        for key, value in document.items()
        if key not in ("config", *OTHER_SECTIONS)
    ]
    config = document.get("config") or {}
    if not isinstance(config, dict):
        raise refusal([*faults, _fault(path, f"config must be a mapping, such as {PROJECT}:workers: 2")])
    values: dict[str, Any] = {}
    for key, value in config.items():
        namespace, colon, name = key.rpartition(":")
        if not name or ":" in namespace or (colon and not namespace):
            faults.append(fault(key, value, "a key must have the form NAMESPACE:NAME", f"call it {PROJECT}:NAME"))
        elif namespace not in ("", PROJECT):
            if namespace not in PROVIDERS:
                faults.append(namespace_fault(key, value, PROJECT))
        elif name in values:
            faults.append(fault(key, value, f"{name} is there with and without {PROJECT}:", "remove one of them"))
        else:
            values[name] = ENCRYPTED if isinstance(value, dict) and set(value) == {"secure"} else value
    if faults:
        raise refusal(faults)
    return values


def libvirt_uri(path: Path) -> str | None:
    """Which libvirt the provider of a stack with this file uses; None where nothing says it."""
    stack = yaml.safe_load(path.read_text()) or {}
    return (stack.get("config") or {}).get("libvirt:uri") or os.environ.get("LIBVIRT_DEFAULT_URI")


def _document(path: Path) -> Any:
    try:
        text = path.read_bytes()
        _refuse_aliases(text)
        return yaml.load(text, _Loader) or {}  # noqa: S506 (a loader that makes texts only)
    except OSError as error:
        raise refusal([f"- {path} cannot be read: {error.strerror}. Way out: git checkout {path.name}"]) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise refusal([_fault(path, f"{where}: {error.problem or error.context}")]) from error
    except yaml.reader.ReaderError as error:
        raise refusal([_fault(path, f"it is no text: {error.reason} at {error.position}")]) from error
    except RecursionError as error:
        raise refusal([_fault(path, "it is nested too deeply")]) from error


def _refuse_aliases(text: bytes) -> None:
    """A few lines of them can stand for gigabytes."""
    for token in yaml.scan(text, _Loader):
        if isinstance(token, yaml.AliasToken):
            raise yaml.MarkedYAMLError(problem="aliases are not read here", problem_mark=token.start_mark)


def _fault(path: Path, rule: str) -> str:
    return f"- {path} is refused: {rule}. Way out: see docs/configuration.md for how it is written"
