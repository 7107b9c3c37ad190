"""Kubernetes objects as the engine sees them.

Source of the semantics: pulumi-kubernetes provider/pkg/provider/provider.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.common.engine_log import EngineLog
from lab.plugins.common.errors import InitFailedError, PluginError, unsupported
from lab.plugins.common.values import Properties, bare_type, plain_map, to_property
from lab.plugins.kubernetes import objects
from lab.plugins.kubernetes.config import Config
from lab.plugins.kubernetes.diff import Change, compare, property_path

if TYPE_CHECKING:
    from lab.plugins.kubernetes.api import Api
    from lab.plugins.kubernetes.operations import Operation

SUPPORTED = "plain objects of any kind (no lists, patches, Helm, YAML or Kustomize resources)"
_NOT_OBJECTS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")
_KINDS = {
    ("add", False): rpc.PropertyDiffKind.ADD,
    ("add", True): rpc.PropertyDiffKind.ADD_REPLACE,
    ("delete", False): rpc.PropertyDiffKind.DELETE,
    ("delete", True): rpc.PropertyDiffKind.DELETE_REPLACE,
    ("update", False): rpc.PropertyDiffKind.UPDATE,
    ("update", True): rpc.PropertyDiffKind.UPDATE_REPLACE,
}


class KubernetesProvider(rpc.Provider):
    """Makes, changes and removes objects through the API server that the kubeconfig names."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log
        self._config = Config()
        self._api_client: Api | None = None

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:  # noqa: ARG002
        """No schema: the SDK packages are generated already."""
        return rpc.GetSchemaResponse("{}")

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        """Takes the arguments. Nothing is asked of the cluster before an operation needs it: a preview needs none."""
        self._config = Config.of(plain_map(request.args))
        self._api_client = None
        return rpc.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        """Refused: there are no functions."""
        raise unsupported(request.tok, SUPPORTED)

    async def construct(self, request: rpc.ConstructRequest) -> rpc.ConstructResponse:
        """Refused: there are no components."""
        raise unsupported(request.resource_type, SUPPORTED)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Names the object, and marks what is secret."""
        resource_type = bare_type(request.urn)
        if resource_type.startswith(_NOT_OBJECTS) or resource_type.endswith(("List", "Patch")):
            raise unsupported(resource_type, SUPPORTED)
        inputs = objects.check(
            request.name, request.random_seed, request.new_inputs, request.old_inputs, self._config.namespace
        )
        failures = []
        if "pulumi.com/waitFor" in objects.annotations_of(plain_map(inputs)):
            failures.append(rpc.CheckFailure("", "pulumi.com/waitFor is not part of the lab's stand-in plugin"))
        if "generateName" in (plain_map(inputs).get("metadata") or {}):
            failures.append(rpc.CheckFailure("", "metadata.generateName does not go with server-side apply"))
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Compares the object as it was last seen with what is wanted; see diff.py for what needs a new object."""
        comparison = compare(objects.seen_inputs(request.old_state), plain_map(request.new_inputs), self._config)
        return rpc.DiffResponse(
            changes=bool(comparison.changes),
            replaces=[property_path(change.path) for change in comparison.changes if change.replaces],
            delete_before_replace=comparison.delete_first,
            detailed_diff={property_path(change.path): _property_diff(change) for change in comparison.changes},
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Makes the object and waits until it is ready."""
        if request.preview:
            return rpc.CreateResponse("", request.properties)
        inputs = request.properties
        # Imported on the first real operation: the HTTP library is half of the start-up time, and a preview needs none.
        from lab.plugins.kubernetes import field_manager

        manager = (
            objects.annotations_of(plain_map(inputs)).get("pulumi.com/patchFieldManager") or field_manager.new_name()
        )
        async with self._log.lines(request.urn) as lines:
            operation = self._operation(inputs, request.timeout, lines.line)
            live = await operation.create(manager)
            await self._warn_if_not_awaited(request.urn, inputs)
            live = await self._wait(operation, live, inputs, str(plain_map(inputs)["apiVersion"]), manager)
        return rpc.CreateResponse(
            objects.object_id(live), objects.state(inputs, live, str(live["apiVersion"]), manager)
        )

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Applies the changed inputs and waits until the object is ready."""
        inputs = request.news
        old_live = objects.live_object(request.olds)
        if request.preview:
            merged = objects.merge(old_live, plain_map(inputs))
            return rpc.UpdateResponse(objects.mark_secrets(merged, inputs))
        initial = str(_text(request.olds, objects.INITIAL_API_VERSION) or old_live["apiVersion"])
        manager = _text(request.olds, objects.FIELD_MANAGER) or "pulumi-kubernetes"
        async with self._log.lines(request.urn) as lines:
            operation = self._operation(inputs, request.timeout, lines.line)
            live = await operation.update(str(old_live["metadata"]["name"]), manager)
            live = await self._wait(operation, live, inputs, initial, manager)
        return rpc.UpdateResponse(objects.state(inputs, live, initial, manager))

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Deletes the object and waits until it is gone."""
        from lab.plugins.kubernetes.api import UnreachableError
        from lab.plugins.kubernetes.operations import FORGET_SECONDS

        live = objects.live_object(request.properties)
        timeout = FORGET_SECONDS if self._config.delete_unreachable else request.timeout
        async with self._log.lines(request.urn) as lines:
            try:
                operation = self._operation(request.properties, timeout, lines.line)
                if self._config.delete_unreachable:
                    # The short limit is for reaching the server; a deletion under way has the usual time.
                    await operation.read(live["metadata"]["name"])
                    operation = self._operation(request.properties, request.timeout, lines.line)
                await operation.delete(str(live["metadata"]["name"]), live["metadata"].get("uid"))
            except UnreachableError as error:
                if not self._config.delete_unreachable:
                    raise PluginError(
                        f"{error}. If the cluster was deleted, you can remove this resource from Pulumi state by "
                        "rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "
                        '"true"'
                    ) from error
                await self._log.send(request.urn, f"{error}: removed from the state", warning=True, ephemeral=False)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """The object as it is, for a refresh; nothing when it is gone."""
        if not request.properties or objects.INPUTS not in request.properties:
            raise unsupported("reading or importing an object that the state does not have", SUPPORTED)
        from lab.plugins.kubernetes.api import UnreachableError
        from lab.plugins.kubernetes.operations import FORGET_SECONDS

        old_live = objects.live_object(request.properties)
        async with self._log.lines(request.urn) as lines:
            try:
                timeout = FORGET_SECONDS if self._config.delete_unreachable else 0
                live = await self._operation(request.properties, timeout, lines.line).read(old_live["metadata"]["name"])
            except UnreachableError as error:
                if not self._config.delete_unreachable:
                    raise
                await self._log.send(request.urn, f"{error}: removed from the state", warning=True, ephemeral=False)
                live = None
        if live is None:
            return rpc.ReadResponse("", {}, {})
        inputs = cast(Properties, request.properties[objects.INPUTS].value)
        initial = str(_text(request.properties, objects.INITIAL_API_VERSION) or live["apiVersion"])
        manager = _text(request.properties, objects.FIELD_MANAGER) or "pulumi-kubernetes"
        outputs = objects.state(inputs, live, initial, manager)
        return rpc.ReadResponse(request.resource_id, outputs, dict(request.inputs) or dict(inputs))

    def _operation(self, values: Properties, timeout: float, say: Any) -> Operation:
        from lab.plugins.kubernetes.api import Api
        from lab.plugins.kubernetes.operations import Operation

        if self._api_client is None:
            self._api_client = Api(self._config.cluster())
        return Operation(self._api_client, self._config, objects.to_send(values), timeout=timeout, say=say)

    async def _wait(
        self, operation: Operation, live: dict[str, Any], inputs: Properties, initial: str, manager: str
    ) -> dict[str, Any]:
        """The ready object. One that is not ready stays in the state, so that the next run goes on with an update."""
        from lab.plugins.kubernetes.waiting import NotReadyError

        try:
            return await operation.wait(live)
        except NotReadyError as error:
            name = objects.object_id(live)
            words = (
                f"the Kubernetes API server reported that {name!r} failed to fully initialize or become live: {error}"
            )
            properties: dict[str, PropertyValue] = objects.state(inputs, error.live, initial, manager)
            raise InitFailedError(name, properties, inputs, [words, *error.reasons]) from error

    async def _warn_if_not_awaited(self, urn: str, inputs: Properties) -> None:
        from lab.plugins.kubernetes.waiting import NOT_AWAITED

        plain = plain_map(inputs)
        if f"{plain['apiVersion']}/{plain['kind']}" in NOT_AWAITED:
            words = f"the lab's stand-in plugin does not wait until a {plain['kind']} is ready"
            await self._log.send(urn, words, warning=True, ephemeral=False)


def _property_diff(change: Change) -> rpc.PropertyDiff:
    return rpc.PropertyDiff(_KINDS[change.kind, change.replaces], input_diff=True)


def _text(values: Properties, name: str) -> str:
    value = values.get(name, to_property("")).value
    return value if isinstance(value, str) else ""
