"""What a state says of the program's own resources, by their names, from `pulumi stack export --show-secrets`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from components.nodes import all_nodes
from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The resources that a state holds, by the last part of their URN, and its outputs."""

    urns: Mapping[str, str]
    states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The outputs of each resource."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    created: Mapping[str, datetime] = field(default_factory=dict)
    """When each resource was made."""

    @classmethod
    def of(cls, export: Mapping[str, Any]) -> Stack:
        """From an exported deployment with its secrets shown."""
        resources = (export.get("deployment") or {}).get("resources") or []
        custom = [each for each in resources if each.get("custom")]
        outputs: Mapping[str, Any] = next(
            (each.get("outputs") or {} for each in resources if each["type"] == "pulumi:pulumi:Stack"), {}
        )
        return cls(
            urns={_name(each): each["urn"] for each in custom},
            states={_name(each): _plain_values(each.get("outputs")) for each in custom},
            outputs=_plain_values(outputs),
            created={_name(each): datetime.fromisoformat(each["created"]) for each in custom if "created" in each},
        )

    def age(self, name: str) -> timedelta:
        """How long ago a resource was made; nothing where that is not known."""
        now = datetime.now(UTC)
        return now - self.created.get(name, now)

    @property
    def machines(self) -> list[str]:
        """Resource names of machines, such as k8s-worker-1: whatever has a domain, or once had a disk."""
        return sorted({n.removesuffix(end) for n in self.urns for end in ("-made", "-domain") if n.endswith(end)})

    @property
    def finished(self) -> bool:
        """Whether an `up` had come to its end, so that what is wrong with a machine has happened since."""
        return "web_url" in self.outputs and "nodes-ready-check" in self.urns

    def nodes(self, settings: Settings) -> list[dict[str, str]]:
        """Name, address and host key of each node that is wanted and was begun."""
        found = []
        for node in all_nodes(settings):
            key = str(self.states.get(f"{settings.cluster_name}-{node.name}-host-key", {}).get("stdout", ""))
            if key:
                found.append({"name": node.name, "address": str(node.address), "host_key": key.rsplit("\n", 1)[-1]})
        return found

    def powered(self, settings: Settings) -> list[dict[str, str]]:
        """Those whose machines run; Pulumi starts the others itself."""
        prefix = settings.cluster_name
        return [
            node
            for node in self.nodes(settings)
            if self.states.get(f"{prefix}-{node['name']}-domain", {}).get("running")
        ]

    def login_key(self, settings: Settings) -> str:
        """The private key that opens all machines, or nothing where there is none yet."""
        pair = str(self.states.get(f"{settings.cluster_name}-login-key", {}).get("stdout", ""))
        return pair.rpartition("\n")[0] + "\n" if pair else ""


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rsplit("::", 1)[1]


def _plain_values(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Values without the envelope that a secret has in an export."""
    return {
        key: json.loads(value["plaintext"]) if isinstance(value, Mapping) and "plaintext" in value else value
        for key, value in (values or {}).items()
    }
