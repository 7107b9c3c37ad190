"""Create, update, delete and read of one object in a cluster.

Source of the semantics: pulumi-kubernetes provider/pkg/await/await.go (Creation, Update, Deletion).
"""

from __future__ import annotations

import asyncio
import time

from lab.plugins.common.errors import PluginError
from lab.plugins.kubernetes import field_manager
from lab.plugins.kubernetes.api import Api, ApiError, Object, Say
from lab.plugins.kubernetes.config import Config
from lab.plugins.kubernetes.objects import annotations_of
from lab.plugins.kubernetes.waiting import AWAITED, DEFAULT_SECONDS, Wait

# The official plugin's: a namespace or a definition that another resource is just making.
CREATE_ATTEMPTS = 5
FIRST_PAUSE = 1.0
HAND_OVER_ATTEMPTS = 5
# When the state may forget what cannot be reached, a short look is enough.
FORGET_SECONDS = 5.0

_EXISTS = """
The resource already exists in the cluster, and this program's state does not know it. Either
  - something else made it: remove it, or give the resource another name;
  - a run that was killed made it: remove it (kubectl delete), and run again;
  - it is to be taken over: set upsertExistingObjects on the provider, or use `pulumi import`."""


class Operation:
    """One operation on one object."""

    def __init__(self, api: Api, config: Config, inputs: Object, *, timeout: float, say: Say) -> None:
        self._api = api
        self._config = config
        self._inputs = inputs
        self._version, self._kind = str(inputs["apiVersion"]), str(inputs["kind"])
        self._namespace = str(inputs["metadata"].get("namespace") or "")
        self._say = say
        self.seconds = timeout or float(annotations_of(inputs).get("pulumi.com/timeoutSeconds") or 0) or DEFAULT_SECONDS
        self._end = time.monotonic() + self.seconds

    async def create(self, manager: str) -> Object:
        """Makes the object, and refuses one that is there already."""
        if self._config.upsert:
            return await self._apply(str(self._inputs["metadata"]["name"]), manager)
        pause = FIRST_PAUSE
        for attempt in range(1, CREATE_ATTEMPTS + 1):
            try:
                return await self._create_once(manager)
            except ApiError as error:
                # Only an object can be missing its namespace or its definition for a while.
                if error.status != 404 or attempt == CREATE_ATTEMPTS or time.monotonic() + pause > self._end:
                    raise
                self._say(f"Retry #{attempt}; creation failed: {error}")
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    async def _create_once(self, manager: str) -> Object:
        lost = 0

        def count() -> None:
            nonlocal lost
            lost += 1

        path = await self._path()
        try:
            return await self._api.request(
                "POST",
                path,
                query={"fieldManager": manager},
                body=self._inputs,
                seconds=self._left(),
                say=self._say,
                lost=count,
            )
        except ApiError as error:
            if error.status != 409 or error.reason != "AlreadyExists":
                raise
            if lost:
                # The answer to an earlier attempt was lost. The manager's name, which no other create has, tells
                # whether that attempt made the object.
                live = await self.read(str(self._inputs["metadata"]["name"]))
                if live and field_manager.created_by(live, manager):
                    return live
            raise PluginError(f"{error}\n{_EXISTS}") from error

    async def update(self, name: str, manager: str) -> Object:
        """Applies the inputs to the object, which has to be there."""
        for _ in range(HAND_OVER_ATTEMPTS):
            live = await self.read(name)
            if live is None:
                raise PluginError(
                    f"{self._kind} {name} is in the state but not in the cluster; run with --refresh to make it anew"
                )
            patch = field_manager.hand_over(live, manager)
            if patch is None:
                break
            path = await self._path(name)
            try:
                await self._api.request(
                    "PATCH",
                    path,
                    body=patch,
                    content_type="application/json-patch+json",
                    seconds=self._left(),
                    say=self._say,
                )
                break
            except ApiError as error:
                if error.status != 409:  # a conflict: the object changed in between
                    raise
        return await self._apply(name, manager)

    async def _apply(self, name: str, manager: str) -> Object:
        force = self._config.patch_force or annotations_of(self._inputs).get("pulumi.com/patchForce") == "true"
        try:
            return await self._api.request(
                "PATCH",
                await self._path(name),
                query={"fieldManager": manager, "force": str(force).lower()},
                body=self._inputs,
                content_type="application/apply-patch+yaml",
                seconds=self._left(),
                say=self._say,
            )
        except ApiError as error:
            if error.status == 409:
                raise PluginError(
                    f"{error}\nAnother program manages these fields of {self._kind} {name}. Remove them from this "
                    'program, or take them over with the annotation pulumi.com/patchForce: "true".'
                ) from error
            raise

    async def wait(self, live: Object) -> Object:
        """Waits until the object is ready, if there is something to wait for."""
        if not self.waits():
            return live
        name = str(live["metadata"]["name"])
        return await Wait(self._api, await self._path(name), seconds=self._left(), say=self._say).until_ready(live)

    def waits(self) -> bool:
        """Whether the kind has a readiness and the program wants to wait for it."""
        return (
            f"{self._version}/{self._kind}" in AWAITED
            and annotations_of(self._inputs).get("pulumi.com/skipAwait") != "true"
        )

    async def delete(self, name: str, uid: str | None) -> None:
        """Deletes the object and waits until it is gone; one that is gone already is fine, too."""
        policy = annotations_of(self._inputs).get("pulumi.com/deletionPropagationPolicy", "foreground").capitalize()
        # The uid, so that an object somebody else has made in its place stays.
        options = {"propagationPolicy": policy, **({"preconditions": {"uid": uid}} if uid else {})}
        try:
            path = await self._path(name)
            await self._api.request("DELETE", path, body=options, seconds=self._left(), say=self._say)
        except ApiError as error:
            if error.status == 404:
                return
            # Either another object has the name now, or a deletion is under way already: the wait below tells.
            live = await self.read(name) if error.status == 409 else None
            if live and live["metadata"].get("uid") == uid and "deletionTimestamp" not in live["metadata"]:
                raise
            if error.status != 409:
                raise
        if annotations_of(self._inputs).get("pulumi.com/skipAwait") != "true":
            await Wait(self._api, path, seconds=self._left(), say=self._say).until_gone(uid)

    async def read(self, name: str) -> Object | None:
        """The object as it is, or None."""
        try:
            return await self._api.request("GET", await self._path(name), seconds=self._left(), say=self._say)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def _path(self, name: str = "") -> str:
        return await self._api.path(
            self._version, self._kind, self._namespace, name, seconds=self._left(), say=self._say
        )

    def _left(self) -> float:
        return max(self._end - time.monotonic(), 1.0)
