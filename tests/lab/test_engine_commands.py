"""The command plugin under the real engine: what a whole run does and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.lab.engine import Outcome, Project
from tests.lab.plugin_client import eventually
from tests.lab.ssh_server import SshServer

PROGRAM = Path(__file__).parent / "programs" / "commands.py"
TOKEN = "abcdef.0123456789abcdef"


class Commands:
    """The stack of programs/commands.py."""

    def __init__(self, directory: Path, pulumi_home: Path, server: SshServer) -> None:
        self.journal = directory / "journal"
        self.project = Project(directory / "project", pulumi_home, PROGRAM.read_text())
        self._server = server

    def environment(self, stage: str = "first", fault: str = "") -> dict[str, str]:
        server = json.dumps(self._server.connection())
        return {"SERVER": server, "JOURNAL": str(self.journal), "TOKEN": TOKEN, "STAGE": stage, "FAULT": fault}

    def run(self, *words: str, stage: str = "first", fault: str = "") -> Outcome:
        return self.project.run(*words, **self.environment(stage, fault))

    def interrupt_hanging(self) -> Outcome:
        """Presses Ctrl-C while two commands run that would not end in time."""
        process = self.project.start("up", **self.environment(stage="second", fault="hangs"))
        try:
            eventually(lambda: {"hangs", "hangs-here"} <= set(self.journal_since()), "both run", seconds=60)
            began = time.monotonic()
            outcome = self.project.interrupt(process)
            assert time.monotonic() - began < 30
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return outcome

    def journal_since(self, lines: int = 0) -> list[str]:
        return self.journal.read_text().splitlines()[lines:] if self.journal.exists() else []


def test_a_stack_of_commands_lives_as_it_should(
    flavour: str, pulumi_home: Path, ssh_server: SshServer, tmp_path: Path
) -> None:
    commands = Commands(tmp_path, pulumi_home, ssh_server)

    preview = commands.run("preview")
    assert preview.code == 0, preview.output
    assert commands.journal_since() == [], "a preview runs nothing"
    assert "[unknown]" in preview.output or "output<string>" in preview.output

    first = commands.run("up")
    assert first.code == 0, first.output
    assert len(first.operations()) == 8, first.output
    state = commands.project.state()
    assert state["dependent"]["outputs"]["stdout"] == f"after {len(TOKEN)}"
    assert state["updated"]["outputs"]["stdout"] == "created"
    everything = first.output + first.events + json.dumps(state)
    assert TOKEN not in everything
    assert "BEGIN OPENSSH PRIVATE KEY" not in everything
    assert "progress" in first.events, "standard error is shown while it runs"
    assert isinstance(state["secret"]["outputs"]["stdout"], dict), "additional secret outputs are kept as ciphertext"

    same = commands.run("up", "--expect-no-changes")
    assert same.code == 0, same.output

    before = len(commands.journal_since())
    second = commands.run("up", stage="second")
    assert second.code == 0, second.output
    assert commands.project.state()["updated"]["outputs"]["stdout"] == "second"
    steps = {step for step in second.operations() if not step.endswith("replaced-first")}
    assert {"update updated", "create-replacement replaced", "delete-replaced replaced"} <= steps
    assert not any(step.endswith(("ignored", "machine", "secret", "dependent")) for step in steps)
    journal = commands.journal_since(before)
    assert [line for line in journal if line.endswith("replaced")] == ["create replaced", "delete replaced"]
    assert [line for line in journal if line.endswith("-first")] == ["delete replaced-first", "create replaced-first"]

    failed = commands.run("up", stage="second", fault="fails")
    assert failed.code != 0, failed.output
    assert 'Process exited with status 7: running "seq 200000; echo the reason >&2; exit 7":' in failed.output
    assert "the reason" in failed.output
    assert "fails" not in commands.project.state(), "a failed create leaves nothing"

    if flavour == "stand-in":  # the official plugin lets remote commands run to their end
        interrupted = commands.interrupt_hanging()
        assert interrupted.code != 0, interrupted.output
        assert not {"hangs", "hangs-here"} & commands.project.state().keys()

    before = len(commands.journal_since())
    destroyed = commands.run("destroy", stage="second")
    assert destroyed.code == 0, destroyed.output
    assert sorted(commands.journal_since(before)) == [
        "delete machine",
        "delete replaced",
        "delete replaced-first",
        "delete updated",
    ], "what goes with the machine is not deleted by itself"


@pytest.mark.skipif(
    "OFFICIAL_PLUGINS" not in os.environ, reason="OFFICIAL_PLUGINS=DIRECTORY compares with the official"
)
def test_the_state_is_the_official_plugins(
    pulumi_homes: dict[str, Path], ssh_server: SshServer, tmp_path: Path
) -> None:
    states = {}
    for name, home in pulumi_homes.items():
        (tmp_path / name).mkdir()
        commands = Commands(tmp_path / name, home, ssh_server)
        assert commands.run("up").code == 0
        assert commands.run("up", stage="second").code == 0
        states[name] = commands.project.comparable_state(str(tmp_path / name))
    assert states["stand-in"] == states["official"]
