"""A plugin process and, in place of the engine, a client that speaks its protocol and keeps what it logs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from lab.plugins.common.values import plain_map, to_property

Properties = dict[str, PropertyValue]
_SIZE = [  # as generous as the engine, which is written in Go
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024 * 1024),
]


def eventually(condition: Callable[[], Any], what: str, seconds: float = 20) -> Any:
    """The first true value of `condition`; fails with `what` when there is none in time."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    return value


def properties(values: Mapping[str, Any]) -> Properties:
    """Plain values as the engine would send them."""
    return {key: to_property(value) for key, value in values.items()}


class PluginFailure(Exception):  # noqa: N818
    """What the plugin answered in place of a result."""

    def __init__(self, error: Any) -> None:
        super().__init__(error.details())
        self.code = error.code()
        self.details_bin = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")


@dataclass
class Created:
    """A resource as the engine would keep it."""

    id: str
    type: str
    name: str
    properties: Properties

    @property
    def plain(self) -> dict[str, Any]:
        return plain_map(self.properties)


@dataclass
class _EngineLog(engine_pb2_grpc.EngineServicer):
    lines: list[Any] = field(default_factory=list)

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.lines.append(request)
        return empty_pb2.Empty()


class Plugin:
    """A running plugin. Use it with `with`."""

    def __init__(self, executable: Path) -> None:
        self.log = _EngineLog()
        self._pool = ThreadPoolExecutor(4)
        self._engine = grpc.server(self._pool)
        engine_pb2_grpc.add_EngineServicer_to_server(self.log, self._engine)
        address = f"127.0.0.1:{self._engine.add_insecure_port('127.0.0.1:0')}"
        self._engine.start()
        started = time.monotonic()
        self.process = subprocess.Popen([executable, address], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        port = self.process.stdout.readline().strip()
        self.start_seconds = time.monotonic() - started
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=_SIZE)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def __enter__(self) -> Plugin:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._engine.stop(None).wait()
        self._pool.shutdown()

    def messages(self) -> list[str]:
        """Every line logged so far."""
        return [line.message for line in self.log.lines]

    def configure(self, values: Mapping[str, Any]) -> None:
        args = PropertyValue.marshal_map(properties(values))
        # The engine sends both: plugins in Go read these, plugins of the newer SDKs the arguments.
        variables = {f"kubernetes:config:{name}": str(value) for name, value in values.items()}
        request = provider_pb2.ConfigureRequest(
            args=args, variables=variables, acceptSecrets=True, acceptResources=True
        )
        self._call("Configure", request)

    def check(self, kind: str, name: str, inputs: Mapping[str, Any], olds: Properties | None = None) -> Properties:
        """The checked inputs; fails with the reasons when there are any."""
        request = provider_pb2.CheckRequest(
            urn=_urn(kind, name),
            news=PropertyValue.marshal_map(properties(inputs)),
            olds=_struct(olds),
            randomSeed=b"x" * 32,
        )
        answer = self._call("Check", request)
        assert not answer.failures, [f"{failure.property}: {failure.reason}" for failure in answer.failures]
        return PropertyValue.unmarshal_map(answer.inputs)

    def create(
        self, kind: str, inputs: Mapping[str, Any], *, name: str = "it", timeout: float = 0, preview: bool = False
    ) -> Created:
        """Checks and creates."""
        checked = self.check(kind, name, inputs)
        request = provider_pb2.CreateRequest(
            urn=_urn(kind, name), properties=_struct(checked), timeout=timeout, preview=preview
        )
        answer = self._call("Create", request)
        return Created(answer.id, kind, name, PropertyValue.unmarshal_map(answer.properties))

    def diff(self, old: Created, inputs: Mapping[str, Any], old_inputs: Properties) -> Any:
        """Checks the new inputs and compares them."""
        news = self.check(old.type, old.name, inputs, old_inputs)
        return self._call(
            "Diff",
            provider_pb2.DiffRequest(
                urn=_urn(old.type, old.name),
                id=old.id,
                olds=_struct(old.properties),
                news=_struct(news),
                old_inputs=_struct(old_inputs),
            ),
        )

    def update(self, old: Created, inputs: Mapping[str, Any], *, timeout: float = 0, preview: bool = False) -> Created:
        """Checks and updates."""
        news = self.check(old.type, old.name, inputs)
        request = provider_pb2.UpdateRequest(
            urn=_urn(old.type, old.name),
            id=old.id,
            olds=_struct(old.properties),
            news=_struct(news),
            timeout=timeout,
            preview=preview,
        )
        answer = self._call("Update", request)
        return Created(old.id, old.type, old.name, PropertyValue.unmarshal_map(answer.properties))

    def read(self, old: Created, inputs: Properties) -> Created | None:
        """As a refresh does; `inputs` are the checked ones that the engine keeps."""
        request = provider_pb2.ReadRequest(
            urn=_urn(old.type, old.name), id=old.id, properties=_struct(old.properties), inputs=_struct(inputs)
        )
        answer = self._call("Read", request)
        return (
            Created(answer.id, old.type, old.name, PropertyValue.unmarshal_map(answer.properties))
            if answer.id
            else None
        )

    def delete(self, old: Created, *, timeout: float = 0) -> None:
        request = provider_pb2.DeleteRequest(
            urn=_urn(old.type, old.name), id=old.id, properties=_struct(old.properties), timeout=timeout
        )
        self._call("Delete", request)

    def cancel(self) -> None:
        """What the engine sends on Ctrl-C."""
        self._call("Cancel", empty_pb2.Empty())

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self._stub, method)(request, timeout=60)
        except grpc.RpcError as error:
            raise PluginFailure(error) from None


def _urn(kind: str, name: str) -> str:
    return f"urn:pulumi:stack::project::{kind}::{name}"


def _struct(values: Properties | None) -> Any:
    return PropertyValue.marshal_map(values or {})
