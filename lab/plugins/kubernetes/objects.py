"""Objects between the program, the state and the API server: names, secret marks, and the shape of the state. Pure.

Sources: pulumi-kubernetes provider/pkg/provider/provider.go (Check, checkpointObject, annotateSecrets) and
provider/pkg/metadata/naming.go; provider/pkg/clients/unstructured.go (normalizeSecret).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.common.values import Properties, plain_map, to_plain, to_property

Object = dict[str, Any]

AUTONAMED = "pulumi.com/autonamed"
INPUTS = "__inputs"
INITIAL_API_VERSION = "__initialApiVersion"
FIELD_MANAGER = "__fieldManager"
_READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)


def check(
    urn_name: str, seed: bytes, news: Properties, olds: Properties, namespace: str = ""
) -> dict[str, PropertyValue]:
    """The inputs as they go into the state: with a name, without what only the server may set, with secret marks."""
    checked = plain_map(news)
    metadata = checked.setdefault("metadata", {})
    if isinstance(metadata, dict):
        for name in _READ_ONLY:
            metadata.pop(name, None)
        if not metadata.get("name"):
            _autoname(urn_name, seed, metadata, plain_map(olds))
        if namespace:
            metadata.setdefault("namespace", namespace)
    if checked.get("kind") == "Secret":
        _encode_string_data(checked)
    return mark_secrets(checked, news)


def _encode_string_data(secret: Object) -> None:
    """Does what the API server would: moves `stringData` into `data`. A preview may not know it yet."""
    strings = secret.get("stringData")
    if isinstance(strings, dict) and not has_unknown([strings, secret.get("data")]):
        encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in strings.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}
        del secret["stringData"]


def _autoname(urn_name: str, seed: bytes, metadata: Object, olds: Object) -> None:
    old_metadata = olds.get("metadata")
    if isinstance(old_metadata, dict) and (old_metadata.get("annotations") or {}).get(AUTONAMED) == "true":
        name = old_metadata["name"]
    else:
        name = f"{urn_name}-{hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)}"
    metadata["name"] = name
    annotations = metadata.get("annotations")
    metadata["annotations"] = {**(annotations if isinstance(annotations, dict) else {}), AUTONAMED: "true"}


def to_send(inputs: Properties) -> Object:
    """The object as the API server takes it."""
    sent = _rename(plain_map(inputs), "_", "-")
    return {key: value for key, value in sent.items() if not key.startswith("__")}


def state(inputs: Properties, live: Object, initial_version: str, field_manager: str) -> dict[str, PropertyValue]:
    """What the state keeps of an object: as the server shows it, and beside that the inputs it was made from."""
    plain_inputs = plain_map(inputs)
    outputs = mark_secrets(_rename(live, "-", "_"), inputs)
    outputs[INPUTS] = PropertyValue(mark_secrets(plain_inputs, inputs))
    outputs[INITIAL_API_VERSION] = to_property(initial_version)
    outputs[FIELD_MANAGER] = to_property(field_manager)
    return outputs


def old_inputs(old_state: Properties) -> Object:
    """The inputs that a state was made from."""
    inputs = old_state.get(INPUTS)
    return to_plain(inputs) if inputs is not None and isinstance(inputs.value, Mapping) else {}


def seen_inputs(old_state: Properties) -> Object:
    """Of the object as it was last seen, what its inputs had said: a refresh shows here what others have changed.

    Source: pulumi-kubernetes provider/pkg/provider/provider.go, pruneLiveState.
    """
    pruned = _pruned(live_object(old_state), old_inputs(old_state))
    return pruned if isinstance(pruned, dict) else {}


def _pruned(live: Any, inputs: Any) -> Any:
    if isinstance(live, dict) and isinstance(inputs, dict):
        return {key: _pruned(value, inputs[key]) for key, value in live.items() if key in inputs}
    if isinstance(live, list) and isinstance(inputs, list):
        return [_pruned(*pair) for pair in zip(live, inputs, strict=False)]
    return live


def live_object(old_state: Properties) -> Object:
    """The object in a state, without what the plugin keeps beside it."""
    return {key: to_plain(value) for key, value in old_state.items() if not key.startswith("__")}


def mark_secrets(values: Mapping[str, Any], model: Properties) -> dict[str, PropertyValue]:
    """`values` with each key marked secret that is or holds a secret in `model`; a Secret's data always."""
    is_secret_object = values.get("kind") == "Secret"
    marked = {}
    for key, value in values.items():
        its_model = model.get(key)
        if is_secret_object and key in ("data", "stringData"):
            marked[key] = to_property(value, secret=True)
        elif isinstance(value, Mapping) and (inner := _plain_map_in(its_model)) is not None:
            marked[key] = PropertyValue(mark_secrets(value, inner))
        else:
            marked[key] = to_property(value, secret=its_model is not None and its_model.contains_secret())
    return marked


def object_id(live: Object) -> str:
    """`namespace/name`, or `name` for what has no namespace."""
    metadata = live["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])


def annotations_of(inputs: Object) -> Object:
    """The object's annotations; empty while they are unknown."""
    metadata = inputs.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def has_unknown(value: Any) -> bool:
    """Whether a plain value, or anything in it, is not known before the real run."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return bool(value == UNKNOWN)


def merge(base: Any, over: Any) -> Any:
    """`over` laid on `base`, map by map: what a preview can say of an updated object."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {key: merge(base.get(key), over[key]) if key in over else base[key] for key in base.keys() | over.keys()}
    return over


def _plain_map_in(value: PropertyValue | None) -> Properties | None:
    return value.value if value is not None and isinstance(value.value, Mapping) and not value.is_secret else None


def _rename(value: Any, old: str, new: str) -> Any:
    # Python's keyword arguments cannot have dashes: the SDK writes x-kubernetes-… of CRD schemas with underscores.
    if isinstance(value, dict):
        prefix = f"x{old}kubernetes{old}"
        return {
            key.replace(old, new) if key.startswith(prefix) else key: _rename(item, old, new)
            for key, item in value.items()
        }
    return [_rename(item, old, new) for item in value] if isinstance(value, list) else value
