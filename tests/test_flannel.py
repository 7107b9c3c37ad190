"""The pod network."""

from __future__ import annotations

import json

import pytest

from components import flannel
from components.flannel_pod import FLANNEL_IMAGES
from tests.recording import Registration, Run

KINDS = ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet"]


def flannels(recorded: Run) -> list[Registration]:
    """What flannel consists of, without the component."""
    return [each for each in recorded.resources.values() if each.name.startswith("flannel-")]


def test_flannel_consists_of_the_kinds_of_its_own_manifest(program: Run) -> None:
    assert sorted(each.type.rsplit(":", 1)[1] for each in flannels(program)) == sorted(KINDS)


def test_what_has_a_namespace_is_in_flannels_own(applied: Run) -> None:
    for resource in flannels(applied):
        kind, metadata = resource.type.rsplit(":", 1)[1], resource.plain("metadata")
        if kind in ("ServiceAccount", "ConfigMap", "DaemonSet"):
            assert metadata["namespace"] == "kube-flannel", resource.name
        else:
            assert "namespace" not in metadata, resource.name


def test_the_namespace_allows_what_changes_the_nodes_network(applied: Run) -> None:
    labels = applied.one(":Namespace").plain("metadata")["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"


def test_flannel_has_the_rights_that_it_needs_before_its_pods_start(program: Run) -> None:
    before = program.before(program.one(":DaemonSet"))
    assert {
        "flannel-namespace",
        "flannel-service-account",
        "flannel-cluster-role",
        "flannel-cluster-role-binding",
        "flannel-config",
    } <= before, "its first pods would fail and back off"


def test_the_rights_are_given_to_flannels_account_and_are_no_more_than_it_uses(applied: Run) -> None:
    binding = applied.one(":ClusterRoleBinding")
    assert binding.plain("roleRef")["name"] == applied.one(":ClusterRole").plain("metadata")["name"]
    (subject,) = binding.plain("subjects")
    assert (subject["kind"], subject["name"], subject["namespace"]) == ("ServiceAccount", "flannel", "kube-flannel")
    rights = {(tuple(rule["resources"]), tuple(rule["verbs"])) for rule in applied.one(":ClusterRole").plain("rules")}
    assert rights == {
        (("pods",), ("get",)),
        (("nodes",), ("get", "list", "watch")),
        (("nodes/status",), ("patch",)),
    }


def test_the_network_that_flannel_reads_is_the_pods(applied: Run, unusual: Run) -> None:
    for recorded, cidr in ((applied, "10.244.0.0/16"), (unusual, "10.32.0.0/14")):
        network = json.loads(recorded.one(":ConfigMap").plain("data")["net-conf.json"])
        assert network == {"Network": cidr, "EnableNFTables": False, "Backend": {"Type": "vxlan"}}


def test_the_runtime_is_told_to_use_flannel_and_host_ports() -> None:
    configuration = json.loads(flannel.cni_configuration())
    assert [plugin["type"] for plugin in configuration["plugins"]] == ["flannel", "portmap"]
    assert configuration["plugins"][0]["delegate"]["isDefaultGateway"] is True


def test_flannel_runs_on_every_node_also_before_it_is_ready(applied: Run) -> None:
    pod = applied.one(":DaemonSet").plain("spec")["template"]["spec"]
    assert {"effect": "NoSchedule", "operator": "Exists"} in pod["tolerations"], (
        "a node is not Ready before flannel runs on it, and flannel would wait for the node to be Ready"
    )
    assert pod["hostNetwork"] is True
    assert pod["priorityClassName"] == "system-node-critical"
    assert pod["serviceAccountName"] == "flannel"


def test_flannel_asks_the_api_server_itself_and_waits_for_no_kube_proxy(applied: Run, unusual: Run) -> None:
    for recorded, address in ((applied, "10.17.3.11"), (unusual, "10.50.0.11")):
        (container,) = recorded.one(":DaemonSet").plain("spec")["template"]["spec"]["containers"]
        variables = {each["name"]: each.get("value") for each in container["env"]}
        assert variables["KUBERNETES_SERVICE_HOST"] == address
        assert variables["KUBERNETES_SERVICE_PORT"] == "6443"


def test_the_pods_carry_the_label_that_the_daemon_set_selects(applied: Run) -> None:
    spec = applied.one(":DaemonSet").plain("spec")
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_every_mount_has_its_volume(applied: Run) -> None:
    pod = applied.one(":DaemonSet").plain("spec")["template"]["spec"]
    mounts = {
        mount["name"]
        for container in [*pod["initContainers"], *pod["containers"]]
        for mount in container["volumeMounts"]
    }
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    (config,) = [volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume]
    assert config == applied.one(":ConfigMap").plain("metadata")["name"]


def test_every_image_is_pinned_and_pulled_while_machines_are_prepared(applied: Run) -> None:
    pod = applied.one(":DaemonSet").plain("spec")["template"]["spec"]
    images = {container["image"] for container in [*pod["initContainers"], *pod["containers"]]}
    assert images == set(FLANNEL_IMAGES)
    for image in images:
        assert image.rsplit(":", 1)[1].startswith("v"), "a tag that moves makes another cluster tomorrow"
        for node in ("control-plane-1", "worker-1", "worker-2"):
            assert image in applied.command(f"{node}-prepare").plain("stdin")


@pytest.mark.parametrize(("fixture", "minutes"), [("applied", "10m"), ("unusual", "30m")])
def test_flannel_may_take_longer_on_a_slow_machine(request: pytest.FixtureRequest, fixture: str, minutes: str) -> None:
    for resource in flannels(request.getfixturevalue(fixture)):
        assert resource.create_timeout == minutes
