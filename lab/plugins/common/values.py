"""Between the SDK's PropertyValue and plain Python values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pulumi.provider.experimental.property_value import PropertyValue, PythonValue
from pulumi.runtime.rpc import UNKNOWN

Properties = Mapping[str, PropertyValue]

UNKNOWN_VALUE = PropertyValue(UNKNOWN)
"""An output that only the real run will know. `PropertyValue.computed()` cannot be marshalled in SDK 3.250.0."""


def to_plain(value: PropertyValue) -> Any:
    """The value without its secret marks. Whole numbers become int: the engine sends every number as a float."""
    inner = value.value
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if isinstance(inner, Mapping):
        return {key: to_plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [to_plain(item) for item in inner]
    return inner


def plain_map(values: Properties) -> dict[str, Any]:
    """`to_plain` of each value."""
    return {key: to_plain(value) for key, value in values.items()}


def to_property(value: Any, *, secret: bool = False) -> PropertyValue:
    """A plain value, or one that has PropertyValues inside, as a PropertyValue."""
    if isinstance(value, PropertyValue):
        return value.with_secret(True) if secret else value
    inner: PythonValue
    if isinstance(value, int) and not isinstance(value, bool):
        inner = float(value)
    elif isinstance(value, Mapping):
        inner = {str(key): to_property(item) for key, item in value.items()}
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = [to_property(item) for item in value]
    else:
        inner = cast(PythonValue, value)
    return PropertyValue(inner, is_secret=secret)


def has_unknown(value: PropertyValue) -> bool:
    """Whether the value, or anything in it, is not known before the real run."""
    inner = value.value
    if inner == UNKNOWN:
        return True
    if isinstance(inner, Mapping):
        return any(has_unknown(item) for item in inner.values())
    return _is_list(inner) and any(has_unknown(item) for item in cast(Sequence[PropertyValue], inner))


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def bare_type(urn: str) -> str:
    """The resource's own type: in a URN it stands behind the types of the components around it, `A$B$own`."""
    return urn.split("::")[2].rsplit("$", 1)[-1]
