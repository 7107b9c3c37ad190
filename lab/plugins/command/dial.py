"""The dialing of the official plugin: retried with a fixed back-off, until a number of failures or a deadline. Pure.

Sources: pulumi-command v1.2.1 remote/connection.go; pulumi/pulumi sdk/go/common/util/retry/until.go.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from lab.plugins.common.errors import PluginError

FIRST_PAUSE = 0.1
FACTOR = 1.5
LONGEST_PAUSE = 5.0
UNLIMITED = -1

T = TypeVar("T")


class NoRetryError(PluginError):
    """A failed dial that another dial cannot mend."""


def pauses() -> Iterator[float]:
    """The seconds between one dial and the next."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * FACTOR, LONGEST_PAUSE)


async def dial_with_retry(
    dial: Callable[[], Awaitable[T]],
    *,
    target: str,
    error_limit: int,
    timeout: float | None,
    say: Callable[[str], None],
) -> T:
    """Calls `dial` until it succeeds.

    Gives up when more than `error_limit` dials failed (UNLIMITED: never), or after `timeout` seconds; both messages
    have the last reason.
    """
    last = "no answer"
    failed = 0

    async def attempts() -> T:
        nonlocal last, failed
        for pause in pauses():
            try:
                return await dial()
            except NoRetryError:
                raise
            except (OSError, TimeoutError, PluginError) as error:
                last = reason(error)
                failed += 1
            if failed > error_limit > UNLIMITED:
                raise PluginError(f"{target}: after {error_limit} failed attempts: {last}")
            say(f"Dial {failed}/{'inf' if error_limit == UNLIMITED else error_limit} failed: retrying ({last})")
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    try:
        return await asyncio.wait_for(attempts(), timeout)
    except TimeoutError as error:
        raise PluginError(
            f"{target}: no connection within {timeout:.0f} s, {failed} failed attempts; last: {last}"
        ) from error


def reason(error: BaseException) -> str:
    """An error in a few words, never empty."""
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__
