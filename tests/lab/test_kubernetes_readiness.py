"""When the kubernetes plugin takes an object for ready, and what it says while it is not."""

from __future__ import annotations

from typing import Any

import pytest

from lab.plugins.kubernetes import readiness

Object = dict[str, Any]

DEPLOYMENT: Object = {"kind": "Deployment", "metadata": {"name": "a", "generation": 2}, "spec": {"replicas": 2}}


def deployment(**status: Any) -> readiness.Readiness:
    return readiness.deployment({**DEPLOYMENT, "status": status})


DONE: Object = {
    "observedGeneration": 2,
    "replicas": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "conditions": [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ],
}


def test_a_deployment_is_ready_when_its_newest_revision_is() -> None:
    assert deployment(**DONE).ready
    for change in ({"observedGeneration": 1}, {"updatedReplicas": 1}, {"readyReplicas": 1}, {"replicas": 3}):
        assert not deployment(**{**DONE, **change}).ready


def test_a_deployment_that_is_not_ready_says_why() -> None:
    condition = {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "too few"}
    seen = deployment(**{**DONE, "readyReplicas": 0, "conditions": [condition]})
    assert seen.reasons == ("[MinimumReplicasUnavailable] too few",)
    assert seen.summary == "0/2 pods ready, 2 of the newest revision"


def test_a_daemon_set_is_ready_when_every_node_has_its_pod() -> None:
    def look(**status: Any) -> readiness.Readiness:
        return readiness.daemon_set({"metadata": {"generation": 1}, "status": status})

    counts = dict.fromkeys(("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"), 3)
    assert look(observedGeneration=1, desiredNumberScheduled=3, **counts).ready
    assert look(observedGeneration=1, desiredNumberScheduled=0).ready
    assert not look(observedGeneration=1).ready
    assert not look(desiredNumberScheduled=3, **counts).ready
    late = look(observedGeneration=1, desiredNumberScheduled=3, **{**counts, "numberReady": 1})
    assert late.reasons == ("1 of 3 pods are ready",)


def test_a_service_is_ready_when_its_endpoints_have_settled() -> None:
    ready, unready = ({"conditions": {"ready": value}} for value in (True, False))
    settled = readiness.SETTLE_SECONDS
    assert readiness.service([{"endpoints": [ready]}], settled).ready
    assert readiness.service([{}], settled).ready
    assert not readiness.service([], settled).ready
    assert not readiness.service([{"endpoints": [ready]}], settled - 1).ready
    assert not readiness.service([{"endpoints": [ready, unready]}], settled).ready


@pytest.mark.parametrize(
    "spec", [{"clusterIP": "None", "selector": {"a": "b"}}, {"type": "ExternalName"}, {"clusterIP": "1"}]
)
def test_a_service_without_endpoints_of_its_own_is_not_waited_for(spec: Object) -> None:
    assert not readiness.service_waits({"spec": spec})


def test_pods_that_do_not_run_say_why() -> None:
    waiting = {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    crashed = {"name": "d", "state": {}, "lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}}
    pods: list[Object] = [
        {"metadata": {"name": "a"}, "status": {"phase": "Pending", "containerStatuses": [waiting, crashed]}},
        {
            "metadata": {"name": "c"},
            "status": {
                "initContainerStatuses": [{"name": "copy", "state": {"running": {}}}],
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "PodInitializing"}}}],
            },
        },
        {"metadata": {"name": "b"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    ]
    assert readiness.pod_troubles(pods) == [
        "Pod a: container c: [ImagePullBackOff] no such image",
        "Pod a: container d: ended with 2: [Error]",
        "Pod c: container copy: runs, and the others wait for its end",
    ]


def test_a_selector_becomes_a_query() -> None:
    expression = {"key": "tier", "operator": "In", "values": ["a", "b"]}
    selector = {"matchLabels": {"app": "w"}, "matchExpressions": [expression, {"key": "x", "operator": "DoesNotExist"}]}
    assert readiness.selector_query(selector) == "app=w,tier in (a,b),!x"
