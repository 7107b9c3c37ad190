"""What the kubernetes plugin waits for, against a real API server, and what it says when it waited in vain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.api_server import ApiServer
from tests.lab.cluster_objects import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    NAMESPACE,
    TEMPLATE,
    config_map,
    play_deployment_controller,
    refusal,
    workload,
)
from tests.lab.plugin_client import Plugin, PluginFailure, eventually


def test_a_deployment_is_waited_for(kubernetes: Plugin, api_server: ApiServer) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/slow"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(kubernetes.create, DEPLOYMENT, workload("Deployment", "slow", replicas=1), timeout=30)
        eventually(lambda: api_server.get(path), "the deployment is there")
        assert not done.done()
        play_deployment_controller(api_server, path)
        assert done.result(30).plain["status"]["readyReplicas"] == 1


def test_a_daemon_set_is_waited_for_after_a_change_as_well(kubernetes: Plugin, api_server: ApiServer) -> None:
    path = "/apis/apps/v1/namespaces/default/daemonsets/every"
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberReady",
    )
    counts = {**dict.fromkeys(names, 3), "numberMisscheduled": 0}
    with ThreadPoolExecutor() as pool:
        done = pool.submit(kubernetes.create, DAEMON_SET, workload("DaemonSet", "every"), timeout=30)
        eventually(lambda: api_server.get(path), "the daemon set is there")
        api_server.patch_status(path, {**counts, "observedGeneration": 1})
        made = done.result(30)
        changed = workload("DaemonSet", "every", minReadySeconds=1)
        done = pool.submit(kubernetes.update, made, changed, timeout=30)
        eventually(lambda: (api_server.get(path) or {})["metadata"]["generation"] == 2, "the change is there")
        assert not done.done()
        api_server.patch_status(path, {**counts, "observedGeneration": 2})
        assert done.result(30).plain["spec"]["minReadySeconds"] == 1


def test_a_deployment_that_does_not_come_up_says_why_and_stays_in_the_state(
    kubernetes: Plugin, api_server: ApiServer
) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    status = {
        "name": "c",
        "image": "i",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": waiting},
    }
    pod = {"metadata": {"name": "stuck", "labels": {"app": "stuck"}}, "spec": TEMPLATE["spec"]}
    api_server.request("POST", "/api/v1/namespaces/default/pods", pod)
    api_server.patch_status(
        "/api/v1/namespaces/default/pods/stuck", {"phase": "Pending", "containerStatuses": [status]}
    )
    labels = {"matchLabels": {"app": "stuck"}}
    template = {**TEMPLATE, "metadata": {"labels": {"app": "stuck"}}}
    inputs = workload("Deployment", "stuck", selector=labels, template=template)
    failure = refusal(lambda: kubernetes.create(DEPLOYMENT, inputs, timeout=2))
    assert failure.details_bin is not None, "the engine learns that the object exists"
    assert "failed to fully initialize or become live" in str(failure)


def test_the_message_of_a_timeout_has_the_last_state(kubernetes_stand_in: Plugin, api_server: ApiServer) -> None:
    pod = {"metadata": {"name": "lost", "labels": {"app": "lost"}}, "spec": TEMPLATE["spec"]}
    api_server.request("POST", "/api/v1/namespaces/default/pods", pod)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no nodes"}
    api_server.patch_status("/api/v1/namespaces/default/pods/lost", {"conditions": [condition]})
    labels = {"matchLabels": {"app": "lost"}}
    template = {**TEMPLATE, "metadata": {"labels": {"app": "lost"}}}
    inputs = workload("Deployment", "lost", selector=labels, template=template)
    text = str(refusal(lambda: kubernetes_stand_in.create(DEPLOYMENT, inputs, timeout=2)))
    assert "not ready within 2 s" in text
    assert "waiting for the deployment controller" in text
    assert "Pod lost: [Unschedulable] no nodes" in text


def test_a_cancelled_wait_leaves_the_object_in_the_state(own_kubernetes: Plugin, api_server: ApiServer) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/interrupted"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(own_kubernetes.create, DEPLOYMENT, workload("Deployment", "interrupted"), timeout=60)
        eventually(lambda: api_server.get(path), "the deployment is there")
        eventually(lambda: own_kubernetes.messages(), "the wait has begun")
        own_kubernetes.cancel()
        with pytest.raises(PluginFailure) as caught:
            done.result(20)
    assert caught.value.details_bin is not None


def test_deleting_a_namespace_waits_until_it_is_gone(kubernetes: Plugin, api_server: ApiServer) -> None:
    made = kubernetes.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    assert made.id == "short"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(kubernetes.delete, made, timeout=30)
        eventually(
            lambda: "deletionTimestamp" in (api_server.get("/api/v1/namespaces/short") or {})["metadata"], "it goes"
        )
        assert not done.done()
        api_server.collect_garbage("/api/v1/namespaces/short")
        done.result(30)


def test_a_deletion_that_hangs_says_what_holds_it(kubernetes_stand_in: Plugin, api_server: ApiServer) -> None:
    inputs = {**config_map("held"), "metadata": {"name": "held", "finalizers": ["contract.test/held"]}}
    made = kubernetes_stand_in.create(CONFIG_MAP, inputs)
    failure = refusal(lambda: kubernetes_stand_in.delete(made, timeout=2))
    assert "contract.test/held" in str(failure)
    api_server.collect_garbage("/api/v1/namespaces/default/configmaps/held")
