"""What the kubernetes plugin does with the answers of an API server that has too much to do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from lab.plugins.kubernetes.api import Api, ApiError, UnreachableError
from lab.plugins.kubernetes.config import Cluster

TAKEN = (422, '{"reason": "Invalid", "message": "spec.ports[0].nodePort: 30080: provided port is already allocated"}')
BUSY = (504, '{"message": "request did not complete within requested timeout"}')
MADE = (201, '{"kind": "Service"}')


def asked(*answers: tuple[int, str], seconds: float = 10) -> tuple[dict[str, Any] | Exception, int]:
    """What comes of a request to a server that gives these answers, the last one for ever; how often it was asked."""
    with _server(answers) as (address, requests):

        async def ask() -> dict[str, Any]:
            return await Api(Cluster(server=address)).request("PATCH", "/api/v1/x", body={}, seconds=seconds)

        try:
            return asyncio.run(ask()), len(requests)
        except (ApiError, UnreachableError) as error:
            return error, len(requests)


def test_a_server_that_is_overloaded_is_asked_again() -> None:
    assert asked(BUSY, MADE) == ({"kind": "Service"}, 2)


def test_a_node_port_that_a_lost_attempt_has_taken_is_waited_for() -> None:
    assert asked(BUSY, TAKEN, TAKEN, MADE) == ({"kind": "Service"}, 4)


def test_a_node_port_that_another_service_has_is_refused_at_once() -> None:
    result, requests = asked(TAKEN, MADE)
    assert (str(result), requests) == ("spec.ports[0].nodePort: 30080: provided port is already allocated", 1)


def test_a_node_port_that_does_not_come_back_in_time_is_named_and_not_an_unreachable_server() -> None:
    result, requests = asked(BUSY, TAKEN, seconds=2)
    assert "provided port is already allocated" in str(result)
    assert requests > 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_any_other_refusal_after_a_lost_attempt_is_final(status: int) -> None:
    result, requests = asked(BUSY, (status, '{"message": "no"}'), MADE)
    assert (str(result), requests) == ("no", 2)


@contextmanager
def _server(answers: tuple[tuple[int, str], ...]) -> Iterator[tuple[str, list[str]]]:
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, text = answers[min(len(requests), len(answers) - 1)]
            requests.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
