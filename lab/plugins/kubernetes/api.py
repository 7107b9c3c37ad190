"""The API server's REST interface: requests that outlive a restarting server, and what it calls its resources."""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from lab.plugins.common.errors import PluginError
from lab.plugins.kubernetes.config import Cluster

Object = dict[str, Any]
Say = Callable[[str], None]

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
# An emulated control plane needs seconds for what others do in milliseconds.
REQUEST_SECONDS = 60.0
CONNECT_SECONDS = 10.0
_PASSING = {429, 500, 502, 503, 504}  # 500 is also what a slow etcd becomes
# Of a node port: an earlier attempt of the same request, whose answer was lost, has it. Server-side apply takes a port
# before etcd takes the Service, and keeps it where etcd does not (k8s.io/apiserver, Store.Update); the API server looks
# at all ports every 3 minutes, and its fourth look gives it back (portallocator/controller/repair.go).
_TAKEN = "provided port is already allocated"


class ApiError(PluginError):
    """The API server's refusal."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class UnreachableError(PluginError):
    """No answer from the API server within the time given."""


@dataclass(frozen=True)
class Resource:
    """How the API server names a kind."""

    plural: str
    namespaced: bool


class Api:
    """A client of one cluster. It keeps its connections open: a TLS handshake is dear under emulation."""

    def __init__(self, cluster: Cluster) -> None:
        self.server = cluster.server
        headers = {"Authorization": f"Bearer {cluster.token}"} if cluster.token else {}
        self._extensions = {"sni_hostname": cluster.server_name} if cluster.server_name else {}
        # No proxy of the environment: the API server is on a network of this machine.
        self._client = httpx.AsyncClient(
            base_url=cluster.server,
            headers=headers,
            verify=_tls(cluster),
            timeout=httpx.Timeout(REQUEST_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )
        self._resources: dict[str, dict[str, Resource]] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        seconds: float,
        say: Say | None = None,
        lost: Callable[[], None] | None = None,
    ) -> Object:
        """One request, tried again until `seconds` are over while the server cannot be reached or is overloaded.

        The official plugin looks for the server once, when it starts; here a control plane that is restarting (an
        emulated one does, under its own liveness probe) costs time and not the run. `lost` is called when a request
        may have been carried out although no answer came.
        """
        end = time.monotonic() + seconds
        pause = FIRST_PAUSE
        attempts = 0
        while True:
            attempts += 1
            try:
                answer = await self._client.request(
                    method,
                    path,
                    params=query,
                    json=body,
                    headers={"Content-Type": content_type, "Accept": "application/json"},
                    extensions=dict(self._extensions),
                )
            except httpx.ConnectError as error:
                trouble = _words(error)
                if "CERTIFICATE_VERIFY_FAILED" in trouble:
                    raise PluginError(
                        f"the Kubernetes API at {self.server} is not the kubeconfig's: {trouble}"
                    ) from error
            except httpx.TransportError as error:
                trouble = _words(error)
                if lost:
                    lost()
            else:
                taken = attempts > 1 and _TAKEN in answer.text and time.monotonic() + pause <= end
                if answer.status_code not in _PASSING and not taken:
                    return _result(answer)
                trouble = f"status {answer.status_code}"
                if lost:
                    lost()
            if time.monotonic() + pause > end:
                raise UnreachableError(
                    f"the Kubernetes API at {self.server} is unreachable: {trouble} "
                    f"({attempts} attempts in {seconds:.0f} s)"
                )
            if say:
                say(f"Kubernetes API {attempts}: {trouble}, retrying")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def resource(self, version: str, kind: str, *, seconds: float, say: Say | None = None) -> Resource:
        """What the server calls `kind`. Asked again for a kind it did not know: a definition may have come since."""
        if kind not in self._resources.get(version, {}):
            try:
                listing = await self.request("GET", _group(version), seconds=seconds, say=say)
            except ApiError as error:
                if error.status != 404:
                    raise
                listing = {}
            self._resources[version] = {
                item["kind"]: Resource(item["name"], item["namespaced"])
                for item in listing.get("resources", [])
                if "/" not in item["name"]
            }
        try:
            return self._resources[version][kind]
        except KeyError:
            raise ApiError(
                404, "NoMatch", f"the API server has no {kind} in {version}; are the required CRDs created?"
            ) from None

    async def path(
        self, version: str, kind: str, namespace: str, name: str = "", *, seconds: float, say: Say | None = None
    ) -> str:
        """The path of an object, or of the collection when it has no name."""
        resource = await self.resource(version, kind, seconds=seconds, say=say)
        middle = f"/namespaces/{namespace or 'default'}" if resource.namespaced else ""
        return f"{_group(version)}{middle}/{resource.plural}{f'/{name}' if name else ''}"


def _group(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _result(answer: httpx.Response) -> Object:
    try:
        document = answer.json()
    except ValueError:
        document = {"message": answer.text[:500]}
    if answer.is_success and isinstance(document, dict):
        return document
    message = document.get("message") if isinstance(document, dict) else None
    reason = str(document.get("reason", "")) if isinstance(document, dict) else ""
    raise ApiError(answer.status_code, reason, str(message or f"status {answer.status_code}"))


def _words(error: httpx.TransportError) -> str:
    """The system's reason where there is one: httpx says "All connection attempts failed" for most."""
    if isinstance(error, httpx.TimeoutException):
        return "no connection in time" if isinstance(error, httpx.ConnectTimeout) else "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return os.strerror(cause.errno).lower()
        cause = cause.__cause__ or cause.__context__
    return (str(error) or type(error).__name__).rstrip(".")


def _tls(cluster: Cluster) -> ssl.SSLContext | bool:
    if not cluster.server.startswith("https:"):
        return False
    context = ssl.create_default_context(cadata=cluster.authority.decode() if cluster.authority else None)
    if not cluster.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cluster.certificate and cluster.key:
        # Python's ssl reads client certificates from files only. They are gone before the first request.
        with tempfile.TemporaryDirectory() as directory:
            certificate, key = Path(directory, "certificate"), Path(directory, "key")
            for path, content in ((certificate, cluster.certificate), (key, cluster.key)):
                path.touch(mode=0o600)
                path.write_bytes(content)
            try:
                context.load_cert_chain(certificate, key)
            except ssl.SSLError as error:
                raise PluginError(f"the kubeconfig's client certificate and key do not work: {error.reason}") from error
    return context
