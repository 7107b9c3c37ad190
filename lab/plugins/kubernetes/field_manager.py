"""Ownership of fields: what a plain create leaves has to be handed to server-side apply before the first update. Pure.

Without it a field that the program no longer sets would stay on the object: it would still belong to the create.
Source: pulumi-kubernetes provider/pkg/await/await.go (fixCSAFieldManagers); k8s.io/client-go/util/csaupgrade.
"""

from __future__ import annotations

import secrets
from typing import Any

Object = dict[str, Any]

_OFFICIAL = "pulumi-kubernetes"  # as the official plugin's create is called, whatever name its state has


def new_name() -> str:
    """A name as the official plugin makes it. One an object, and so it also tells whose create an object came from."""
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def created_by(live: Object, manager: str) -> bool:
    """Whether the object was made by the create that used this name."""
    return any(entry.get("manager") == manager for entry in live["metadata"].get("managedFields") or [])


def hand_over(live: Object, manager: str) -> list[Object] | None:
    """The JSON patch that turns the create's fields into fields applied by `manager`; None when there are none."""
    entries = live["metadata"].get("managedFields") or []
    created = [entry for entry in entries if entry.get("manager") in (manager, _OFFICIAL) and _is_plain_update(entry)]
    if not created:
        return None
    applied = [entry for entry in entries if entry.get("manager") == manager and entry.get("operation") == "Apply"]
    fields: Object = {}
    for entry in (*created, *applied):
        fields = _union(fields, entry.get("fieldsV1") or {})
    merged = {**created[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    others = [entry for entry in entries if entry not in created and entry not in applied]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [merged, *others]},
        # Somebody else's change in between makes the server refuse, and the caller read the object again.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
    ]


def _is_plain_update(entry: Object) -> bool:
    return entry.get("operation") == "Update" and not entry.get("subresource")


def _union(left: Object, right: Object) -> Object:
    return {
        key: _union(left[key], right[key]) if key in left and key in right else (left.get(key) or right.get(key) or {})
        for key in left.keys() | right.keys()
    }
