"""The one place that makes a remote.Command out of a script."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
from pulumi_command import remote

SCRIPTS = Path(__file__).parent / "scripts"

BOOT_SECONDS = 300
"""How long a machine may take from power-on to a first login, before `timeoutFactor`."""

DIAL_PAUSE = 5
"""Seconds between two dials at most: what the provider's pauses grow to (pulumi-command 1.2.1, connection.go)."""


PARTS = {"init-control-plane.sh": ("restore-certificates.sh", "restore-control-plane.sh")}
"""Functions of a script that have files of their own, which are sent in front of it."""


def script_text(name: str) -> str:
    """The text of one of our scripts, with its parts."""
    return "".join((SCRIPTS / each).read_text() for each in (*PARTS.get(name, ()), name))


@dataclass(frozen=True, kw_only=True)
class RemoteScript:
    """A script of `components/scripts/` and what it needs to run on a machine as root.

    The script, its inputs and its secrets travel on standard input. The command line, which a failure prints and any
    process on the machine can read, holds only the script's name and its time limit.
    """

    file: str
    """Name of the script. It reports progress on standard error; its result is what it prints on standard output."""
    seconds: int
    """Time limit before `timeoutFactor`; afterwards the script is stopped and says what it was waiting for."""
    inputs: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Shell variables, set before the script starts. An Output that is a secret stays one."""
    delete_argument: str | None = None
    """The script's first argument when the resource is deleted; None where nothing has to be undone."""
    secret_result: bool = False
    """Whether what the script prints is a secret."""


def run_script(
    name: str,
    script: RemoteScript,
    *,
    connection: pulumi.Input[remote.ConnectionArgs],
    timeout_factor: int,
    triggers: Sequence[pulumi.Input[str]],
    opts: pulumi.ResourceOptions,
) -> remote.Command:
    """Runs `script` over `connection`, anew whenever one of its inputs changes and on a machine that `triggers` names.

    `triggers` carry the ids of the machines the script acts on: with static addresses nothing else would tell that a
    machine is a new one. `opts` name the parent and the machine that the result is deleted with.
    """
    limit = script.seconds * timeout_factor
    run = f"sudo timeout --kill-after=30 {limit} bash -s"
    stdin = pulumi.Output.all(**script.inputs, LIMIT=str(limit)).apply(
        lambda inputs: program(script_text(script.file), inputs)
    )
    bound = f"{limit + BOOT_SECONDS * timeout_factor + 60}s"
    own = pulumi.ResourceOptions(
        additional_secret_outputs=["stdout"] if script.secret_result else None,
        # A dial that nobody answers may take longer than the pause between two: this bounds all of them.
        custom_timeouts=pulumi.CustomTimeouts(create=bound, update=bound, delete=bound),
    )
    return remote.Command(
        name,
        connection=connection,
        create=f"{run} {script.file}",
        delete=f"{run} {script.file} {script.delete_argument}" if script.delete_argument else None,
        stdin=stdin,
        triggers=list(triggers),
        # Standard output is the result and may be a secret; progress is on standard error.
        logging=remote.Logging.STDERR,
        # The provider would send the last result with the next run, through sshd's AcceptEnv, which refuses it.
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions.merge(opts, own),
    )


def program(script: str, inputs: Mapping[str, Any]) -> str:
    """What is sent to a machine: the inputs as shell assignments, the common functions, and the text of a script."""
    assignments = [f"{key}={shlex.quote(str(value))}" for key, value in sorted(inputs.items())]
    return "\n".join([*assignments, script_text("common.sh"), script])
