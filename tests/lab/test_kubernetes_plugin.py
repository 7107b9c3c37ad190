"""The kubernetes plugin against a real API server, through its protocol alone: what one operation does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from pulumi.provider.experimental.property_value import PropertyValue

from tests.lab.api_server import ApiServer
from tests.lab.cluster_objects import CONFIG_MAP, SECRET, config_map, delete, refusal
from tests.lab.plugin_client import Plugin
from tests.lab.ssh_server import free_port


def test_an_object_is_made_changed_and_removed(kubernetes: Plugin, api_server: ApiServer) -> None:
    path = "/api/v1/namespaces/default/configmaps/life"
    made = kubernetes.create(CONFIG_MAP, config_map("life", a="1", b="2"))
    assert made.id == "default/life"
    changed = kubernetes.update(made, config_map("life", a="3"))
    live = api_server.get(path)
    assert live is not None
    assert live["data"] == {"a": "3"}, "what the program no longer sets has to go"
    assert changed.plain["data"] == {"a": "3"}
    delete(kubernetes, api_server, changed, path)
    assert api_server.get(path) is None
    kubernetes.delete(changed)  # what is gone already is fine, too


def test_the_state_is_the_live_object_and_the_inputs_beside_it(kubernetes: Plugin) -> None:
    inputs = config_map("shape", a="1")
    inputs["metadata"]["namespace"] = "default"  # where it is missing, only the official plugin adds it to the inputs
    state = kubernetes.create(CONFIG_MAP, inputs).plain
    assert state["__inputs"] == inputs
    assert state["__initialApiVersion"] == "v1"
    assert state["__fieldManager"].startswith("pulumi-kubernetes-")
    assert state["metadata"]["uid"]
    assert state["metadata"]["namespace"] == "default"


def test_the_same_inputs_are_no_change_and_other_data_is_a_new_config_map(kubernetes: Plugin) -> None:
    inputs = config_map("same", a="1")
    made = kubernetes.create(CONFIG_MAP, inputs)
    olds = kubernetes.check(CONFIG_MAP, "it", inputs)
    same = kubernetes.diff(made, inputs, olds)
    other = kubernetes.diff(made, config_map("same", a="2"), olds)
    assert same.changes == same.DIFF_NONE
    assert (other.changes, list(other.replaces), other.deleteBeforeReplace) == (other.DIFF_SOME, ["data.a"], True)


def test_an_object_that_exists_is_refused(kubernetes: Plugin) -> None:
    kubernetes.create(CONFIG_MAP, config_map("twice"))
    failure = refusal(lambda: kubernetes.create(CONFIG_MAP, config_map("twice")))
    assert 'configmaps "twice" already exists' in str(failure)
    assert failure.details_bin is None, "it is not ours, so it must not get into the state"


def test_the_data_of_secrets_is_secret_in_the_state(kubernetes: Plugin) -> None:
    inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hush"}, "stringData": {"a": "b"}}
    made = kubernetes.create(SECRET, inputs)
    assert made.properties["data"].is_secret
    kept = made.properties["__inputs"].value
    assert isinstance(kept, Mapping)
    assert isinstance(kept["data"], PropertyValue)
    assert kept["data"].is_secret


def test_an_object_made_in_its_place_survives_the_deletion(kubernetes_stand_in: Plugin, api_server: ApiServer) -> None:
    path = "/api/v1/namespaces/default/configmaps/heir"
    made = kubernetes_stand_in.create(CONFIG_MAP, config_map("heir"))
    api_server.request("DELETE", path)
    api_server.request("POST", "/api/v1/namespaces/default/configmaps", config_map("heir", whose="another's"))
    kubernetes_stand_in.delete(made, timeout=10)
    assert api_server.get(path) is not None


def test_a_refresh_sees_changes_and_that_an_object_is_gone(kubernetes: Plugin, api_server: ApiServer) -> None:
    path = "/api/v1/namespaces/default/configmaps/seen"
    inputs = config_map("seen", a="1")
    made, olds = kubernetes.create(CONFIG_MAP, inputs), kubernetes.check(CONFIG_MAP, "it", inputs)
    change = {"metadata": {"labels": {"new": "yes"}}}
    api_server.request("PATCH", path, change, "application/merge-patch+json")
    read = kubernetes.read(made, olds)
    assert read is not None
    assert read.plain["metadata"]["labels"] == {"new": "yes"}
    others = kubernetes.diff(read, inputs, olds)
    assert others.changes == others.DIFF_NONE, "a label that nobody asked for is others'"
    api_server.request("PATCH", path, {"data": {"a": "2"}}, "application/merge-patch+json")
    read = kubernetes.read(made, olds)
    assert read is not None
    ours = kubernetes.diff(read, inputs, olds)
    assert ours.changes == ours.DIFF_SOME, "what was asked for is made so again"
    api_server.request("DELETE", path)
    assert kubernetes.read(made, olds) is None


def test_fields_of_others_are_a_conflict_with_their_name(kubernetes_stand_in: Plugin, api_server: ApiServer) -> None:
    # The official plugin (sources near 4.33) overwrites such a field of a config map.
    made = kubernetes_stand_in.create(CONFIG_MAP, config_map("shared", a="1"))
    change = {**config_map("shared", a="kubectl's")}
    path = "/api/v1/namespaces/default/configmaps/shared?fieldManager=kubectl&force=true"
    api_server.request("PATCH", path, change, "application/apply-patch+yaml")
    failure = refusal(lambda: kubernetes_stand_in.update(made, config_map("shared", a="2")))
    assert "kubectl" in str(failure)


def test_any_kind_works_and_a_kind_that_is_not_there_is_named(kubernetes: Plugin) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": []}
    assert kubernetes.create("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", role).id == "r"


def test_an_unreachable_api_is_retried_within_the_timeout(kubernetes_stand_in: Plugin, api_server: ApiServer) -> None:
    kubernetes_stand_in.configure({"kubeconfig": api_server.kubeconfig(port=free_port())})
    began = time.monotonic()
    text = str(refusal(lambda: kubernetes_stand_in.create(CONFIG_MAP, config_map("far"), timeout=2)))
    assert "is unreachable: connection refused" in text
    assert "attempts in" in text
    assert time.monotonic() - began < 15
    assert any("retrying" in message for message in kubernetes_stand_in.messages())


def test_a_lost_cluster_is_forgotten_only_when_told_so(
    kubernetes_stand_in: Plugin, kubernetes: Plugin, api_server: ApiServer
) -> None:
    made = kubernetes.create(CONFIG_MAP, config_map("orphan"))
    nowhere = api_server.kubeconfig(port=free_port())
    kubernetes_stand_in.configure({"kubeconfig": nowhere})
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in str(refusal(lambda: kubernetes_stand_in.delete(made, timeout=1)))
    kubernetes_stand_in.configure({"kubeconfig": nowhere, "deleteUnreachable": "true"})
    kubernetes_stand_in.delete(made)


def test_a_preview_asks_nothing_of_the_cluster(kubernetes_stand_in: Plugin, api_server: ApiServer) -> None:
    kubernetes_stand_in.configure({"kubeconfig": api_server.kubeconfig(port=free_port())})
    previewed = kubernetes_stand_in.create(CONFIG_MAP, config_map("later", a="1"), preview=True)
    assert previewed.plain["data"] == {"a": "1"}
    assert kubernetes_stand_in.messages() == []


def test_what_is_not_a_plain_object_is_refused(kubernetes_stand_in: Plugin) -> None:
    for kind in ("kubernetes:core/v1:ConfigMapPatch", "kubernetes:core/v1:PodList", "kubernetes:helm.sh/v3:Release"):
        assert "is not part of the lab's stand-in" in str(refusal(partial(kubernetes_stand_in.check, kind, "it", {})))
