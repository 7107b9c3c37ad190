"""Whether a cluster's API server answers, before anything waits for it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tools.reachable import answers, control_plane


def export(nodes: list[dict[str, str]] | None) -> dict[str, Any]:
    """A deployment as `pulumi stack export` prints it."""
    outputs = {} if nodes is None else {"nodes": nodes}
    return {"deployment": {"resources": [{"urn": "urn::x", "type": "pulumi:pulumi:Stack", "outputs": outputs}]}}


def test_the_address_is_that_of_the_control_plane() -> None:
    nodes = [{"role": "worker", "address": "10.17.3.21"}, {"role": "control-plane", "address": "10.17.3.11"}]
    assert control_plane(export(nodes)) == "10.17.3.11"


@pytest.mark.parametrize("state", [{}, {"deployment": None}, export(None), export([])])
def test_a_cluster_that_was_never_finished_has_none(state: dict[str, Any]) -> None:
    assert control_plane(state) == ""


@contextmanager
def serving(directory: Path, answer: bytes) -> Iterator[int]:
    """A TLS server with a certificate of its own that answers one request; its port."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(
        ["openssl", "req", "-x509", *curve, "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with context.wrap_socket(connection, server_side=True) as client:
            client.recv(4096)
            client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(timeout=10)


@pytest.mark.parametrize(
    ("answer", "there"),
    [(b"HTTP/1.1 200 OK\r\n\r\nok", True), (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False), (b"", False)],
)
def test_only_a_server_that_is_ready_answers(tmp_path: Path, answer: bytes, there: bool) -> None:
    with serving(tmp_path, answer) as port:
        assert answers("127.0.0.1", port) is there


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not answers("127.0.0.1", port, seconds=0.2), "a server that says nothing would be waited for"
    assert not answers("127.0.0.1", port, seconds=0.2)
