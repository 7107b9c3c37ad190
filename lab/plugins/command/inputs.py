"""The inputs of both kinds of Command: defaults, secret marks and refusals. Pure.

Sources: pulumi-command v1.2.1, provider/pkg/provider/{common/inputs.go, local/base.go, remote/connection.go}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure

from lab.plugins.common.values import Properties, has_unknown, to_plain

REMOTE = "command:remote:Command"
LOCAL = "command:local:Command"

_COMMON = {
    "addPreviousOutputInEnv",
    "create",
    "delete",
    "environment",
    "logging",
    "stdin",
    "triggers",
    "update",
}
_KNOWN = {REMOTE: _COMMON | {"connection"}, LOCAL: _COMMON | {"interpreter", "dir"}}
_STRINGS = {"create", "update", "delete", "stdin", "dir"}
_NOT_HERE = {"assetPaths", "archivePaths"}
_LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")

CONNECTION_DEFAULTS: Mapping[str, str | float] = {
    "user": "root",
    "port": 22.0,
    "dialErrorLimit": 10.0,
    "perDialTimeout": 15.0,
}
_CONNECTION_SECRETS = ("password", "privateKey", "privateKeyPassword")
_CONNECTION = {*CONNECTION_DEFAULTS, *_CONNECTION_SECRETS, "host", "hostKey"}
_CONNECTION_NOT_HERE = {"proxy", "agentSocketPath"}


def check(resource_type: str, inputs: Properties) -> tuple[dict[str, PropertyValue], list[CheckFailure]]:
    """The inputs as they go into the state, and what is wrong with them.

    A failure is always put on the whole resource ("") where a secret is near: the engine prints the value of the
    property that a failure names.
    """
    failures = [*_wrong_names(resource_type, inputs), *_wrong_values(inputs)]
    checked = dict(inputs)
    if resource_type == REMOTE:
        if "connection" not in inputs:
            failures.append(CheckFailure("", "connection is required"))
        else:
            checked["connection"], wrong = _check_connection(inputs["connection"])
            failures += [CheckFailure("", reason) for reason in wrong]
    return checked, failures


def _wrong_names(resource_type: str, inputs: Properties) -> Iterable[CheckFailure]:
    for name in sorted(set(inputs) - _KNOWN[resource_type]):
        if name in _NOT_HERE and resource_type == LOCAL:
            yield CheckFailure("", f"{name} is not part of the lab's stand-in for pulumi-command")
        else:
            yield CheckFailure("", f"{name} is not an input of {resource_type}")


def _wrong_values(inputs: Properties) -> Iterable[CheckFailure]:
    known = {name: to_plain(value) for name, value in inputs.items() if not has_unknown(value)}
    for name in sorted(_STRINGS & known.keys()):
        if not isinstance(known[name], str | None):
            yield CheckFailure("", f"{name} must be a string")
    if known.get("logging") not in (*_LOGGING, None):
        yield CheckFailure("logging", f"must be one of {', '.join(_LOGGING)}")
    if not isinstance(known.get("addPreviousOutputInEnv"), bool | None):
        yield CheckFailure("", "addPreviousOutputInEnv must be true or false")
    environment = known.get("environment") or {}
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        yield CheckFailure("", "environment must be a map of strings")
    interpreter = known.get("interpreter") or []
    if not isinstance(interpreter, list) or not all(isinstance(word, str) for word in interpreter):
        yield CheckFailure("", "interpreter must be a list of strings")


def _check_connection(connection: PropertyValue) -> tuple[PropertyValue, list[str]]:
    secret = connection.with_secret(True)
    if not isinstance(connection.value, Mapping):  # not known yet, or no connection at all
        return secret, [] if has_unknown(connection) else ["connection must have at least a host"]
    given = dict(connection.value)
    wrong = [
        f"connection.{name} is not part of the lab's stand-in for pulumi-command"
        if name in _CONNECTION_NOT_HERE
        else f"{name} is not a property of connection"
        for name in sorted(given.keys() - _CONNECTION)
    ]
    if "host" not in given:
        wrong.append("connection.host is required")
    for name in ("port", "dialErrorLimit", "perDialTimeout"):
        value = to_plain(given[name]) if name in given and not has_unknown(given[name]) else 0
        if not isinstance(value, int) or isinstance(value, bool):
            wrong.append(f"connection.{name} must be a whole number")
    for name, default in CONNECTION_DEFAULTS.items():
        given.setdefault(name, PropertyValue(default))
    for name in _CONNECTION_SECRETS:
        if name in given:
            given[name] = given[name].with_secret(True)
    return PropertyValue(given, is_secret=True, dependencies=connection.dependencies), wrong


def changed_inputs(olds: Properties, news: Properties) -> list[str]:
    """The names of the inputs that differ, or of which it is not known whether they will."""
    return [
        name
        for name in sorted(olds.keys() | news.keys())
        if name not in olds
        or name not in news
        or has_unknown(news[name])
        or to_plain(olds[name]) != to_plain(news[name])
    ]


def logs(logging: Any, stream: str) -> bool:
    """Whether what the command prints on `stream` is shown while it runs."""
    return logging in (None, "stdoutAndStderr", stream)
