"""The command plugin against a real sshd, through its protocol alone: what one operation does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from tests.lab.plugin_client import Created, Plugin, PluginFailure, eventually
from tests.lab.ssh_server import SshServer, fingerprint, free_port

REMOTE, LOCAL = "command:remote:Command", "command:local:Command"


@pytest.fixture(scope="module")
def plugin(plugins: Path) -> Iterator[Plugin]:
    """One process for all tests that leave it as it was."""
    with Plugin(plugins / "command" / "pulumi-resource-command") as running:
        running.configure({})
        yield running


@pytest.fixture(scope="module")
def stand_in(stand_ins: Path) -> Iterator[Plugin]:
    """The stand-in, for what the official plugin does otherwise or not at all."""
    with Plugin(stand_ins / "command" / "pulumi-resource-command") as running:
        running.configure({})
        yield running


def run(plugin: Plugin, server: SshServer, command: str, **more: Any) -> Created:
    timeout = more.pop("timeout", 0)
    return plugin.create(REMOTE, {"connection": server.connection(), "create": command, **more}, timeout=timeout)


def refusal(plugin: Plugin, kind: str, inputs: dict[str, Any], timeout: float = 0) -> str:
    with pytest.raises(PluginFailure) as caught:
        plugin.create(kind, inputs, timeout=timeout)
    return str(caught.value)


def test_outputs_lose_one_newline_and_the_id_starts_with_the_name(plugin: Plugin, ssh_server: SshServer) -> None:
    created = run(plugin, ssh_server, "echo out; echo; echo err >&2")
    assert (created.plain["stdout"], created.plain["stderr"]) == ("out\n", "err")
    assert created.id.startswith("it")
    assert len(created.id) == len("it") + 8


def test_lines_reach_the_engine_while_the_command_runs(plugin: Plugin, ssh_server: SshServer, tmp_path: Path) -> None:
    go = tmp_path / "go"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(run, plugin, ssh_server, f"echo live; while ! test -e {go}; do sleep 0.05; done")
        eventually(lambda: "live" in plugin.messages(), "the line is there before the command ends")
        assert not done.done()
        go.touch()
        done.result(20)


def test_a_failing_command_shows_its_text_and_both_streams(plugin: Plugin, ssh_server: SshServer) -> None:
    text = refusal(plugin, REMOTE, {"connection": ssh_server.connection(), "create": "echo one; echo two >&2; exit 3"})
    first, *rest = text.splitlines()
    assert first == 'Process exited with status 3: running "echo one; echo two >&2; exit 3":'
    assert sorted(rest) == ["one", "two"]


def test_a_killed_command_names_the_signal(plugin: Plugin, ssh_server: SshServer) -> None:
    text = refusal(plugin, REMOTE, {"connection": ssh_server.connection(), "create": "kill -9 $$"})
    assert text.startswith("Process exited with status 137 from signal KILL")


def test_stdin_goes_in_and_into_no_message(plugin: Plugin, ssh_server: SshServer) -> None:
    secret = "tok3n-" * 20_000  # more than the SSH window holds at once
    created = run(plugin, ssh_server, "wc -c", stdin=secret)
    assert created.plain["stdout"].strip() == str(len(secret))
    failed = refusal(
        plugin, REMOTE, {"connection": ssh_server.connection(), "create": "cat >/dev/null; exit 1", "stdin": secret}
    )
    assert "tok3n" not in failed
    assert not any("tok3n" in message for message in plugin.messages())


def test_a_command_need_not_read_its_stdin(stand_in: Plugin, ssh_server: SshServer) -> None:
    # The official plugin fails with "EOF" where more is left unread than SSH keeps on its way.
    assert run(stand_in, ssh_server, "echo done", stdin="x" * 3_000_000).plain["stdout"] == "done"


def test_sshd_decides_about_environment_variables(plugin: Plugin, ssh_server: SshServer) -> None:
    accepted = run(plugin, ssh_server, "echo $CONTRACT_A", environment={"CONTRACT_A": "x y"})
    assert accepted.plain["stdout"] == "x y"
    inputs = {"connection": ssh_server.connection(), "create": "true", "environment": {"OTHER": "x"}}
    text = refusal(plugin, REMOTE, inputs)
    assert text.startswith("could not set environment variable")


def test_update_runs_update_or_else_create_and_keeps_the_output_when_neither_is_there(
    plugin: Plugin, ssh_server: SshServer
) -> None:
    connection = {"connection": ssh_server.connection(), "addPreviousOutputInEnv": False}
    first = plugin.create(REMOTE, {**connection, "create": "echo created"})
    again = plugin.update(first, {**connection, "create": "echo created anew"})
    updated = plugin.update(again, {**connection, "create": "false", "update": "echo updated"})
    kept = plugin.update(updated, {**connection, "delete": "true"})
    assert [state.plain["stdout"] for state in (again, updated, kept)] == ["created anew", "updated", "updated"]


def test_only_a_given_delete_runs_and_with_the_connection_in_the_state(
    plugin: Plugin, ssh_server: SshServer, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    plugin.delete(plugin.create(REMOTE, {"connection": ssh_server.connection(port=1), "create": None}))
    plugin.delete(run(plugin, ssh_server, "true", delete=f"touch {gone}"))
    assert gone.exists()


def test_the_previous_output_is_offered_unless_it_is_declined(plugin: Plugin) -> None:
    show = "echo [$PULUMI_COMMAND_STDOUT]"
    first = plugin.create(LOCAL, {"create": "echo before"})
    assert plugin.update(first, {"create": show}).plain["stdout"] == "[before]"
    assert plugin.update(first, {"create": show, "addPreviousOutputInEnv": False}).plain["stdout"] == "[]"


def test_a_machine_that_is_still_booting_is_waited_for(plugin: Plugin, tmp_path: Path) -> None:
    server = SshServer(tmp_path)
    inputs = {"connection": server.connection(dialErrorLimit=-1), "create": "echo up"}
    with ThreadPoolExecutor() as pool:
        done = pool.submit(plugin.create, REMOTE, inputs, timeout=60)
        eventually(lambda: any(text.startswith("Dial 3/inf") for text in plugin.messages()), "some dials failed")
        server.start()
        try:
            assert done.result(30).plain["stdout"] == "up"
        finally:
            server.stop()


def test_dialing_ends_with_the_limit_or_with_the_timeout(plugin: Plugin, ssh_server: SshServer) -> None:
    nobody = ssh_server.connection(port=free_port())
    limited = refusal(plugin, REMOTE, {"connection": {**nobody, "dialErrorLimit": 2}, "create": "true"})
    assert "after 2 failed attempts" in limited
    assert "connection refused" in limited
    began = time.monotonic()
    refusal(plugin, REMOTE, {"connection": {**nobody, "dialErrorLimit": -1}, "create": "true"}, timeout=1)
    assert time.monotonic() - began < 8


def test_another_host_key_ends_it_at_once_with_both_fingerprints(stand_in: Plugin, ssh_server: SshServer) -> None:
    other = ssh_server.connection(hostKey=ssh_server.key.with_suffix(".pub").read_text(), dialErrorLimit=-1)
    before = len(stand_in.messages())
    text = refusal(stand_in, REMOTE, {"connection": other, "create": "true"})
    assert "127.0.0.1" in text
    assert f"expected {fingerprint(ssh_server.key)}, seen {fingerprint(ssh_server.host_key)}" in text
    assert not any("retrying" in message for message in stand_in.messages()[before:])


def test_a_connection_that_breaks_is_an_error_and_no_wait(stand_in: Plugin, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    server = SshServer(tmp_path)
    server.start()
    try:
        with ThreadPoolExecutor() as pool:
            done = pool.submit(run, stand_in, server, f"echo $$ >{pid}; exec sleep 300")
            number = int(eventually(lambda: pid.exists() and pid.read_text(), "the command runs"))
            server.break_connections()
            os.kill(number, 15)
            with pytest.raises(PluginFailure, match=r"connection lost|Connection lost|Connection reset"):
                done.result(20)
    finally:
        server.stop()


def test_a_detached_process_outlives_its_command(plugin: Plugin, ssh_server: SshServer, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()
    run(plugin, ssh_server, f"setsid sh -c 'echo $$ >{pid}; exec sleep 300' >/dev/null 2>&1 </dev/null & echo started")
    assert time.monotonic() - began < 30
    number = int(eventually(lambda: pid.exists() and pid.read_text(), "the process runs"))
    os.kill(number, 15)


def test_a_local_command_has_its_directory_interpreter_and_environment(plugin: Plugin, tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd(), os.environ['A'], sys.stdin.read())"
    inputs = {
        "create": script,
        "interpreter": ["python3", "-c"],
        "dir": str(tmp_path),
        "environment": {"A": "1"},
        "stdin": "in",
    }
    assert plugin.create(LOCAL, inputs).plain["stdout"] == f"{tmp_path} 1 in"
    assert refusal(plugin, LOCAL, {"create": "echo x; exit 4"}) == 'exit status 4: running "echo x; exit 4":\nx\n'


def test_other_resources_of_the_package_are_refused(stand_in: Plugin) -> None:
    text = refusal(stand_in, "command:remote:CopyToRemote", {})
    assert "command:remote:CopyToRemote is not part of the lab's stand-in" in text


@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        # How the engine asks what goes with a machine that is replaced. Of one trigger among several, the SDK says it.
        ({"triggers": UNKNOWN}, True),
        ({"stdin": "another"}, False),
        ({"stdin": UNKNOWN}, False),
        ({"create": "echo other"}, False),
        ({"delete": "echo gone"}, False),
    ],
    ids=lambda value: str(value)[:50],
)
def test_only_a_trigger_makes_a_new_resource(
    plugin: Plugin, ssh_server: SshServer, change: dict[str, Any], *, replaced: bool
) -> None:
    inputs = {"connection": ssh_server.connection(), "create": "echo one", "triggers": ["a machine"], "stdin": "one"}
    created = plugin.create(REMOTE, inputs)
    answer = plugin.diff(created, {**inputs, **change}, plugin.check(REMOTE, "it", inputs))
    assert answer.changes == answer.DIFF_SOME
    replacing = {path for path, diff in answer.detailedDiff.items() if diff.kind % 2}  # the kinds …_REPLACE are odd
    assert {path.split("[")[0] for path in {*answer.replaces, *replacing}} == ({"triggers"} if replaced else set())


def test_the_same_inputs_are_no_change(plugin: Plugin, ssh_server: SshServer) -> None:
    inputs = {"connection": ssh_server.connection(), "create": "echo one", "triggers": ["a machine"]}
    created = plugin.create(REMOTE, inputs)
    answer = plugin.diff(created, inputs, plugin.check(REMOTE, "it", inputs))
    assert (answer.changes, list(answer.replaces)) == (answer.DIFF_NONE, [])
