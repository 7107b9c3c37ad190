"""The web server of the tutorial."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import RunProgram
from tests.recording import Run


def container(recorded: Run) -> dict[str, Any]:
    """The only container of the web server's pods."""
    (only,) = recorded.one(":Deployment").plain("spec")["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def test_image_replicas_and_port_are_the_configured_ones(applied: Run, unusual: Run) -> None:
    assert applied.one(":Deployment").plain("spec")["replicas"] == 2, "the tutorial has two"
    assert container(applied)["image"] == "docker.io/library/nginx:1.26.3"
    assert unusual.one(":Deployment").plain("spec")["replicas"] == 5
    assert container(unusual)["image"] == "docker.io/library/nginx:1.27"
    assert unusual.one(":Service").plain("spec")["ports"][0]["nodePort"] == 31000


def test_the_service_leads_from_every_nodes_port_to_the_pods_port_80(applied: Run) -> None:
    spec = applied.one(":Service").plain("spec")
    assert spec["type"] == "NodePort"
    (port,) = spec["ports"]
    assert (port["port"], port["nodePort"], port["protocol"]) == (80, 30080, "TCP")
    (own,) = container(applied)["ports"]
    assert (own["name"], own["containerPort"]) == (port["targetPort"], 80), "the service would lead nowhere"


def test_what_decides_whether_every_node_answers_is_stated_so_that_a_run_takes_it_back(applied: Run) -> None:
    spec = applied.one(":Service").plain("spec")
    stated = {name: spec.get(name) for name in ("externalTrafficPolicy", "internalTrafficPolicy", "sessionAffinity")}
    assert stated == {
        "externalTrafficPolicy": "Cluster",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
    }, "a refresh compares only what the program states"


def test_nothing_is_stated_of_the_service_that_the_api_server_leaves_out(applied: Run) -> None:
    """Such as `publishNotReadyAddresses: false`: every run would find it missing, and update the service again."""
    spec = applied.one(":Service").plain("spec")
    assert [name for name, value in spec.items() if value in (False, None, 0, "", [], {})] == []


def test_service_and_deployment_select_the_labels_that_the_pods_carry(applied: Run) -> None:
    spec = applied.one(":Deployment").plain("spec")
    labels = spec["template"]["metadata"]["labels"].items()
    assert applied.one(":Service").plain("spec")["selector"].items() <= labels
    assert spec["selector"]["matchLabels"].items() <= labels
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spread["labelSelector"]["matchLabels"].items() <= labels


def test_a_pod_counts_only_when_it_answers_http(applied: Run) -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        assert container(applied)[probe]["httpGet"] == {"path": "/", "port": "http"}
        assert container(applied)[probe]["timeoutSeconds"] == 10, "1 s is too short on an emulated machine"


@pytest.mark.parametrize(("factor", "failures"), [(1, 3), (8, 24)])
def test_a_pod_that_answers_late_serves_on_for_longer_where_machines_are_slow(
    run_program: RunProgram, factor: int, failures: int
) -> None:
    """With none of the pods ready every node refuses requests at once, though each pod would have answered."""
    slow = container(run_program(timeoutFactor=factor))
    assert [slow[probe]["failureThreshold"] for probe in ("readinessProbe", "livenessProbe")] == [failures, failures]


def test_an_image_that_a_node_has_is_not_asked_for_again(applied: Run) -> None:
    assert container(applied)["imagePullPolicy"] == "IfNotPresent"


def test_a_drain_leaves_a_pod_to_answer_and_may_take_the_only_one(applied: Run) -> None:
    spec = applied.one(":PodDisruptionBudget").plain("spec")
    assert spec["maxUnavailable"] == 1, "with minAvailable a single replica could never leave its node"
    labels = applied.one(":Deployment").plain("spec")["template"]["metadata"]["labels"].items()
    assert spec["selector"]["matchLabels"].items() <= labels


@pytest.mark.parametrize(("factor", "seconds"), [(1, 10), (2, 20), (8, 60)])
def test_a_pod_that_goes_answers_until_all_nodes_know_and_then_ends_what_it_has_begun(
    run_program: RunProgram, factor: int, seconds: int
) -> None:
    slow = run_program(timeoutFactor=factor)
    assert container(slow)["lifecycle"] == {"preStop": {"sleep": {"seconds": seconds}}}
    pod = slow.one(":Deployment").plain("spec")["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == seconds + 30


def test_the_pods_are_spread_but_run_where_there_is_one_node_only(applied: Run) -> None:
    (spread,) = applied.one(":Deployment").plain("spec")["template"]["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"


def test_the_web_server_comes_after_the_pod_network_and_the_workers(program: Run) -> None:
    for kind in (":Deployment", ":Service"):
        before = program.before(program.one(kind))
        assert {"flannel-daemon-set", "k8s-worker-1-join", "k8s-worker-2-join", "nodes-ready-check"} <= before, (
            "pods made before their node's network is up back off for minutes"
        )


def test_the_web_server_may_take_longer_on_a_slow_machine(applied: Run, unusual: Run) -> None:
    for kind in (":Deployment", ":Service"):
        assert (applied.one(kind).create_timeout, applied.one(kind).update_timeout) == ("10m", "10m")
        assert (unusual.one(kind).create_timeout, unusual.one(kind).update_timeout) == ("30m", "30m")


def test_nothing_runs_in_the_cluster_under_a_name_that_pulumi_made_up(applied: Run) -> None:
    for kind in (":Deployment", ":Service", ":PodDisruptionBudget"):
        metadata = applied.one(kind).plain("metadata")
        assert (metadata["name"], metadata["namespace"]) == ("nginx", "default"), "the README's commands name it"
