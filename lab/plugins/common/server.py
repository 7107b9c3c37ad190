"""The gRPC server of a stand-in plugin: the SDK's own servicer, with readable errors, init errors and cancellation.

The SDK's `pulumi.provider.experimental.server.main` cannot take another servicer, hence the few lines of `serve` here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import grpc
import grpc.aio
from google.protobuf import any_pb2, empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from lab.plugins.common.engine_log import EngineLog
from lab.plugins.common.errors import InitFailedError, PluginError

Handler = Callable[[Any, Any], Awaitable[Any]]

# gRPC carries an error's text in a header; what is far beyond a screen helps nobody and can be refused as a whole.
MESSAGE_LENGTH = 256 * 1024
PARENT_CHECK_SECONDS = 2.0


def _guarded(method: str) -> Any:
    handler = getattr(ProviderServicer, method)

    async def guarded(self: Servicer, request: Any, context: Any) -> Any:
        return await self.guard(partial(handler, self), request, context)

    return guarded


class Servicer(ProviderServicer):
    """The SDK's servicer, whose operations end with one clean line and can be cancelled."""

    def __init__(self, version: str, provider: Provider, engine_address: str) -> None:
        super().__init__([], version, provider, engine_address)
        self._running: set[asyncio.Task[Any]] = set()
        self._cancelled = False

    GetSchema = _guarded("GetSchema")
    CheckConfig = _guarded("CheckConfig")
    Configure = _guarded("Configure")
    Invoke = _guarded("Invoke")
    Construct = _guarded("Construct")
    Call = _guarded("Call")
    Check = _guarded("Check")
    Diff = _guarded("Diff")
    Create = _guarded("Create")
    Read = _guarded("Read")
    Update = _guarded("Update")
    Delete = _guarded("Delete")

    async def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Not the SDK's own method: it puts the bool of `changes` where the protocol wants an enumeration."""
        return await self.guard(self.diff_config, request, context)

    async def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: ARG002, N802
        """The engine's word that the user pressed Ctrl-C."""
        self.cancel()
        return empty_pb2.Empty()

    async def diff_config(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: ARG002
        """Leaves the comparison of provider arguments to the engine, which updates a provider in place."""
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_UNKNOWN)

    def cancel(self) -> None:
        """Ends every operation under way; each closes what it opened. Later ones are refused."""
        self._cancelled = True
        for task in self._running:
            task.cancel()

    async def settled(self) -> None:
        """Returns when no operation is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def guard(self, handler: Handler, request: Any, context: Any) -> Any:
        """Runs one operation so that it can be cancelled, and turns what it raises into the engine's errors."""
        if self._cancelled:
            await context.abort(grpc.StatusCode.CANCELLED, "cancelled")
        task = asyncio.ensure_future(handler(request, context))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await task
        except asyncio.CancelledError:
            # Either `cancel` did it, or the engine hung up, in which case nobody reads this.
            task.cancel()
            message = "cancelled"
        except InitFailedError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _init_failed_details(error)),))
            message = str(error)
        except PluginError as error:
            message = str(error)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            message = f"fault in the lab's stand-in plugin, please report it: {type(error).__name__}: {error}"
        await context.abort(grpc.StatusCode.UNKNOWN, message[:MESSAGE_LENGTH])
        raise AssertionError("abort raises")


def _init_failed_details(error: InitFailedError) -> bytes:
    """The google.rpc.Status the engine looks for (pulumi/pulumi: resourceStateAndError in provider_plugin.go)."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=PropertyValue.marshal_map(dict(error.properties)),
        inputs=PropertyValue.marshal_map(dict(error.inputs)),
        reasons=error.reasons,
    )
    packed = any_pb2.Any()
    packed.Pack(failed)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error)[:1024], details=[packed])
    return bytes(status.SerializeToString())


async def _serve(
    version: str, make_provider: Callable[[EngineLog], Provider], engine_address: str, servicer_type: type[Servicer]
) -> None:
    provider = make_provider(EngineLog(engine_address))
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = servicer_type(version, provider, engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    print(port, flush=True)
    await _stop_or_orphaned(stop)
    servicer.cancel()
    await servicer.settled()
    await server.stop(grace=1)


async def _stop_or_orphaned(stop: asyncio.Event) -> None:
    # An engine that was killed cannot stop its plugins; without this they, and what they run, would stay for ever.
    parent = os.getppid()
    while not stop.is_set() and os.getppid() == parent:
        try:
            await asyncio.wait_for(stop.wait(), timeout=PARENT_CHECK_SECONDS)
        except TimeoutError:
            continue


def serve(
    version: str, make_provider: Callable[[EngineLog], Provider], servicer_type: type[Servicer] = Servicer
) -> None:
    """The main function of a plugin: `pulumi-resource-NAME ENGINE_ADDRESS`, with the port as first line of output."""
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    if len(addresses) != 1:
        sys.exit(f"usage: {sys.argv[0]} ENGINE_ADDRESS (this is a Pulumi plugin: the Pulumi engine starts it)")
    asyncio.run(_serve(version, make_provider, addresses[0], servicer_type))
