"""When a changed provider is another cluster, so that everything on it has to be made anew. Pure.

Source: pulumi-kubernetes provider/pkg/provider/provider.go, DiffConfig. Without it, the objects of a rebuilt control
plane would be taken for the old ones and never be created: they hang on the provider by nothing but its identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.kubernetes.config import active_cluster

IDENTIFIER = "clusterIdentifier"
_LOCATION = ("kubeconfig", "context", "cluster")


def replaced_by(olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The names of the changed arguments, and of those among them that mean another cluster."""
    changed = sorted(name for name in olds.keys() | news.keys() if olds.get(name) != news.get(name))
    old_identifier, new_identifier = olds.get(IDENTIFIER), news.get(IDENTIFIER)
    if old_identifier and new_identifier:
        return changed, [IDENTIFIER] if old_identifier != new_identifier else []
    unknown = [name for name in _LOCATION if news.get(name) == UNKNOWN]
    if unknown:
        return changed, unknown[:1]
    before, after = (_active(values) for values in (olds, news))
    if before is not None and after is not None and before != after:
        return changed, [name for name in _LOCATION if name in changed]
    return changed, []


def _active(values: Mapping[str, Any]) -> Any:
    return active_cluster(str(values.get("kubeconfig") or ""), str(values.get("context") or ""))
