"""The kubernetes plugin against a real API server, through its protocol alone: what one operation does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue

from tests.lab.api_server import ApiServer
from tests.lab.plugin_client import Created, Plugin, PluginFailure, eventually
from tests.lab.ssh_server import free_port

Object = dict[str, Any]

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
SECRET = "kubernetes:core/v1:Secret"

SELECTOR = {"matchLabels": {"app": "w"}}
TEMPLATE = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def workload(kind: str, name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": SELECTOR, "template": TEMPLATE, **spec},
    }


@pytest.fixture(scope="module")
def plugin(plugins: Path, api_server: ApiServer) -> Iterator[Plugin]:
    """One process for all tests."""
    with Plugin(plugins / "kubernetes" / "pulumi-resource-kubernetes") as running:
        running.configure({"kubeconfig": api_server.kubeconfig()})
        yield running


@pytest.fixture(scope="module")
def stand_in_process(stand_ins: Path) -> Iterator[Plugin]:
    with Plugin(stand_ins / "kubernetes" / "pulumi-resource-kubernetes") as running:
        yield running


@pytest.fixture
def stand_in(stand_in_process: Plugin, api_server: ApiServer) -> Plugin:
    """The stand-in, for what the official plugin does otherwise or not at all; a test may configure it anew."""
    stand_in_process.log.lines.clear()
    stand_in_process.configure({"kubeconfig": api_server.kubeconfig()})
    return stand_in_process


@pytest.fixture
def own(stand_ins: Path, api_server: ApiServer) -> Iterator[Plugin]:
    """A stand-in that a test may leave unusable."""
    with Plugin(stand_ins / "kubernetes" / "pulumi-resource-kubernetes") as running:
        running.configure({"kubeconfig": api_server.kubeconfig()})
        yield running


def refusal(act: Callable[[], Any]) -> PluginFailure:
    with pytest.raises(PluginFailure) as caught:
        act()
    return caught.value


def delete(plugin: Plugin, api_server: ApiServer, made: Created, path: str) -> None:
    """Deletes, while the garbage collector's part is played here."""
    with ThreadPoolExecutor() as pool:
        done = pool.submit(plugin.delete, made, timeout=30)
        eventually(lambda: api_server.collect_garbage(path) or done.done(), "the object is being deleted")
        done.result(30)


def test_an_object_is_made_changed_and_removed(plugin: Plugin, api_server: ApiServer) -> None:
    path = "/api/v1/namespaces/default/configmaps/life"
    made = plugin.create(CONFIG_MAP, config_map("life", a="1", b="2"))
    assert made.id == "default/life"
    changed = plugin.update(made, config_map("life", a="3"))
    live = api_server.get(path)
    assert live is not None
    assert live["data"] == {"a": "3"}, "what the program no longer sets has to go"
    assert changed.plain["data"] == {"a": "3"}
    delete(plugin, api_server, changed, path)
    assert api_server.get(path) is None
    plugin.delete(changed)  # what is gone already is fine, too


def test_the_state_is_the_live_object_and_the_inputs_beside_it(plugin: Plugin) -> None:
    made = plugin.create(CONFIG_MAP, config_map("shape", a="1"))
    state = made.plain
    assert state["__inputs"] == config_map("shape", a="1")
    assert state["__initialApiVersion"] == "v1"
    assert state["__fieldManager"].startswith("pulumi-kubernetes-")
    assert state["metadata"]["uid"]
    assert state["metadata"]["namespace"] == "default"


def test_the_same_inputs_are_no_change_and_other_data_is_a_new_config_map(plugin: Plugin) -> None:
    inputs = config_map("same", a="1")
    made = plugin.create(CONFIG_MAP, inputs)
    olds = plugin.check(CONFIG_MAP, "it", inputs)
    same = plugin.diff(made, inputs, olds)
    other = plugin.diff(made, config_map("same", a="2"), olds)
    assert same.changes == same.DIFF_NONE
    assert (other.changes, list(other.replaces), other.deleteBeforeReplace) == (other.DIFF_SOME, ["data.a"], True)


def test_an_object_that_exists_is_refused(plugin: Plugin) -> None:
    plugin.create(CONFIG_MAP, config_map("twice"))
    failure = refusal(lambda: plugin.create(CONFIG_MAP, config_map("twice")))
    assert 'configmaps "twice" already exists' in str(failure)
    assert failure.details_bin is None, "it is not ours, so it must not get into the state"


def test_the_data_of_secrets_is_secret_in_the_state(plugin: Plugin) -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hush"}, "stringData": {"a": "b"}}
    made = plugin.create(SECRET, inputs)
    assert made.properties["data"].is_secret
    kept = made.properties["__inputs"].value
    assert isinstance(kept, Mapping)
    assert isinstance(kept["stringData"], PropertyValue)
    assert kept["stringData"].is_secret


def test_a_deployment_is_waited_for(plugin: Plugin, api_server: ApiServer) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/slow"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(plugin.create, DEPLOYMENT, workload("Deployment", "slow", replicas=1), timeout=30)
        eventually(lambda: api_server.get(path), "the deployment is there")
        assert not done.done()
        play_deployment_controller(api_server, path)
        assert done.result(30).plain["status"]["readyReplicas"] == 1


def test_a_daemon_set_is_waited_for_after_a_change_as_well(plugin: Plugin, api_server: ApiServer) -> None:
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
        done = pool.submit(plugin.create, DAEMON_SET, workload("DaemonSet", "every"), timeout=30)
        eventually(lambda: api_server.get(path), "the daemon set is there")
        api_server.patch_status(path, {**counts, "observedGeneration": 1})
        made = done.result(30)
        changed = workload("DaemonSet", "every", minReadySeconds=1)
        done = pool.submit(plugin.update, made, changed, timeout=30)
        eventually(lambda: (api_server.get(path) or {})["metadata"]["generation"] == 2, "the change is there")
        assert not done.done()
        api_server.patch_status(path, {**counts, "observedGeneration": 2})
        assert done.result(30).plain["spec"]["minReadySeconds"] == 1


def test_a_deployment_that_does_not_come_up_says_why_and_stays_in_the_state(
    plugin: Plugin, api_server: ApiServer
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
    failure = refusal(lambda: plugin.create(DEPLOYMENT, inputs, timeout=2))
    assert failure.details_bin is not None, "the engine learns that the object exists"
    assert "failed to fully initialize or become live" in str(failure)


def test_the_message_of_a_timeout_has_the_last_state(stand_in: Plugin, api_server: ApiServer) -> None:
    pod = {"metadata": {"name": "lost", "labels": {"app": "lost"}}, "spec": TEMPLATE["spec"]}
    api_server.request("POST", "/api/v1/namespaces/default/pods", pod)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no nodes"}
    api_server.patch_status("/api/v1/namespaces/default/pods/lost", {"conditions": [condition]})
    labels = {"matchLabels": {"app": "lost"}}
    template = {**TEMPLATE, "metadata": {"labels": {"app": "lost"}}}
    inputs = workload("Deployment", "lost", selector=labels, template=template)
    text = str(refusal(lambda: stand_in.create(DEPLOYMENT, inputs, timeout=2)))
    assert "not ready within 2 s" in text
    assert "waiting for the deployment controller" in text
    assert "Pod lost: [Unschedulable] no nodes" in text


def test_a_cancelled_wait_leaves_the_object_in_the_state(own: Plugin, api_server: ApiServer) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/interrupted"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(own.create, DEPLOYMENT, workload("Deployment", "interrupted"), timeout=60)
        eventually(lambda: api_server.get(path), "the deployment is there")
        eventually(lambda: own.messages(), "the wait has begun")
        own.cancel()
        with pytest.raises(PluginFailure) as caught:
            done.result(20)
    assert caught.value.details_bin is not None


def test_deleting_a_namespace_waits_until_it_is_gone(plugin: Plugin, api_server: ApiServer) -> None:
    made = plugin.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    assert made.id == "short"
    with ThreadPoolExecutor() as pool:
        done = pool.submit(plugin.delete, made, timeout=30)
        eventually(
            lambda: "deletionTimestamp" in (api_server.get("/api/v1/namespaces/short") or {})["metadata"], "it goes"
        )
        assert not done.done()
        api_server.collect_garbage("/api/v1/namespaces/short")
        done.result(30)


def test_a_deletion_that_hangs_says_what_holds_it(stand_in: Plugin, api_server: ApiServer) -> None:
    inputs = {**config_map("held"), "metadata": {"name": "held", "finalizers": ["contract.test/held"]}}
    made = stand_in.create(CONFIG_MAP, inputs)
    failure = refusal(lambda: stand_in.delete(made, timeout=2))
    assert "contract.test/held" in str(failure)
    api_server.collect_garbage("/api/v1/namespaces/default/configmaps/held")


def test_an_object_made_in_its_place_survives_the_deletion(stand_in: Plugin, api_server: ApiServer) -> None:
    path = "/api/v1/namespaces/default/configmaps/heir"
    made = stand_in.create(CONFIG_MAP, config_map("heir"))
    api_server.request("DELETE", path)
    api_server.request("POST", "/api/v1/namespaces/default/configmaps", config_map("heir", whose="another's"))
    stand_in.delete(made, timeout=10)
    assert api_server.get(path) is not None


def test_a_refresh_sees_changes_and_that_an_object_is_gone(plugin: Plugin, api_server: ApiServer) -> None:
    path = "/api/v1/namespaces/default/configmaps/seen"
    made = plugin.create(CONFIG_MAP, config_map("seen", a="1"))
    change = {"metadata": {"labels": {"new": "yes"}}}
    api_server.request("PATCH", path, change, "application/merge-patch+json")
    read = plugin.read(made)
    assert read is not None
    assert read.plain["metadata"]["labels"] == {"new": "yes"}
    api_server.request("DELETE", path)
    assert plugin.read(made) is None


def test_fields_of_others_are_a_conflict_with_their_name(plugin: Plugin, api_server: ApiServer) -> None:
    made = plugin.create(CONFIG_MAP, config_map("shared", a="1"))
    change = {**config_map("shared", a="kubectl's")}
    path = "/api/v1/namespaces/default/configmaps/shared?fieldManager=kubectl&force=true"
    api_server.request("PATCH", path, change, "application/apply-patch+yaml")
    failure = refusal(lambda: plugin.update(made, config_map("shared", a="2")))
    assert "kubectl" in str(failure)


def test_any_kind_works_and_a_kind_that_is_not_there_is_named(plugin: Plugin) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": []}
    assert plugin.create("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", role).id == "r"


def test_an_unreachable_api_is_retried_within_the_timeout(stand_in: Plugin, api_server: ApiServer) -> None:
    stand_in.configure({"kubeconfig": api_server.kubeconfig(port=free_port())})
    began = time.monotonic()
    text = str(refusal(lambda: stand_in.create(CONFIG_MAP, config_map("far"), timeout=2)))
    assert "is unreachable" in text
    assert "attempts in" in text
    assert time.monotonic() - began < 15
    assert any("retrying" in message for message in stand_in.messages())


def test_a_lost_cluster_is_forgotten_only_when_told_so(stand_in: Plugin, plugin: Plugin, api_server: ApiServer) -> None:
    made = plugin.create(CONFIG_MAP, config_map("orphan"))
    nowhere = api_server.kubeconfig(port=free_port())
    stand_in.configure({"kubeconfig": nowhere})
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in str(refusal(lambda: stand_in.delete(made, timeout=1)))
    stand_in.configure({"kubeconfig": nowhere, "deleteUnreachable": "true"})
    stand_in.delete(made)


def test_a_preview_asks_nothing_of_the_cluster(stand_in: Plugin, api_server: ApiServer) -> None:
    stand_in.configure({"kubeconfig": api_server.kubeconfig(port=free_port())})
    previewed = stand_in.create(CONFIG_MAP, config_map("later", a="1"), preview=True)
    assert previewed.plain["data"] == {"a": "1"}
    assert stand_in.messages() == []


def test_what_is_not_a_plain_object_is_refused(stand_in: Plugin) -> None:
    for kind in ("kubernetes:core/v1:ConfigMapPatch", "kubernetes:core/v1:PodList", "kubernetes:helm.sh/v3:Release"):
        assert "is not part of the lab's stand-in" in str(refusal(partial(stand_in.check, kind, "it", {})))


def play_deployment_controller(api_server: ApiServer, path: str) -> None:
    """What the controller and its pods would bring about: a revision, its replica set, and the status."""
    change = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}}}
    live = api_server.request("PATCH", path, change, "application/merge-patch+json")
    owner = {key: live["metadata"].get(key) for key in ("name", "uid")} | {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
    }
    name = f"{live['metadata']['name']}-1"
    replica_set = {
        "metadata": {
            "name": name,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"replicas": 1, "selector": SELECTOR, "template": TEMPLATE},
    }
    sets = "/apis/apps/v1/namespaces/default/replicasets"
    api_server.request("POST", sets, replica_set)
    api_server.patch_status(f"{sets}/{name}", {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1})
    condition = {
        "lastUpdateTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "status": "True",
    }
    api_server.patch_status(
        path,
        {
            "observedGeneration": live["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1),
            "conditions": [
                {**condition, "type": "Available", "reason": "MinimumReplicasAvailable", "message": "enough"},
                {**condition, "type": "Progressing", "reason": "NewReplicaSetAvailable", "message": "done"},
            ],
        },
    )
