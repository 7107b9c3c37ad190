"""What holds for all shell files, and between each script and who sends it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.remote import PARTS, SCRIPTS, script_text
from tests.configuration import REPOSITORY
from tests.recording import Run

NOT_SENT_ALONE = {"common.sh", "make-ssh-key.sh", *(part for parts in PARTS.values() for part in parts)}
SENT = sorted(path.name for path in SCRIPTS.glob("*.sh") if path.name not in NOT_SENT_ALONE)
OF_THE_SHELL = {"KUBECONFIG", "LC_ALL", "DEBIAN_FRONTEND", "SECONDS", "LIMIT", "PPID", "BASH_REMATCH"}


def shell_files() -> list[Path]:
    """All shell files of the repository: by name, or by their first line."""
    found = [path for top in ("components", "lab", "tools", "tests", ".ci") for path in (REPOSITORY / top).rglob("*")]
    files = [path for path in found if path.is_file() and path.suffix in ("", ".sh")]
    return sorted(
        path for path in files if path.suffix == ".sh" or path.read_bytes().startswith(b"#!/usr/bin/env bash")
    )


def header(name: str) -> str:
    """The comment on top of a script, after its first line."""
    lines = (SCRIPTS / name).read_text().split("\n")[1:]
    return "\n".join(lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))])


def documented_inputs(name: str) -> set[str]:
    """The upper-case words between `Inputs:` and `Result:`; more than the inputs, such as URL."""
    text = header(name)
    return set(re.findall(r"\b[A-Z][A-Z_]+\b", text[text.index("Inputs:") : text.index("Result:")]))


def used(name: str) -> set[str]:
    """The upper-case variables that a script reads."""
    return set(re.findall(r"\$\{?([A-Z][A-Z_]+)\b", script_text(name))) - OF_THE_SHELL


def test_shellcheck_finds_nothing() -> None:
    files = shell_files()
    assert len(files) > len(SENT)
    shellcheck = Path(sys.executable).parent / "shellcheck"
    answer = subprocess.run([shellcheck, *files], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", SENT)
def test_a_script_says_on_top_what_it_is_for_what_it_needs_and_what_comes_out(name: str) -> None:
    assert (SCRIPTS / name).read_text().startswith("#!/usr/bin/env bash\n# ")
    assert "Inputs:" in header(name)
    assert "Result:" in header(name)


@pytest.mark.parametrize("name", SENT)
def test_a_script_runs_only_when_all_of_it_has_arrived_and_reads_none_of_itself(name: str) -> None:
    text = (SCRIPTS / name).read_text()
    assert text.endswith('\nmain "$@" </dev/null\n'), (
        "bash reads the script from standard input while it runs: a connection that breaks would run half of it, "
        "and a command that reads standard input would swallow the rest"
    )


@pytest.mark.parametrize("name", SENT)
def test_every_variable_that_a_script_reads_is_documented(name: str) -> None:
    assert used(name) <= documented_inputs(name)


@pytest.mark.parametrize("name", [name for name in SENT if name != "join-worker.sh"])
def test_the_program_sends_exactly_what_a_script_reads(applied: Run, name: str) -> None:
    commands = [command for command in applied.of(":remote:Command") if f" bash -s {name}" in command.plain("create")]
    assert commands, f"nothing sends {name}"
    common = (SCRIPTS / "common.sh").read_text()
    for command in commands:
        assignments = command.plain("stdin").split(common)[0]
        sent = set(re.findall(r"^([A-Z][A-Z_]+)=", assignments, flags=re.MULTILINE))
        assert sent - {"LIMIT"} == used(name), (
            "a variable that is not sent ends the script; one that is not read misleads"
        )


def test_what_joins_a_worker_is_sent_what_it_reads() -> None:
    sender = (SCRIPTS / "worker-membership.sh").read_text()
    (line,) = [line for line in sender.split("\n") if "printf 'LIMIT=%q" in line]
    assert set(re.findall(r"([A-Z_]+)=%q", line)) == used("join-worker.sh") | {"LIMIT"}


@pytest.mark.parametrize("name", SENT)
def test_a_script_adds_up_to_valid_shell_with_what_is_sent_in_front(name: str) -> None:
    text = script_text("common.sh") + script_text(name)
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
