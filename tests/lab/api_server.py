"""A real kube-apiserver with its etcd on the loopback interface, and a kubeconfig with client certificates.

No controller runs: what controllers would do, a test does itself through `request`. The one exception is the garbage
collector, whose part in a deletion (taking the finalizers off) `collect_garbage` plays.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import yaml

from lab.paths import BIN
from tests.lab.plugin_client import eventually
from tests.lab.ssh_server import free_port

NEEDED = ("etcd", "kube-apiserver")
Object = dict[str, Any]


class RequestError(Exception):
    """The API server's refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiServer:
    """One control plane without controllers. `stop` and `start` may alternate; its content stays."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._etcd_port, self._peer_port, self.port = free_port(), free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        _certificates(directory)
        self._connections = threading.local()
        self._tls = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        self._tls.load_cert_chain(directory / "admin.crt", directory / "admin.key")

    def start(self) -> None:
        """Starts both servers and waits until they serve."""
        etcd = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{self._peer_port}"
        self._spawn(
            "etcd",
            *("--data-dir", str(self._directory / "etcd"), "--unsafe-no-fsync"),
            *("--listen-client-urls", etcd, "--advertise-client-urls", etcd),
            *(
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                f"default={peer}",
            ),
        )
        self.start_api()

    def start_api(self) -> None:
        """Starts the API server alone."""
        at = self._directory
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            f"--secure-port={self.port}",
            "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none",  # it refuses a loopback address
            f"--tls-cert-file={at}/server.crt",
            f"--tls-private-key-file={at}/server.key",
            f"--client-ca-file={at}/ca.crt",
            f"--service-account-key-file={at}/accounts.key",
            f"--service-account-signing-key-file={at}/accounts.key",
            "--service-account-issuer=https://contract.test",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",  # its controller, which makes the accounts, does not run
            "--allow-privileged=true",
            "--shutdown-delay-duration=0s",
        )
        eventually(self._serves, f"the API server serves; see {at}/kube-apiserver.log", 60)

    def stop_api(self) -> None:
        """Stops the API server alone, as it stops when a liveness probe fails."""
        process = self._processes.pop()
        process.kill()
        process.wait(20)

    def stop(self) -> None:
        """Stops both."""
        self.disconnect()
        while self._processes:
            self.stop_api()

    def kubeconfig(self, *, port: int | None = None) -> str:
        """A kubeconfig as kubeadm writes it."""

        def data(name: str) -> str:
            return base64.b64encode((self._directory / name).read_bytes()).decode()

        cluster = {"server": f"https://127.0.0.1:{port or self.port}", "certificate-authority-data": data("ca.crt")}
        user = {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}
        return yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": cluster}],
                "users": [{"name": "u", "user": user}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Object:
        """One request as the cluster's administrator; raises RequestError."""
        connection = self._connection()
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, text, {"Content-Type": content_type})
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()  # the next request connects anew
            raise
        if answer.status >= 300:
            raise RequestError(answer.status, f"{method} {path}: {content[:500]!r}")
        return dict(json.loads(content))

    def _connection(self) -> http.client.HTTPSConnection:
        """This thread's connection, which stays open: a handshake costs more than a request."""
        if not hasattr(self._connections, "mine"):
            self._connections.mine = http.client.HTTPSConnection("127.0.0.1", self.port, context=self._tls, timeout=20)
        connection: http.client.HTTPSConnection = self._connections.mine
        return connection

    def disconnect(self) -> None:
        """Closes this thread's connection."""
        self._connection().close()

    def get(self, path: str) -> Object | None:
        """The object at `path`, or None."""
        try:
            return self.request("GET", path)
        except RequestError as error:
            if error.status == 404:
                return None
            raise

    def patch_status(self, path: str, status: Object) -> Object:
        """Writes an object's status, as its controller would."""
        return self.request("PATCH", f"{path}/status", {"status": status}, "application/merge-patch+json")

    def collect_garbage(self, path: str) -> bool:
        """Takes the finalizers off an object that is being deleted; whether there was one."""
        live = self.get(path)
        if live is None or "deletionTimestamp" not in live["metadata"]:
            return False
        if live["metadata"].get("finalizers"):
            live = self.request("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        if live["kind"] == "Namespace":
            self.request("PUT", f"{path}/finalize", {**live, "spec": {"finalizers": []}})
        return True

    def _spawn(self, program: str, *words: str) -> None:
        with (self._directory / f"{program}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [BIN / program, *words], cwd=self._directory, stdout=log, stderr=log, start_new_session=True
                )
            )

    def _serves(self) -> bool:
        assert self._processes[-1].poll() is None, f"kube-apiserver ended; see {self._directory}/kube-apiserver.log"
        try:
            # Not only /readyz: the default namespace is made after it.
            return self.get("/api/v1/namespaces/default") is not None
        except (OSError, http.client.HTTPException, RequestError):
            return False


def _certificates(directory: Path) -> None:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=directory, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=contract-ca", "-days", "2")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "accounts.key")
    (directory / "server.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:kubernetes\n")
    for name, subject, extensions in (
        ("server", "/CN=kubernetes", ("-extfile", "server.ext")),
        ("admin", "/O=system:masters/CN=admin", ()),
    ):
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        signer = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        openssl("x509", "-req", "-in", f"{name}.csr", *signer, "-out", f"{name}.crt", *extensions)
