"""Runs a Pulumi program without an engine and records every registration, with the options that mocks do not show."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf import struct_pb2
from pulumi.runtime import mocks, rpc, set_all_config, stack
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import SETTINGS, get_root_resource

TOKEN = "abcdef.0123456789abcdef"
CA_CERT_HASH = "sha256:" + "5e" * 32
KUBECONFIG = "apiVersion: v1\nkind: Config"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """One resource as the engine would see it."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any]
    """Secrets are still wrapped: see `secret` and `plain`."""
    dependencies: frozenset[str]
    provider: str
    secret_outputs: frozenset[str]
    create_timeout: str
    update_timeout: str
    delete_timeout: str
    delete_before_replace: bool
    deleted_with: str
    ignore_changes: frozenset[str]
    replace_on_changes: frozenset[str]
    replace_with: frozenset[str]
    hooks: dict[str, list[str]]
    """Names of the hooks that are bound to each moment, such as before_create."""

    def plain(self, key: str) -> Any:
        """An input without its secrecy."""
        return plain(self.inputs.get(key))


@dataclass(frozen=True, kw_only=True)
class Export:
    """A stack output; `value` is None where `known` is false."""

    value: Any
    known: bool
    secret: bool
    after: frozenset[str]
    """The names of the resources that it is computed from, or waits for."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a program registered and exported."""

    resources: dict[str, Registration] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    hooks: dict[str, pulumi.ResourceHook] = field(default_factory=dict)
    """By the names that registrations have."""

    def of(self, kind: str) -> list[Registration]:
        """The resources whose type ends in `kind`, in the order of their registration."""
        return [resource for resource in self.resources.values() if resource.type.endswith(kind)]

    def one(self, kind: str, name: str = "") -> Registration:
        """The only resource of a type, or the only one whose name ends in `name`."""
        found = [resource for resource in self.of(kind) if resource.name.endswith(name)]
        assert len(found) == 1, f"{kind} {name!r}: {[resource.name for resource in found]}"
        return found[0]

    def command(self, name: str) -> Registration:
        """The remote command whose name ends in `name`."""
        return self.one(":remote:Command", name)

    def before(self, resource: Registration) -> set[str]:
        """The names of everything that the engine makes before `resource`, however far away."""
        seen: set[str] = set()
        waiting = list(self._direct(resource))
        while waiting:
            urn = waiting.pop()
            if urn not in seen and urn in self.resources:
                seen.add(urn)
                waiting.extend(self._direct(self.resources[urn]))
        return {self.resources[urn].name for urn in seen}

    @staticmethod
    def _direct(resource: Registration) -> Iterable[str]:
        provider = resource.provider.rsplit("::", 1)[0]
        return [*resource.dependencies, resource.parent, provider]


def run(
    program: Callable[[], object],
    *,
    config: Mapping[str, str] | None = None,
    preview: bool = False,
    registered: list[str] | None = None,
    remembered: Mapping[str, Any] | None = None,
) -> Run:
    """Runs `program` in a context of its own, so that runs share nothing, and raises what it raises.

    The names of resources are added to `registered` as they come, also where the program fails. `remembered` is what
    earlier runs have stashed, by resource name.
    """
    monitor = _Monitor(
        preview=preview, registered=[] if registered is None else registered, remembered=remembered or {}
    )
    return contextvars.copy_context().run(_run, program, dict(config or {}), monitor)


def _run(program: Callable[[], object], config: dict[str, str], monitor: _Monitor) -> Run:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        pulumi.runtime.settings.ROOT.set(None)
        mocks.set_mocks(_NoMocks(), project="kubeadm-libvirt", stack="test", preview=monitor.preview, monitor=monitor)
        callbacks = _Callbacks()
        SETTINGS.callbacks = callbacks
        set_all_config(config)
        loop.run_until_complete(stack.run_pulumi_func(lambda: None))  # the stack itself
        loop.run_until_complete(_program(program))
        root = get_root_resource()
        assert isinstance(root, stack.Stack)
        outputs = {name: pulumi.Output.from_input(value) for name, value in root.outputs.items()}
        exports = loop.run_until_complete(_exports(outputs))
        return Run(resources=monitor.recorded, exports=exports, hooks=callbacks.hooks)
    finally:
        abandoned = asyncio.all_tasks(loop)  # of a program that failed
        for task in abandoned:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*abandoned, return_exceptions=True))
        SETTINGS.rpc_manager.clear()  # the context is a copy, but what is in it is shared
        SETTINGS.outputs.clear()
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()


async def _program(program: Callable[[], object]) -> None:
    await stack.run_pulumi_func(lambda: _discard(program()))


def _discard(_: object) -> None:
    """The function that Pulumi runs returns nothing."""


async def _exports(outputs: Mapping[str, pulumi.Output[Any]]) -> dict[str, Export]:
    exports = {}
    for name, output in outputs.items():
        value, known, is_secret = await output.future(), await output.is_known(), await output.is_secret()
        urns = [await resource.urn.future() for resource in await output.resources()]
        after = frozenset(str(urn).rsplit("::", 1)[1] for urn in urns)
        exports[name] = Export(value=value, known=known, secret=is_secret, after=after)
    return exports


def secret(value: Any) -> bool:
    """Whether a recorded input is a secret as a whole."""
    return bool(rpc.is_rpc_secret(value))


def plain(value: Any) -> Any:
    """A recorded input without its secrecy."""
    if rpc.is_rpc_secret(value):
        return plain(value["value"])
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


class _Callbacks:
    """In place of the server through which the engine calls hooks."""

    def __init__(self) -> None:
        self.hooks: dict[str, pulumi.ResourceHook] = {}

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        assert hook.name not in self.hooks, f"two hooks are called {hook.name}"
        self.hooks[hook.name] = hook

    async def shutdown(self) -> None:
        """Nothing runs."""


class _NoMocks(mocks.Mocks):
    """The monitor below answers registrations itself; the program asks for nothing else."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError(args.name)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program looked something up outside itself: {args.token}")


class _Monitor(mocks.MockMonitor):
    """Records, and answers as the engine does: outputs are the inputs and what the providers would add."""

    def __init__(self, *, preview: bool, registered: list[str], remembered: Mapping[str, Any]) -> None:
        super().__init__(_NoMocks())
        self.preview, self.registered, self.remembered = preview, registered, remembered
        self.recorded: dict[str, Registration] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (named by the protocol)
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        self.registered.append(request.name)
        assert urn not in self.recorded, f"two resources are called {urn}"
        self.recorded[urn] = Registration(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=rpc.deserialize_properties(request.object, keep_unknowns=True),
            dependencies=frozenset(request.dependencies),
            provider=request.provider,
            secret_outputs=frozenset(request.additionalSecretOutputs),
            create_timeout=request.customTimeouts.create,
            update_timeout=request.customTimeouts.update,
            delete_timeout=request.customTimeouts.delete,
            delete_before_replace=request.deleteBeforeReplace,
            deleted_with=request.deletedWith,
            ignore_changes=frozenset(request.ignoreChanges),
            replace_on_changes=frozenset(request.replaceOnChanges),
            replace_with=frozenset(request.replace_with),
            hooks={moment.name: list(names) for moment, names in request.hooks.ListFields()},
        )
        known = request.custom and not self.preview
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(request.object)
        for name, value in _computed(request.type, request.name).items():
            seen = value if known else rpc.UNKNOWN
            outputs.update({name: rpc.wrap_rpc_secret(seen) if name in request.additionalSecretOutputs else seen})
        if request.type == "pulumi:index:Stash":  # it needs no provider: its output is known in a preview too
            stashed = self.remembered.get(request.name)
            outputs.update({"output": request.object["input"] if stashed is None else stashed})
        return resource_pb2.RegisterResourceResponse(urn=urn, id=f"{request.name}-id" if known else "", object=outputs)


def _computed(kind: str, name: str) -> dict[str, str]:
    """What a provider adds to the inputs of a new resource."""
    if kind == "command:local:Command":
        begin, end = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
        return {"stdout": f"{begin}\nprivate-{name}\n{end}\nssh-ed25519 public-{name}", "stderr": ""}
    if kind == "command:remote:Command":
        results = {"kubeconfig": KUBECONFIG, "join": f"{TOKEN}\n{CA_CERT_HASH}"}
        return {"stdout": results.get(name.split("-")[-1], ""), "stderr": ""}
    return {}
