"""Errors that a user of a stand-in plugin gets to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class PluginError(Exception):
    """A refusal or failure whose text is complete: it reaches the user as it is, without a traceback."""


class InitFailedError(PluginError):
    """The object exists, but is not ready: the engine keeps it in the state, with the reasons as init errors."""

    def __init__(
        self, resource_id: str, properties: Mapping[str, Any], inputs: Mapping[str, Any], reasons: Sequence[str]
    ) -> None:
        super().__init__("\n".join(reasons))
        self.resource_id = resource_id
        self.properties = properties
        self.inputs = inputs
        self.reasons = list(reasons)


def unsupported(what: str, supported: str) -> PluginError:
    """The refusal of something the official plugin has and this one has not."""
    return PluginError(
        f"{what} is not part of the lab's stand-in plugin, which has {supported}. "
        "Run the program with the official plugins (`make up STACK=dev`) to use it."
    )
