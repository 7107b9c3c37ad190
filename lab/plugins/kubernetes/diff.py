"""What is to change of an object, and which changes need a new one. Pure.

Source: pulumi-kubernetes provider/pkg/provider/diff.go (the fields), provider.go (Diff).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from lab.plugins.kubernetes.config import Config
from lab.plugins.kubernetes.objects import AUTONAMED, Object, annotations_of

Kind = Literal["add", "delete", "update"]
Path = tuple[str | int, ...]

_SELECTOR = ("spec.selector",)
_ROLE_REF = ("roleRef",)
_REPLACING: dict[str, tuple[str, ...]] = {
    "apps/v1/DaemonSet": _SELECTOR,
    "apps/v1/Deployment": _SELECTOR,
    "apps/v1/StatefulSet": (
        *_SELECTOR,
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "batch/v1/Job": (*_SELECTOR, "spec.completions", "spec.parallelism", "spec.template"),
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding": _ROLE_REF,
    "rbac.authorization.k8s.io/v1/RoleBinding": _ROLE_REF,
    "storage.k8s.io/v1/StorageClass": ("parameters", "provisioner"),
    "v1/PersistentVolumeClaim": (
        *_SELECTOR,
        "spec.accessModes",
        "spec.storageClassName",
        "spec.volumeName",
    ),
    "v1/Pod": ("spec",),
    "v1/Secret": ("type",),
    "v1/Service": ("spec.clusterIP",),
}


@dataclass(frozen=True)
class Change:
    """One changed property."""

    path: Path
    kind: Kind
    replaces: bool


@dataclass(frozen=True)
class Comparison:
    """All changes, and whether the old object has to go before the new one comes."""

    changes: tuple[Change, ...]
    delete_first: bool


def compare(olds: Object, news: Object, config: Config) -> Comparison:
    """Compares two sets of inputs."""
    fields = _replacing_fields(olds, news, config)
    changes = tuple(
        Change(path, kind, replaces=any(_within(path, field) for field in fields))
        for path, kind in _changes((), _canonical(olds), _canonical(news))
    )
    replaces = any(change.replaces for change in changes)
    same_place = _place(olds) == _place(news)
    return Comparison(changes, delete_first=replaces and same_place and annotations_of(news).get(AUTONAMED) != "true")


def _replacing_fields(olds: Object, news: Object, config: Config) -> list[tuple[str, ...]]:
    kind = f"{news.get('apiVersion')}/{news.get('kind')}"
    names = ["apiVersion", "kind", "metadata.name", "metadata.namespace", *_REPLACING.get(kind, ())]
    # Changed data means a new object by default, so that what mounts it is rolled: its name changes with it when it
    # is autonamed.
    immutable = bool(olds.get("immutable"))
    if kind == "v1/ConfigMap" and (immutable or not config.mutable_config_maps):
        names += ["data", "binaryData"]
    if kind == "v1/Secret" and (immutable or not config.mutable_secrets):
        names += ["data", "stringData"]
    return [tuple(name.split(".")) for name in names]


def _within(path: Path, field: tuple[str, ...]) -> bool:
    """Whether the change is of the field, in it, or around it."""
    length = min(len(path), len(field))
    return tuple(map(str, path[:length])) == field[:length] and (len(path) >= len(field) or path != ())


def _canonical(inputs: Object) -> Object:
    metadata = inputs.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("namespace") != "default":
        return inputs
    return {**inputs, "metadata": {name: value for name, value in metadata.items() if name != "namespace"}}


def _place(inputs: Object) -> tuple[Any, Any]:
    metadata = _canonical(inputs).get("metadata")
    return (metadata.get("name"), metadata.get("namespace")) if isinstance(metadata, dict) else (None, None)


def _changes(path: Path, old: Any, new: Any) -> Iterator[tuple[Path, Kind]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in old:
                yield (*path, key), "add"
            elif key not in new:
                yield (*path, key), "delete"
            else:
                yield from _changes((*path, key), old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(old):
                yield (*path, index), "add"
            elif index >= len(new):
                yield (*path, index), "delete"
            else:
                yield from _changes((*path, index), old[index], new[index])
    elif old != new or type(old) is not type(new):
        yield path, "update"


def property_path(path: Path) -> str:
    """The path as the engine writes it: `spec.containers[0].image`, `data["a.b"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_$][\w$]*", part):
            text += f".{part}" if text else part
        else:
            escaped = part.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text
