"""The two resource types, as the engine sees them.

Source of the semantics: pulumi-command v1.2.1, provider/pkg/provider/{local,remote}/commandController.go.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from pulumi.provider.experimental import provider as rpc

from lab.plugins.command import local
from lab.plugins.command.inputs import LOCAL, REMOTE, changed_inputs, check, logs
from lab.plugins.command.output import Output
from lab.plugins.common.engine_log import EngineLog
from lab.plugins.common.errors import unsupported
from lab.plugins.common.values import UNKNOWN_VALUE, Properties, bare_type, plain_map, to_property

PREVIOUS_OUTPUT = {"PULUMI_COMMAND_STDOUT": "stdout", "PULUMI_COMMAND_STDERR": "stderr"}
OUTPUTS = ("stdout", "stderr")
SUPPORTED = f"{REMOTE} and {LOCAL}"
# One environment variable cannot be longer on Linux (MAX_ARG_STRLEN), and one SSH packet not much.
LONGEST_VARIABLE = 96 * 1024


class CommandProvider(rpc.Provider):
    """Runs `create`, `update` and `delete` where and when the official plugin does."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:  # noqa: ARG002
        """No schema: the SDK packages are generated already."""
        return rpc.GetSchemaResponse("{}")

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:  # noqa: ARG002
        """There is nothing to configure."""
        return rpc.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        """Refused: `local.run` is not here."""
        raise unsupported(request.tok, SUPPORTED)

    async def construct(self, request: rpc.ConstructRequest) -> rpc.ConstructResponse:
        """Refused: there are no components."""
        raise unsupported(request.resource_type, SUPPORTED)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Fills in the defaults and the secret marks."""
        if bare_type(request.urn) not in (REMOTE, LOCAL):
            raise unsupported(bare_type(request.urn), SUPPORTED)
        inputs, failures = check(bare_type(request.urn), request.new_inputs)
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Any input that changed runs `update`, or `create` again; only a trigger makes a new resource.

        Also for triggers that are not known yet: so the engine asks what goes with a machine that is replaced, and lets
        a node leave before its machine does.
        """
        changed = changed_inputs(
            {name: value for name, value in request.old_state.items() if name not in OUTPUTS}, request.new_inputs
        )
        kinds = {
            name: rpc.PropertyDiffKind.UPDATE_REPLACE if name == "triggers" else rpc.PropertyDiffKind.UPDATE
            for name in changed
        }
        return rpc.DiffResponse(
            changes=bool(changed),
            replaces=[name for name in changed if name == "triggers"],
            detailed_diff={name: rpc.PropertyDiff(kind, input_diff=True) for name, kind in kinds.items()},
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Runs `create`. A failure leaves nothing in the state."""
        resource_id = request.name + secrets.token_hex(4)
        outputs = await self._outputs("create", request, request.properties, {})
        return rpc.CreateResponse(resource_id, {**request.properties, **outputs})

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Runs `update`, or `create` if there is none. A failure keeps the old inputs, so that it is tried again."""
        action = "update" if request.news.get("update") is not None else "create"
        outputs = await self._outputs(action, request, request.news, request.olds)
        return rpc.UpdateResponse({**request.news, **outputs})

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Runs `delete` with the connection that is in the state."""
        await self._run("delete", request.urn, bare_type(request.urn), request.properties, request.timeout)

    async def _outputs(
        self, action: str, request: rpc.CreateRequest | rpc.UpdateRequest, inputs: Properties, olds: Properties
    ) -> dict[str, Any]:
        if request.preview:
            return dict.fromkeys(OUTPUTS, UNKNOWN_VALUE)
        kept = {name: olds[name] for name in OUTPUTS if name in olds}
        output = await self._run(action, request.urn, bare_type(request.urn), {**inputs, **kept}, request.timeout)
        return {name: to_property(output.text(name)) if output else kept.get(name, to_property("")) for name in OUTPUTS}

    async def _run(self, action: str, urn: str, resource_type: str, state: Properties, timeout: float) -> Output | None:
        plain = plain_map(state)
        command = plain.get(action)
        if command is None:
            return None
        previous = _previous_output(plain)
        warnings: list[str] = []
        async with self._log.lines(urn) as lines:
            output = Output(lambda stream: logs(plain.get("logging"), stream), lines)
            if resource_type == LOCAL:
                await local.run(
                    command,
                    interpreter=plain.get("interpreter") or [],
                    directory=plain.get("dir"),
                    environment={**(plain.get("environment") or {}), **previous},
                    stdin=plain.get("stdin") or "",
                    timeout=timeout or None,
                    output=output,
                )
            else:
                # Not at the top: asyncssh is half of the start-up time, and a preview needs none of it.
                from lab.plugins.command import remote
                from lab.plugins.command.ssh import Target

                await remote.run(
                    command,
                    Target.of(plain["connection"]),
                    stdin=plain.get("stdin") or "",
                    environment=plain.get("environment") or {},
                    hints=previous,
                    timeout=timeout or None,
                    output=output,
                    say=lines.line,
                    warn=warnings.append,
                )
        await asyncio.gather(*(self._log.send(urn, text, warning=True, ephemeral=False) for text in warnings))
        return output


def _previous_output(state: dict[str, Any]) -> dict[str, str]:
    if state.get("addPreviousOutputInEnv") is False:
        return {}
    values = {variable: str(state.get(name) or "") for variable, name in PREVIOUS_OUTPUT.items()}
    return {variable: value for variable, value in values.items() if 0 < len(value.encode()) <= LONGEST_VARIABLE}
