"""Runs a command on another machine.

Unlike the official plugin: a host key that does not match is no reason to dial again, connections are closed and kept
alive, a cancelled run ends the remote process, and no line is too long to be logged.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress

import asyncssh

from lab.plugins.command.dial import dial_with_retry, reason
from lab.plugins.command.output import Output, failure
from lab.plugins.command.ssh import Target, dial
from lab.plugins.common.errors import PluginError

GOODBYE_SECONDS = 2


class _Run(asyncssh.SSHClientSession[bytes]):
    """One command's channel, which hands its output on as it comes."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._status: str | None = "wait: remote command exited without exit status or exit signal"
        self._fault: BaseException | None = None
        self._closed = asyncio.Event()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """The next piece of output."""
        try:
            self._output.feed("stderr" if datatype == asyncssh.EXTENDED_DATA_STDERR else "stdout", data)
        except PluginError as error:
            self._fault = error
            if self._channel is not None:
                self._channel.abort()

    def exit_status_received(self, status: int) -> None:
        """The command ended."""
        self._status = f"Process exited with status {status}" if status else None

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        """The command was killed."""
        self._status = f"Process exited with status {_signal_status(signal)} from signal {signal}"

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed: both streams have ended, or the connection broke."""
        self._fault = self._fault or exc
        self._closed.set()

    async def status(self) -> str | None:
        """What went wrong, or None, once the command has ended and nothing holds its output open any more."""
        await self._closed.wait()
        if isinstance(self._fault, PluginError):
            raise self._fault
        if self._fault is not None:
            return f"connection lost: {reason(self._fault)}"
        return self._status


async def run(
    command: str,
    target: Target,
    *,
    stdin: str,
    environment: Mapping[str, str],
    hints: Mapping[str, str],
    timeout: float | None,
    output: Output,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Runs one command to its end. `timeout` is for the dialing, as in the official plugin.

    `environment` must be accepted by the machine's sshd, `hints` may be.
    """
    client = await dial_with_retry(
        lambda: dial(target),
        target=str(target),
        error_limit=target.dial_error_limit,
        timeout=timeout,
        say=say,
    )
    try:
        variables = await _accepted(client, environment, hints, warn)
        session = _Run(output)
        channel, _ = await client.create_session(
            lambda: session, command, env=list(variables.items()), encoding=None, request_pty=False
        )
        try:
            with suppress(BrokenPipeError):  # the command may have ended without reading
                channel.write(stdin.encode())
                channel.write_eof()
            status = await session.status()
        except asyncio.CancelledError:
            await _end(channel)
            raise
    except (asyncssh.Error, OSError) as error:
        raise PluginError(f"{target}: {reason(error)}") from error
    finally:
        client.abort()
    if status is not None:
        raise failure(status, command, output)


async def _accepted(
    client: asyncssh.SSHClientConnection,
    environment: Mapping[str, str],
    hints: Mapping[str, str],
    warn: Callable[[str], None],
) -> dict[str, str]:
    """The variables sshd lets through. Asked with a first run of `env`: asyncssh does not tell which it refused."""
    wanted = {**hints, **environment}
    if not wanted:
        return {}
    marks = dict.fromkeys(wanted, "accepted")  # short values: a variable too long for exec would end the probe
    probe = await client.run("env", env=marks, check=False)
    seen = set(str(probe.stdout).splitlines())
    refused = [name for name in wanted if f"{name}=accepted" not in seen]
    advice = (
        "This only works if the SSH server is configured to accept these variables via AcceptEnv. Alternatively, "
        "prefix the command itself with the variables in the form 'VAR=value command'"
    )
    for name in refused:
        if name in environment:
            raise PluginError(f"could not set environment variable {name!r}. {advice}")
        warn(f"Unable to set '{name}'. {advice}")
    return {name: value for name, value in wanted.items() if name not in refused}


async def _end(channel: asyncssh.SSHClientChannel[bytes]) -> None:
    # Without a terminal sshd leaves the command running when the connection goes; a signal reaches its process group.
    with suppress(OSError, asyncssh.Error, TimeoutError):
        channel.terminate()
        await asyncio.wait_for(channel.wait_closed(), GOODBYE_SECONDS)


def _signal_status(name: str) -> int:
    """What a shell reports for a command ended by this signal."""
    return 128 + int(getattr(signal, f"SIG{name}", 0))
