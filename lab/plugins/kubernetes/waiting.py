"""Waits until an object is ready, or gone, and tells what it sees meanwhile."""

from __future__ import annotations

import asyncio
import json
import math
import time

from lab.plugins.common.errors import PluginError
from lab.plugins.kubernetes import readiness
from lab.plugins.kubernetes.api import Api, ApiError, Object, Say, UnreachableError
from lab.plugins.kubernetes.readiness import Readiness

DEFAULT_SECONDS = 600.0
# Looked at again and again instead of watched: a watch on an emulated, restarting API server has to be made anew so
# often that it saves nothing, and what changes here changes in seconds.
PAUSE_SECONDS = 1.0
TROUBLES_EVERY = 10.0

AWAITED = ("apps/v1/Deployment", "apps/v1/DaemonSet", "v1/Service")
# The official plugin waits for these, too.
NOT_AWAITED = (
    "v1/Pod",
    "v1/PersistentVolumeClaim",
    "v1/ReplicationController",
    "apps/v1/StatefulSet",
    "batch/v1/Job",
    "networking.k8s.io/v1/Ingress",
)


class NotReadyError(PluginError):
    """The object did not become ready in time, or the wait was cut short."""

    def __init__(self, message: str, live: Object, reasons: list[str]) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons


class Wait:
    """One wait for one object, whose path in the API is `path`."""

    def __init__(self, api: Api, path: str, *, seconds: float, say: Say) -> None:
        self._api = api
        self._path = path
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._say = say
        self._said = ""
        self._seen = Readiness(False, "not looked at yet")
        self._endpoints: list[Object] = []
        self._settled_at = time.monotonic()
        self._troubles_at = time.monotonic() + TROUBLES_EVERY

    async def until_ready(self, live: Object) -> Object:
        """Returns the ready object. Raises NotReadyError with the last state seen, also when it is cancelled."""
        try:
            while not (await self._look(live)).ready:
                self._tell(self._seen.summary)
                if time.monotonic() >= self._troubles_at:
                    self._troubles_at = time.monotonic() + TROUBLES_EVERY
                    for trouble in await self._pod_troubles(live):
                        self._say(trouble)
                if time.monotonic() + PAUSE_SECONDS > self._end:
                    if self._is_quiet_service(live):
                        break
                    troubles = await self._pod_troubles(live)
                    raise self._not_ready(live, f"not ready within {self._seconds:.0f} s", *troubles)
                await asyncio.sleep(PAUSE_SECONDS)
                live = await self._get()
        except asyncio.CancelledError:
            # The object exists: the state must know it, or the next run would be refused by its name.
            raise self._not_ready(live, "the wait was cancelled") from None
        except UnreachableError as error:
            raise self._not_ready(live, "not seen to be ready", str(error)) from error
        self._tell(self._seen.summary)
        return live

    async def until_gone(self, uid: str | None) -> None:
        """Returns when the object, or the one of that uid, is gone. Raises PluginError with what holds it."""
        while True:
            try:
                live = await self._get()
            except ApiError as error:
                if error.status == 404:
                    return
                raise
            if uid and live["metadata"].get("uid") != uid:
                return
            held = _holders(live)
            self._tell(f"waiting for the deletion to finish ({held})")
            if time.monotonic() + PAUSE_SECONDS > self._end:
                raise PluginError(f"{self._path} is not gone within {self._seconds:.0f} s: {held}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _get(self) -> Object:
        return await self._api.request("GET", self._path, seconds=max(self._end - time.monotonic(), 1), say=self._tell)

    async def _look(self, live: Object) -> Readiness:
        if live["kind"] == "Deployment":
            self._seen = readiness.deployment(live)
        elif live["kind"] == "DaemonSet":
            self._seen = readiness.daemon_set(live)
        elif not readiness.service_waits(live):
            self._seen = Readiness(True, "nothing to wait for")
        else:
            slices = await self._slices(live)
            if _content(slices) != _content(self._endpoints):
                self._endpoints, self._settled_at = slices, time.monotonic()
            self._seen = readiness.service(slices, time.monotonic() - self._settled_at)
        return self._seen

    def _is_quiet_service(self, live: Object) -> bool:
        # As the official plugin has it: out of time is good enough when no endpoint is about to come.
        return live["kind"] == "Service" and readiness.service(self._endpoints or [{}], math.inf).ready

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._say(text)

    async def _slices(self, live: Object) -> list[Object]:
        namespace, name = live["metadata"]["namespace"], live["metadata"]["name"]
        return await self._list(
            f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", f"kubernetes.io/service-name={name}"
        )

    async def _pod_troubles(self, live: Object) -> list[str]:
        selector = (live.get("spec") or {}).get("selector") or {}
        query = readiness.selector_query(selector if live["kind"] != "Service" else {"matchLabels": selector})
        if not query:
            return []
        namespace = live["metadata"]["namespace"]
        return readiness.pod_troubles(await self._list(f"/api/v1/namespaces/{namespace}/pods", query))

    async def _list(self, path: str, query: str) -> list[Object]:
        left = max(self._end - time.monotonic(), 1)
        listing = await self._api.request("GET", path, query={"labelSelector": query}, seconds=left, say=self._tell)
        return list(listing.get("items") or [])

    def _not_ready(self, live: Object, message: str, *troubles: str) -> NotReadyError:
        return NotReadyError(message, live, [self._seen.summary, *self._seen.reasons, *troubles])


def _content(slices: list[Object]) -> str:
    return json.dumps([item.get("endpoints") for item in slices], sort_keys=True)


def _holders(live: Object) -> str:
    finalizers = [*live["metadata"].get("finalizers", []), *(live.get("spec") or {}).get("finalizers", [])]
    conditions = (live.get("status") or {}).get("conditions") or []
    words = [f"finalizers {', '.join(finalizers)}"] if finalizers else []
    words += [str(item["message"]) for item in conditions if item.get("status") == "True" and item.get("message")]
    return "; ".join(words) or "no finalizers left"
