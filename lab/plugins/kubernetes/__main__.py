"""The executable: `python -m lab.plugins.kubernetes ENGINE_ADDRESS`."""

from __future__ import annotations

from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2

from lab.plugins.common.server import Servicer, serve
from lab.plugins.common.values import plain_map
from lab.plugins.kubernetes.config_diff import replaced_by
from lab.plugins.kubernetes.provider import KubernetesProvider


class KubernetesServicer(Servicer):
    """Tells the engine when a changed provider is another cluster."""

    async def diff_config(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: ARG002
        """See config_diff.py."""
        olds, news = (plain_map(PropertyValue.unmarshal_map(values)) for values in (request.olds, request.news))
        changed, replaces = replaced_by(olds, news)
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, diffs=changed, replaces=replaces)


if __name__ == "__main__":
    serve("4.34.2", KubernetesProvider, KubernetesServicer)
