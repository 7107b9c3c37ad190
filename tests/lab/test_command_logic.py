"""The command plugin's rules that need neither an engine nor a machine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.command.dial import NoRetryError, dial_with_retry, pauses
from lab.plugins.command.inputs import LOCAL, REMOTE, check, logs
from lab.plugins.command.output import MESSAGE_HEAD, MESSAGE_TAIL, Output, failure, quote
from lab.plugins.common.engine_log import LINE_LENGTH, LINES_WAITING, EngineLog, LineLog
from lab.plugins.common.errors import PluginError
from lab.plugins.common.values import plain_map, to_plain, to_property


def inputs(**values: Any) -> dict[str, PropertyValue]:
    return {name: to_property(value) for name, value in values.items()}


def reasons(resource_type: str, **values: Any) -> list[str]:
    return [failure.reason for failure in check(resource_type, inputs(**values))[1]]


def test_a_connection_gets_the_official_defaults() -> None:
    checked, failures = check(REMOTE, inputs(connection={"host": "10.0.0.1"}))
    assert not failures
    assert plain_map(checked)["connection"] == {
        "host": "10.0.0.1",
        "user": "root",
        "port": 22,
        "dialErrorLimit": 10,
        "perDialTimeout": 15,
    }


def test_given_connection_values_are_kept() -> None:
    checked, _ = check(REMOTE, inputs(connection={"host": "h", "user": "debian", "port": 2222, "dialErrorLimit": -1}))
    connection = plain_map(checked)["connection"]
    assert (connection["user"], connection["port"], connection["dialErrorLimit"]) == ("debian", 2222, -1)


def test_the_connection_and_the_keys_in_it_are_secret() -> None:
    checked, _ = check(REMOTE, inputs(connection={"host": "h", "privateKey": "k", "password": "p"}))
    connection = checked["connection"]
    assert connection.is_secret
    assert isinstance(connection.value, Mapping)
    assert {name for name, value in connection.value.items() if value.is_secret} == {"privateKey", "password"}


@pytest.mark.parametrize(
    ("resource_type", "values", "reason"),
    [
        (REMOTE, {}, "connection is required"),
        (REMOTE, {"connection": {"user": "u"}}, "connection.host is required"),
        (REMOTE, {"connection": {"host": "h", "proxy": {}}}, "connection.proxy is not part of the lab's stand-in"),
        (REMOTE, {"connection": {"host": "h", "hst": "x"}}, "hst is not a property of connection"),
        (REMOTE, {"connection": {"host": "h", "port": "x"}}, "connection.port must be a whole number"),
        (REMOTE, {"connection": {"host": "h"}, "dir": "/"}, "dir is not an input of command:remote:Command"),
        (LOCAL, {"connection": {"host": "h"}}, "connection is not an input of command:local:Command"),
        (LOCAL, {"assetPaths": ["x"]}, "assetPaths is not part of the lab's stand-in"),
        (LOCAL, {"logging": "loud"}, "must be one of stdout, stderr"),
        (LOCAL, {"create": 1}, "create must be a string"),
        (LOCAL, {"environment": {"A": 1}}, "environment must be a map of strings"),
    ],
)
def test_what_the_plugin_does_not_do_is_refused(resource_type: str, values: dict[str, Any], reason: str) -> None:
    assert any(reason in text for text in reasons(resource_type, **values))


def test_nothing_is_refused_for_not_being_known_yet() -> None:
    assert reasons(REMOTE, connection={"host": UNKNOWN, "port": UNKNOWN}, create=UNKNOWN, environment=UNKNOWN) == []
    assert reasons(REMOTE, connection=UNKNOWN) == []


def test_a_refusal_names_no_property_whose_value_the_engine_would_print() -> None:
    _, failures = check(REMOTE, inputs(connection={"privateKey": "secret"}))
    assert [failure.property for failure in failures] == [""]


def test_dials_pause_as_the_official_plugin_does() -> None:
    assert [round(pause, 3) for pause in islice(pauses(), 4)] == [0.1, 0.15, 0.225, 0.338]
    assert list(islice(pauses(), 20))[-1] == 5.0


class Dials:
    """A dial that fails as often as told."""

    def __init__(self, *results: object) -> None:
        self.results = list(results)
        self.count = 0

    async def __call__(self) -> object:
        self.count += 1
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result

    def run(self, *, limit: int, timeout: float | None = None) -> object:
        self.said: list[str] = []
        return asyncio.run(
            dial_with_retry(self, target="ssh u@h port 22", error_limit=limit, timeout=timeout, say=self.said.append)
        )


def test_a_dial_is_repeated_until_it_succeeds() -> None:
    dials = Dials(ConnectionRefusedError(111, "refused"), TimeoutError(), "connected")
    assert dials.run(limit=-1) == "connected"
    assert dials.said == [
        "Dial 1/inf failed: retrying (connection refused)",
        "Dial 2/inf failed: retrying (timed out)",
    ]


def test_one_dial_more_than_the_limit_is_the_last() -> None:
    dials = Dials(ConnectionRefusedError(111, "refused"))
    with pytest.raises(PluginError, match="ssh u@h port 22: after 1 failed attempts: connection refused"):
        dials.run(limit=1)
    assert dials.count == 2


def test_unlimited_dials_end_with_the_timeout_and_the_last_reason() -> None:
    with pytest.raises(PluginError, match=r"no connection within 0 s, \d+ failed attempts; last: connection refused"):
        Dials(ConnectionRefusedError(111, "refused")).run(limit=-1, timeout=0.3)


def test_another_host_key_is_no_reason_to_dial_again() -> None:
    dials = Dials(NoRetryError("wrong key"))
    with pytest.raises(NoRetryError):
        dials.run(limit=-1)
    assert dials.count == 1


class Lines(LineLog):
    """Keeps the lines instead of sending them."""

    def __init__(self) -> None:
        super().__init__(EngineLog("nowhere"), "urn")

    def waiting(self) -> list[str]:
        return list(self._lines)


def test_one_newline_is_cut_and_only_one() -> None:
    output = Output(lambda _: False, Lines())
    output.feed("stdout", b"a\n\n")
    output.feed("stderr", b"no newline")
    assert (output.text("stdout"), output.text("stderr")) == ("a\n", "no newline")


def test_a_failure_reads_like_the_official_one() -> None:
    output = Output(lambda _: False, Lines())
    output.feed("stdout", b"one\n")
    output.feed("stderr", b"two\n")
    error = failure("Process exited with status 3", 'echo "x"\nexit 3', output)
    assert str(error) == 'Process exited with status 3: running "echo \\"x\\"\\nexit 3":\none\ntwo\n'


def test_a_failure_with_megabytes_of_output_shows_both_ends() -> None:
    output = Output(lambda _: False, Lines())
    output.feed("stdout", b"first\n")
    for _ in range(100):
        output.feed("stdout", b"x" * 50_000)
    output.feed("stderr", b"last\n")
    text = output.interleaved()
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "bytes left out" in text
    assert len(text) < MESSAGE_HEAD + 3 * MESSAGE_TAIL


def test_text_is_quoted_as_go_quotes_it() -> None:
    assert quote('a"\\\n\t\x00é\u200b') == '"a\\"\\\\\\n\\t\\x00é\\u200b"'


@pytest.mark.parametrize(
    ("logging", "shown"),
    [(None, "both"), ("stdoutAndStderr", "both"), ("stdout", "stdout"), ("stderr", "stderr"), ("none", "")],
)
def test_logging_chooses_the_streams(logging: str | None, shown: str) -> None:
    wanted = ["stdout", "stderr"] if shown == "both" else [shown] if shown else []
    assert [stream for stream in ("stdout", "stderr") if logs(logging, stream)] == wanted


def test_the_log_is_cut_into_lines_in_bounded_memory() -> None:
    lines = Lines()
    lines.feed("stdout", b"on")
    lines.feed("stdout", b"e\ntwo\n" + b"x" * 10_000_000)
    for _ in range(1000):
        lines.feed("stdout", b"y\nz\n")
    waiting = lines.waiting()
    assert len(waiting) == LINES_WAITING
    assert all(len(line) <= LINE_LENGTH + 2 for line in waiting)


def test_values_survive_the_way_through_property_values() -> None:
    value = to_property({"a": 1, "b": [True, None, "x", 2.5]})
    assert to_plain(value) == {"a": 1, "b": [True, None, "x", 2.5]}
