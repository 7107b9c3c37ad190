"""What the kubernetes plugin does with the answers of an API server that has too much to do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lab.plugins.kubernetes.api import Api, ApiError, UnreachableError
from lab.plugins.kubernetes.config import Cluster
from tests.web import Answer, serve

TAKEN = Answer(
    422, b'{"reason": "Invalid", "message": "spec.ports[0].nodePort: 30080: provided port is already allocated"}'
)
BUSY = Answer(504, b'{"message": "request did not complete within requested timeout"}')
MADE = Answer(201, b'{"kind": "Service"}')


def asked(*answers: Answer, seconds: float = 10) -> tuple[dict[str, Any] | Exception, int]:
    """What comes of a request to a server that gives these answers, the last one for ever; how often it was asked."""
    with serve(*answers) as web:

        async def ask() -> dict[str, Any]:
            return await Api(Cluster(server=web.url)).request("PATCH", "/api/v1/x", body={}, seconds=seconds)

        try:
            return asyncio.run(ask()), len(web.asked)
        except (ApiError, UnreachableError) as error:
            return error, len(web.asked)


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
    result, requests = asked(BUSY, Answer(status, b'{"message": "no"}'), MADE)
    assert (str(result), requests) == ("no", 2)
