"""Which machines a configuration means."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from components.nodes import all_nodes, control_planes, workers
from tests.configuration import make_settings


def test_the_tutorials_three_machines_have_the_names_and_addresses_that_the_readme_prints() -> None:
    settings = make_settings()
    nodes = all_nodes(settings)
    assert [(node.name, node.role, str(node.address)) for node in nodes] == [
        ("control-plane-1", "control-plane", "10.17.3.11"),
        ("worker-1", "worker", "10.17.3.21"),
        ("worker-2", "worker", "10.17.3.22"),
    ]


def test_each_role_has_its_own_size() -> None:
    settings = make_settings(controlPlaneCpus=3, controlPlaneMemory=4000, workerCpus=1, workerMemory=1500)
    assert [(node.cpus, node.memory) for node in control_planes(settings)] == [(3, 4000)]
    assert {(node.cpus, node.memory) for node in workers(settings)} == {(1, 1500)}


def test_one_more_worker_leaves_the_others_as_they_are() -> None:
    assert workers(make_settings(workers=3))[:2] == workers(make_settings(workers=2)), (
        "scaling up would replace the workers that are there"
    )


@pytest.mark.parametrize("cluster", ["k8s", "run", "zrb"])  # a hash of 24 bits gives two nodes of the latter one MAC
def test_no_two_of_a_hundred_workers_share_an_address_or_a_mac(cluster: str) -> None:
    settings = make_settings(workers=100, clusterName=cluster)
    nodes = all_nodes(settings)
    assert len({node.address for node in nodes}) == 101
    assert len({node.mac for node in nodes}) == 101
    assert all(node.address in settings.network_cidr for node in nodes)
    assert IPv4Address("10.17.3.1") not in {node.address for node in nodes}, "it is the host's"


def test_addresses_follow_the_network_and_macs_do_not() -> None:
    here, there = (workers(make_settings(networkCidr=cidr))[0] for cidr in ("10.17.3.0/24", "192.168.50.0/24"))
    assert str(there.address) == "192.168.50.21"
    assert here.mac == there.mac


def test_two_clusters_have_different_macs_of_qemus_own_kind() -> None:
    one, two = (workers(make_settings(clusterName=name))[0].mac for name in ("one", "two"))
    assert one != two, "bridged into one network they would answer for each other"
    assert one.startswith("52:54:00:")
    assert len(one.split(":")) == 6
