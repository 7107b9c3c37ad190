"""Runs a command on this machine, in a process group of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lab.plugins.command.dial import reason
from lab.plugins.command.output import Output, failure

DEFAULT_INTERPRETER = ("/bin/sh", "-c")
PIECE = 64 * 1024
MERCY_SECONDS = 5


async def run(
    command: str,
    *,
    interpreter: Sequence[str],
    directory: str | None,
    environment: Mapping[str, str],
    stdin: str,
    timeout: float | None,
    output: Output,
) -> None:
    """Runs one command to its end, or ends it: when cancelled, and after `timeout` seconds."""
    words = [*(interpreter or DEFAULT_INTERPRETER), command]
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=directory,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in the command or a variable
        where = f" in {directory}" if directory else ""
        raise failure(f"cannot start {words[0]}{where}: {reason(error)}", command, output) from error
    try:
        await asyncio.wait_for(_drain(process, stdin.encode(), output), timeout)
    except TimeoutError as error:
        raise failure(f"not done within {timeout:.0f} s", command, output) from error
    finally:
        await _end(process)
    if process.returncode:
        raise failure(_status(process.returncode), command, output)


async def _drain(process: asyncio.subprocess.Process, stdin: bytes, output: Output) -> None:
    async def write() -> None:
        if process.stdin is not None:
            with suppress(BrokenPipeError, ConnectionResetError):  # the command need not read its input
                process.stdin.write(stdin)
                await process.stdin.drain()
            process.stdin.close()

    async def read(name: str, stream: asyncio.StreamReader | None) -> None:
        # `read`, never `readline`: a line may be longer than the reader's buffer.
        while stream is not None and (data := await stream.read(PIECE)):
            output.feed(name, data)

    await asyncio.gather(write(), read("stdout", process.stdout), read("stderr", process.stderr))
    await process.wait()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the whole process group when the command has not ended by itself."""
    if process.returncode is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), MERCY_SECONDS)
            return


def _status(code: int) -> str:
    """An exit code in the words of Go's os/exec, which the official plugin prints."""
    if code > 0:
        return f"exit status {code}"
    return f"signal: {(signal.strsignal(-code) or str(-code)).lower()}"
