"""What later runs change, and that they change nothing else."""

from __future__ import annotations

from tests.e2e.cluster import changed, make_up


def test_a_second_up_has_nothing_to_do() -> None:
    assert make_up(seconds=90) == {}


def test_more_replicas_and_another_port_change_only_the_deployment_and_the_service() -> None:
    with changed(webServerReplicas=3, nodePort=30081):
        assert make_up(seconds=600) == {"web-deployment": "update", "web-service": "update"}
