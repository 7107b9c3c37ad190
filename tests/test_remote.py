"""The one place that makes a remote command out of a script."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
from pulumi_command import remote as command

from components import remote
from components.remote import BOOT_SECONDS, RemoteScript, run_script
from tests.recording import Registration, Run, run, secret

AWKWARD = [
    "",
    "plain",
    "two words",
    "it's",
    'say "yes"',
    "$(touch /tmp/run) `id` $HOME",
    "a\nb\n\n c",
    "back\\slash",
    "-n",
    "ends in a newline\n",
    "*",
    "ü…",
]


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a script that prints VALUE, in place of components/scripts."""
    (tmp_path / "common.sh").write_text("# common\n")
    (tmp_path / "print.sh").write_text("printf '%s|' \"$VALUE\"\n")
    monkeypatch.setattr(remote, "SCRIPTS", tmp_path)
    return tmp_path


def registered(script: RemoteScript | Callable[[], RemoteScript], *, timeout_factor: int = 1) -> Registration:
    """The command that a script becomes; the script itself is made inside the program where it has Outputs."""

    def program() -> None:
        run_script(
            "step",
            script() if callable(script) else script,
            connection=command.ConnectionArgs(host="10.17.3.11"),
            timeout_factor=timeout_factor,
            triggers=["domain-1"],
            opts=pulumi.ResourceOptions(),
        )

    return run(program).command("step")


@pytest.mark.parametrize("value", AWKWARD)
def test_an_input_arrives_in_the_script_as_it_is(scripts: Path, value: str) -> None:
    program = registered(RemoteScript(file="print.sh", seconds=60, inputs={"VALUE": value})).plain("stdin")
    answer = subprocess.run(["bash", "-s"], input=program, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{value}|"


def test_the_program_is_the_inputs_then_the_common_functions_then_the_script(scripts: Path) -> None:
    inputs = {"VALUE": "a b", "OTHER": "c"}
    program = registered(RemoteScript(file="print.sh", seconds=60, inputs=inputs), timeout_factor=2).plain("stdin")
    assert program == "LIMIT=120\nOTHER=c\nVALUE='a b'\n# common\n\nprintf '%s|' \"$VALUE\"\n"


def test_the_command_line_holds_the_scripts_name_and_its_limit_only(scripts: Path) -> None:
    step = registered(RemoteScript(file="print.sh", seconds=60, inputs={"VALUE": "hidden"}, delete_argument="leave"))
    assert step.plain("create") == "sudo timeout --kill-after=30 60 bash -s print.sh"
    assert step.plain("delete") == "sudo timeout --kill-after=30 60 bash -s print.sh leave"
    assert step.plain("update") is None, "the provider then runs `create` again"
    assert step.plain("environment") is None, "sshd's AcceptEnv refuses it"


def test_a_step_that_leaves_nothing_behind_runs_nothing_when_it_is_deleted(scripts: Path) -> None:
    assert registered(RemoteScript(file="print.sh", seconds=60)).plain("delete") is None


@pytest.mark.parametrize("factor", [1, 4])
def test_the_engine_waits_for_boot_and_script_and_no_longer(scripts: Path, factor: int) -> None:
    step = registered(RemoteScript(file="print.sh", seconds=60, delete_argument="leave"), timeout_factor=factor)
    assert f" {60 * factor} bash" in step.plain("create")
    seconds = int(step.create_timeout.removesuffix("s"))
    assert seconds == (60 + BOOT_SECONDS) * factor + 60, (
        "the script must end by itself first: it says what it waited for"
    )
    assert seconds > (60 + BOOT_SECONDS) * factor + 30, "--kill-after comes before the engine gives up"


@pytest.mark.parametrize("is_secret", [False, True])
def test_what_the_script_is_told_is_as_secret_as_its_most_secret_input(scripts: Path, *, is_secret: bool) -> None:
    def script() -> RemoteScript:
        value = pulumi.Output.secret("value") if is_secret else pulumi.Output.from_input("value")
        return RemoteScript(file="print.sh", seconds=60, inputs={"A": "a", "VALUE": value})

    assert secret(registered(script).inputs["stdin"]) is is_secret


@pytest.mark.parametrize("is_secret", [False, True])
def test_a_result_is_secret_where_the_script_says_so(scripts: Path, *, is_secret: bool) -> None:
    step = registered(RemoteScript(file="print.sh", seconds=60, secret_result=is_secret))
    assert ("stdout" in step.secret_outputs) is is_secret


def test_results_are_neither_shown_nor_sent_back(scripts: Path) -> None:
    step = registered(RemoteScript(file="print.sh", seconds=60))
    assert step.plain("logging") == "stderr", "standard output is the result and may be a secret"
    assert step.plain("addPreviousOutputInEnv") is False
    assert step.plain("triggers") == ["domain-1"]


def test_nothing_secret_is_on_any_command_line_of_the_program(program: Run) -> None:
    for step in program.of(":remote:Command"):
        for key in ("create", "delete"):
            assert not secret(step.inputs.get(key))
            line = step.plain(key) or ""
            assert len(line) < 100, f"{step.name}: {line}"
            assert "key" not in line.lower()
