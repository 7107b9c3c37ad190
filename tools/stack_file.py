"""Reads the settings of a Pulumi.STACK.yaml as Pulumi does, and says what is wrong with their names, a line each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.fault_lines import fault, namespace_fault, nearest, no_such_key
from components.libvirt_uri import LIBVIRT_URI, uri_fault
from components.one_line import one_line
from components.project import PROJECT
from components.rules import ENCRYPTED, RULES
from components.settings import refusal
from tools.strict_yaml import file_fault, read_yaml

OTHERS_KEYS = {"libvirt": ("uri",), "pulumi": ("tags", "template")}
"""Keys that are not the project's own and are read all the same, or do no harm, by their namespaces.

Of Pulumi's other keys, disable-default-providers would take away the providers that everything here is made with, and
autonaming names nothing here. The Kubernetes provider is given all it needs by the program.
"""
PROVIDERS = ("command", "kubernetes", *OTHERS_KEYS)
OTHER_SECTIONS = ("encryptedkey", "encryptionsalt", "secretsprovider")
"""What Pulumi itself writes beside `config`."""


@dataclass(frozen=True, kw_only=True)
class StackFile:
    """What a stack's file says. Where it has faults, the rest is there all the same, to be checked further."""

    values: dict[str, Any]
    """The project's own keys, without their namespace."""
    libvirt_uri: str | None
    faults: list[str]


def read_stack_file(path: Path) -> StackFile:
    """Raises SettingsError only for a file that cannot be read at all."""
    document = read_yaml(path)
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise refusal([file_fault(path, "it must be a mapping that has the key config")])
    faults = [wrong for key, value in document.items() if (wrong := _section_fault(path, key, value))]
    config = document.get("config")
    if config is None:
        config = {}
    if not isinstance(config, dict):
        faults.append(file_fault(path, f"config must be a mapping, such as {PROJECT}:workers: 2"))
        config = {}
    values: dict[str, Any] = {}
    for key, value in config.items():
        namespace, _, name = key.rpartition(":")
        if wrong := _name_fault(key, value):
            faults.append(wrong)
        elif namespace in ("", PROJECT):
            if name in values:
                faults.append(fault(key, value, f"{name} is there with and without {PROJECT}:", "remove one of them"))
            values.setdefault(name, _readable(value))
    uri = _readable(config[LIBVIRT_URI]) if LIBVIRT_URI in config else None
    if uri and (wrong := uri_fault(uri)):
        faults.append(wrong)
    return StackFile(values=values, libvirt_uri=uri or None, faults=faults)


def libvirt_uri(path: Path) -> str | None:
    """Which libvirt the provider of a stack with this file uses; None where nothing says it. Raises SettingsError."""
    file = read_stack_file(path)
    if file.faults:
        raise refusal(file.faults)
    return file.libvirt_uri or os.environ.get("LIBVIRT_DEFAULT_URI")


def _readable(value: Any) -> Any:
    if value is None:
        return ""  # as Pulumi takes it
    return ENCRYPTED if _has_secret(value) else value


def _has_secret(value: Any) -> bool:
    """Whether something in it is encrypted, as Pulumi writes it."""
    return isinstance(value, dict) and (set(value) == {"secure"} or any(map(_has_secret, value.values())))


def _section_fault(path: Path, key: str, value: object) -> str | None:
    """The line about a key beside `config`, unless it may be there."""
    if key in ("config", *OTHER_SECTIONS):
        return None
    if key == "environment":
        in_the_cloud = os.environ.get("PULUMI_BACKEND_URL", "").startswith(("http://", "https://"))
        rule = "only Pulumi Cloud has environments, and the state of this stack is kept elsewhere"
        # Pulumi reads nothing and `null` as none at all, and everything else as one.
        return None if in_the_cloud or value is None else fault(key, value, rule, "write its values below config")
    if key.lower() == "config":
        return fault(key, value, "Pulumi reads config alone, in lower case", "call it config")
    whole = key if ":" in key else f"{PROJECT}:{key}"
    return fault(key, value, f"{path.name} has settings only below config", f"move it there as {one_line(whole)}")


def _name_fault(key: str, value: object) -> str | None:
    """The line about a key below `config` that nothing would read."""
    namespace, colon, name = key.rpartition(":")
    if not name or ":" in namespace or (colon and not namespace):
        return fault(key, value, "a key must have the form NAMESPACE:NAME", f"call it {PROJECT}:NAME")
    if not colon and key in (PROJECT, *PROVIDERS):
        inner, text = next(iter(_texts(value)), ("NAME", "VALUE"))
        meant = f"{key}:{inner}" if key == PROJECT or inner == "NAME" else _meant(key, inner)
        rule = "a namespace is written before each key, with a colon"
        return fault(key, value, rule, f"write {one_line(f'{meant}: {text}')}" if meant else "remove it")
    if namespace in ("", PROJECT) or name in OTHERS_KEYS.get(namespace, ()):
        return None
    meant = _meant(namespace, name)
    if namespace in OTHERS_KEYS:
        return no_such_key(key, value, meant=meant, removal=key)
    return namespace_fault(key, value, meant=meant)


def _meant(namespace: str, name: str) -> str:
    """The whole key that one of another namespace may be meant for, or nothing."""
    if near := nearest(name, OTHERS_KEYS.get(namespace, ())):
        return f"{namespace}:{near}"
    joined = {key.lower(): key for key in RULES}.get(f"{namespace}{name}".lower())  # kubernetes:version
    near = joined or nearest(name, RULES)
    if not near and namespace not in PROVIDERS and nearest(namespace, [PROJECT]):
        near = name
    return f"{PROJECT}:{near}" if near else ""


def _texts(value: object) -> list[tuple[str, str]]:
    """The keys of a mapping that have a text."""
    return [(key, text) for key, text in value.items() if isinstance(text, str)] if isinstance(value, dict) else []
