"""Ctrl-C ends a command of `make`, though Pulumi makes an exit code of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.configuration import REPOSITORY
from tests.executable import executable

PULUMI = """#!/bin/bash
trap 'echo "pulumi notes how far it came"; exit 1' INT TERM
touch "$HOME/at-work"
while :; do sleep 0.1; done
"""
STEPS = """
stack=lab in_libvirt=LIBVIRT in_the_cluster=CLUSTER inside=()
libvirt_state() { echo '{"urn": "x"}'; }
python() { :; }
sweep_libvirt() { cat >/dev/null; echo "$1"; }
"""
WORKS = '"$HOME/pulumi"'
CASES = {
    "the destroy": ("destroy", f"forget_missing() {{ :; }}\nrun_pulumi() {{ {WORKS}; }}", ["reach", "wake", "before"]),
    "the comparison before a destroy": (
        "destroy",
        f"forget_missing() {{ {WORKS}; }}\nrun_pulumi() {{ :; }}",
        ["reach", "wake"],
    ),
    "the look before an up": ("find_repairs", f"forget_missing() {{ {WORKS}; }}", ["layers", "wake"]),
}


def program(function: str, changes: str) -> str:
    """A function of tools/stack, with what it does about signals, and a step after it."""
    stack = (REPOSITORY / "tools" / "stack").read_text()
    trap = next((line for line in stack.splitlines() if line.startswith("trap ")), "")
    body = stack.partition(f"\n{function}() {{\n")[2].partition("\n}\n")[0]
    start = f"source {REPOSITORY}/tools/environment.sh\n{trap}\n{STEPS}\n{changes}"
    return f"{start}\n{function}() {{\n{body}\n}}\n{function}\necho the next step\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", CASES)
def test_a_command_that_is_interrupted_takes_no_further_step_and_says_how_to_go_on(
    step: str, number: signal.Signals, tmp_path: Path
) -> None:
    executable(tmp_path / "pulumi", PULUMI)
    function, changes, done_before = CASES[step]
    # Where the tests run in the background they ignore SIGINT, and with them whatever they start.
    command = ["env", "--default-signal=INT", "bash", "-c", program(function, changes)]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        began = time.monotonic()
        while not (tmp_path / "at-work").exists():
            assert process.poll() is None
            assert time.monotonic() - began < 30
            time.sleep(0.01)
        os.killpg(process.pid, number)  # as a terminal does
        try:
            said, errors = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, errors = process.communicate()
    assert process.returncode == 130, errors
    assert said.splitlines() == [*done_before, "pulumi notes how far it came"]
    assert errors.splitlines()[-1] == "Interrupted; the same command goes on from here."
