"""The kubernetes plugin's rules that need neither an engine nor a cluster."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.common.errors import PluginError
from lab.plugins.common.values import plain_map, to_property
from lab.plugins.kubernetes import field_manager, objects
from lab.plugins.kubernetes.config import Config, parse_kubeconfig
from lab.plugins.kubernetes.config_diff import replaced_by
from lab.plugins.kubernetes.diff import compare, property_path

Object = dict[str, Any]


def kubeconfig(server: str = "https://10.0.0.1:6443", user: Object | None = None) -> str:
    key = {"client-certificate-data": base64.b64encode(b"cert").decode(), "client-key-data": "a2V5"}
    return yaml.safe_dump(
        {
            "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority-data": "Y2E="}}],
            "users": [{"name": "u", "user": key if user is None else user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def test_a_kubeconfig_gives_the_server_and_the_certificates() -> None:
    cluster = parse_kubeconfig(kubeconfig())
    assert (cluster.server, cluster.authority, cluster.certificate, cluster.key) == (
        "https://10.0.0.1:6443",
        b"ca",
        b"cert",
        b"key",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no kubeconfig"),
        ("[1]\n", "is not a map"),
        ("a: [\n", "is not YAML"),
        ("current-context: y\ncontexts: []\n", "no context named 'y'"),
        (kubeconfig(user={"exec": {}}), "authentication by exec"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_as_such(text: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        parse_kubeconfig(text)


def test_a_bad_kubeconfig_is_not_quoted() -> None:
    with pytest.raises(PluginError) as caught:
        parse_kubeconfig("key: [private\n")
    assert "private" not in str(caught.value)


def test_arguments_come_as_strings_and_from_the_environment() -> None:
    config = Config.of({"deleteUnreachable": "true", "enableServerSideApply": "true"}, {})
    assert config.delete_unreachable
    assert Config.of({}, {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}).delete_unreachable
    assert not Config.of({"deleteUnreachable": "false"}, {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}).delete_unreachable


@pytest.mark.parametrize(
    ("olds", "news", "replaces"),
    [
        ({"clusterIdentifier": "1", "kubeconfig": "a"}, {"clusterIdentifier": "1", "kubeconfig": UNKNOWN}, []),
        ({"clusterIdentifier": "1"}, {"clusterIdentifier": "2"}, ["clusterIdentifier"]),
        ({"clusterIdentifier": "1"}, {"clusterIdentifier": UNKNOWN}, ["clusterIdentifier"]),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": UNKNOWN}, ["kubeconfig"]),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig("https://10.0.0.2:6443")}, ["kubeconfig"]),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(user={"token": "t"})}, []),
        ({"kubeconfig": kubeconfig()}, {"kubeconfig": kubeconfig(), "clusterIdentifier": "1"}, []),
    ],
)
def test_another_cluster_replaces_the_provider_and_nothing_else_does(
    olds: Object, news: Object, replaces: list[str]
) -> None:
    assert replaced_by(olds, news)[1] == replaces


def check(inputs: Object, olds: Object | None = None, seed: bytes = b"seed") -> dict[str, PropertyValue]:
    return objects.check("web", seed, _properties(inputs), _properties(olds or {}))


def test_an_object_without_a_name_gets_one_and_keeps_it() -> None:
    first = plain_map(check({"kind": "ConfigMap"}))
    name = first["metadata"]["name"]
    assert name.startswith("web-")
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert plain_map(check({"kind": "ConfigMap"}, first, seed=b"another"))["metadata"]["name"] == name


def test_a_given_name_stays_as_it_is() -> None:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "uid": "x"}}
    assert plain_map(check(inputs))["metadata"] == {"name": "mine"}


def test_the_data_of_a_secret_is_always_secret() -> None:
    checked = check({"kind": "Secret", "metadata": {"name": "s"}, "data": {"x": "eQ=="}, "stringData": {"a": "b"}})
    assert "stringData" not in checked
    assert checked["data"].is_secret
    assert plain_map(checked)["data"] == {"x": "eQ==", "a": "Yg=="}
    assert not checked["metadata"].contains_secret()


def test_a_secret_that_a_preview_does_not_know_stays_unknown() -> None:
    checked = check({"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": UNKNOWN}})
    assert plain_map(checked)["stringData"] == {"a": UNKNOWN}
    assert checked["stringData"].is_secret


def test_a_secret_input_is_secret_in_the_object_as_well() -> None:
    inputs = {"kind": "ConfigMap", "data": PropertyValue({"a": PropertyValue("x", is_secret=True)})}
    state = objects.state(_properties(inputs), {"kind": "ConfigMap", "data": {"a": "x", "b": "y"}}, "v1", "manager")
    data = state["data"].value
    assert isinstance(data, Mapping)
    assert (data["a"].is_secret, data["b"].is_secret) == (True, False)
    assert objects.old_inputs(state) == {"kind": "ConfigMap", "data": {"a": "x"}}
    assert "__inputs" not in objects.live_object(state)


def test_schema_extensions_lose_their_underscores_for_the_server() -> None:
    inputs = _properties({"x_kubernetes_preserve_unknown_fields": True, "a_b": 1})
    assert objects.to_send(inputs) == {"x-kubernetes-preserve-unknown-fields": True, "a_b": 1}


CONFIG_MAP: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a.b": "1"}}
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "generation": 2},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}},
}
SERVICE: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"clusterIP": "1"}}


@pytest.mark.parametrize(
    ("olds", "news", "replaces", "delete_first"),
    [
        (CONFIG_MAP, {"data": {"a.b": "2"}}, ['data["a.b"]'], True),
        (CONFIG_MAP, {"metadata": {"name": "b"}}, ["metadata.name"], False),
        (CONFIG_MAP, {"metadata": {"name": "a", "namespace": "n"}}, ["metadata.namespace"], False),
        (DEPLOYMENT, {"spec": {**DEPLOYMENT["spec"], "replicas": 3}}, [], False),
        (
            DEPLOYMENT,
            {"spec": {**DEPLOYMENT["spec"], "selector": {"matchLabels": {"app": "b"}}}},
            ["spec.selector.matchLabels.app"],
            True,
        ),
        (SERVICE, {"spec": {"clusterIP": "2"}}, ["spec.clusterIP"], True),
        (SERVICE, {"spec": {"clusterIP": "1", "ports": []}}, [], False),
    ],
)
def test_fields_that_cannot_change_need_a_new_object(
    olds: Object, news: Object, replaces: list[str], delete_first: bool
) -> None:
    comparison = compare(olds, {**olds, **news}, Config())
    assert comparison.changes
    assert [property_path(change.path) for change in comparison.changes if change.replaces] == replaces
    assert comparison.delete_first == delete_first


def test_the_default_namespace_is_the_same_as_none() -> None:
    named = {**CONFIG_MAP, "metadata": {"name": "a", "namespace": "default"}}
    assert compare(CONFIG_MAP, named, Config()).changes == ()


def test_a_mutable_config_map_is_updated_in_place() -> None:
    comparison = compare(CONFIG_MAP, {**CONFIG_MAP, "data": {}}, Config(mutable_config_maps=True))
    assert [(change.kind, change.replaces) for change in comparison.changes] == [("delete", False)]


def test_the_fields_of_a_create_are_handed_over_to_apply() -> None:
    entries = [
        {"manager": "m", "operation": "Update", "fieldsV1": {"f:data": {"f:x": {}}}},
        {"manager": "m", "operation": "Update", "subresource": "status"},
        {"manager": "kubectl", "operation": "Update"},
    ]
    live = {"metadata": {"managedFields": entries, "resourceVersion": "7"}}
    patch = field_manager.hand_over(live, "m")
    assert patch is not None
    assert patch[0]["value"] == [
        {"manager": "m", "operation": "Apply", "fieldsV1": {"f:data": {"f:x": {}}}},
        entries[1],
        entries[2],
    ]
    assert patch[1]["value"] == "7"
    assert field_manager.hand_over({"metadata": {"managedFields": entries[1:]}}, "m") is None
    assert field_manager.created_by(live, "m")
    assert not field_manager.created_by(live, "other")


def _properties(values: Object) -> dict[str, PropertyValue]:
    return {key: to_property(value) for key, value in values.items()}
