"""Lines for the user, sent to the engine while an operation runs."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

# The display shows only the newest status line of a resource, and each line is one RPC to the engine. A command that
# prints faster than that loses lines from the display (never from its outputs) instead of piling them up in memory.
LINES_WAITING = 500
LINE_LENGTH = 4096


class EngineLog:
    """The engine's log service. One a plugin process."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stub: Any = None  # the generated type is the one of the blocking client

    async def send(self, urn: str, text: str, *, warning: bool = False, ephemeral: bool = True) -> None:
        """Sends one message. An engine that is gone is no reason to fail: the operation notices by itself."""
        if self._stub is None:  # not before a loop runs: the channel belongs to it
            self._stub = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(self._address))
        severity = engine_pb2.WARNING if warning else engine_pb2.INFO
        # NUL and other control characters would garble a terminal; tabs stay.
        clean = "".join(char if char >= " " or char == "\t" else " " for char in text)
        request = engine_pb2.LogRequest(severity=severity, message=clean, urn=urn, ephemeral=ephemeral)
        with suppress(grpc.aio.AioRpcError):
            await self._stub.Log(request, timeout=10, wait_for_ready=True)

    def lines(self, urn: str) -> LineLog:
        """A log of status lines for one resource; use it with `async with`."""
        return LineLog(self, urn)


class LineLog:
    """Cuts what it is fed into lines and sends them one after the other, in the background and in bounded memory."""

    def __init__(self, log: EngineLog, urn: str) -> None:
        self._log = log
        self._urn = urn
        self._lines: deque[str] = deque(maxlen=LINES_WAITING)
        self._rest: dict[str, bytes] = {}
        self._news = asyncio.Event()
        self._ended = False
        self._sender: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LineLog:
        self._sender = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        for rest in self._rest.values():
            if rest:
                self.line(rest.decode(errors="replace"))
        self._ended = True
        self._news.set()
        if self._sender is not None:
            # Bounded: a stuck engine must not hold back the result of an operation.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sender, timeout=10)

    def line(self, text: str) -> None:
        """Queues one line."""
        self._lines.append(text if len(text) <= LINE_LENGTH else text[:LINE_LENGTH] + " …")
        self._news.set()

    def feed(self, stream: str, data: bytes) -> None:
        """Takes the next piece of a stream; each whole line of it is queued."""
        *whole, rest = (self._rest.get(stream, b"") + data).split(b"\n")
        # A line without an end would otherwise grow, and be copied, with every piece.
        if len(rest) > LINE_LENGTH:
            rest = rest[: LINE_LENGTH + 1]
        self._rest[stream] = rest
        for line in whole[-LINES_WAITING:]:
            self.line(line[: LINE_LENGTH + 1].decode(errors="replace"))

    async def _send(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._lines:
                await self._log.send(self._urn, self._lines.popleft())
            if self._ended:
                return
