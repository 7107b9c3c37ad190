"""What happens to a cluster in its life, by `make up` alone; each change is previewed before it is made."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import end_state
from tests.e2e.cluster import REPOSITORY, Cluster, changed, events, keep, make_up, preview, pulumi, run
from tests.e2e.scale_out import ScaleOut
from tests.e2e.serving import serving

WORKER = ["domain", "prepare", "join"]


def named(machine: str, *parts: str) -> set[str]:
    """The resources of a machine."""
    return {f"k8s-{machine}-{part}" for part in parts}


def uid(cluster: Cluster, node: str) -> str:
    """What tells a node from a later one of the same name."""
    return cluster.kubectl("get", "node", node, "--output=jsonpath={.metadata.uid}")


def position(event: str, name: str) -> int:
    """When in the last run a step on a resource ended."""
    for number, each in enumerate(events()):
        metadata = each.get("resOutputsEvent", {}).get("metadata")
        if metadata and metadata["op"] == event and metadata["urn"].endswith(f"::{name}"):
            return number
    raise AssertionError(f"no {event} of {name}")


def test_no_token_of_the_first_workers_lives_when_another_one_joins(cluster: Cluster) -> None:
    """So the join of a worker that is added now is that of one that is added days later."""
    end_state.no_join_token_is_left(cluster)


def test_a_worker_is_added_and_nothing_else_is_touched(scaled_out: ScaleOut) -> None:
    made = named("worker-3", "host-key", "disk", "made", "seed", *WORKER) | {"k8s-worker-3"}
    assert scaled_out.said == {"create": made, "replace": {"nodes-ready-check"}}
    assert {name for name, operation in scaled_out.done.items() if operation == "create"} == made
    assert scaled_out.failures == []
    assert scaled_out.ready == dict.fromkeys(("control-plane-1", "worker-1", "worker-2", "worker-3"), True)
    assert scaled_out.again == {}


@pytest.mark.usefixtures("scaled_out")
def test_a_worker_is_removed_after_its_pods_have_moved_and_its_node_is_gone(cluster: Cluster, tmp_path: Path) -> None:
    crowd(cluster, "worker-3")
    said = preview()
    gone = named("worker-3", "host-key", "disk", "made", "seed", *WORKER) | {"k8s-worker-3"}
    assert said == {"delete": gone, "replace": {"nodes-ready-check"}}
    with serving(cluster.outputs["web_urls"], tmp_path / "answers") as answers:
        done = make_up(seconds=1200)
    assert {name for name, operation in done.items() if operation == "delete"} == gone
    assert position("delete", "k8s-worker-3-join") < position("delete", "k8s-worker-3-domain")
    assert set(cluster.ready()) == {"control-plane-1", "worker-1", "worker-2"}
    assert "worker-3" not in run("lab/enter", "virsh", "list", "--all", "--name")
    assert answers.failures() == [], "the pods left one at a time, each after the one before served elsewhere"


def crowd(cluster: Cluster, node: str) -> None:
    """Moves all pods of the web server to one node, so that a drain has something to respect the budget for."""
    others = [name for name in cluster.ready() if name != node]
    try:
        cluster.kubectl("cordon", *others)
        cluster.kubectl("rollout", "restart", "deployment/nginx")
        cluster.kubectl("rollout", "status", "deployment/nginx", "--timeout=110s")
    finally:
        cluster.kubectl("uncordon", *others)
    assert {pod["spec"]["nodeName"] for pod in cluster.web_pods()} == {node}


@pytest.mark.long
def test_a_worker_with_other_memory_is_drained_replaced_and_joins_again(cluster: Cluster, tmp_path: Path) -> None:
    crowd(cluster, "worker-2")
    before, others = uid(cluster, "worker-2"), [url for url in cluster.outputs["web_urls"] if "3.22" not in url]
    keep(machines={"worker-2": {"memory": 1792}})
    assert preview() == {"replace": named("worker-2", *WORKER) | {"nodes-ready-check"}}
    with serving(others, tmp_path / "answers") as answers:
        make_up(seconds=1200)
    assert position("delete-replaced", "k8s-worker-2-join") < position("delete-replaced", "k8s-worker-2-domain")
    assert answers.failures() == [], "the other nodes and the URL keep serving"
    assert all(cluster.ready().values())
    assert uid(cluster, "worker-2") != before, "it did not leave and join anew"
    assert int(cluster.on(cluster.outputs["nodes"][2], "free --mebi | awk '/^Mem/ {print $2}'")) < 1792
    assert make_up(seconds=120) == {}


@pytest.mark.long
def test_a_machine_is_rebuilt_from_its_image_on_demand(cluster: Cluster, tmp_path: Path) -> None:
    worker, others = cluster.outputs["nodes"][1], [url for url in cluster.outputs["web_urls"] if "3.21" not in url]
    cluster.on(worker, "sudo touch /var/lib/spoiled")
    said = preview("--replace", "**::k8s-worker-1-disk")
    assert said == {"replace": named("worker-1", "disk", "made", *WORKER) | {"nodes-ready-check"}}
    with serving(others, tmp_path / "answers") as answers:
        make_up(seconds=1200, REPLACE="worker-1")
    assert position("delete-replaced", "k8s-worker-1-join") < position("delete-replaced", "k8s-worker-1-domain")
    assert answers.failures() == []
    assert all(cluster.ready().values())
    assert "spoiled" not in cluster.on(worker, "ls /var/lib")


@pytest.mark.long
def test_the_control_plane_gets_other_memory_and_keeps_the_cluster(cluster: Cluster) -> None:
    cluster.kubectl("create", "configmap", "precious", "--from-literal=kept=yes")
    workers = {name: uid(cluster, name) for name in ("worker-1", "worker-2")}
    keep(controlPlaneMemory=3200)
    said = preview()
    assert named("control-plane-1", "domain", "prepare", "init", "kubeconfig") <= said["replace"]
    assert not {name for name in said["replace"] if "worker" in name or name.startswith(("flannel", "web"))}
    assert "the cluster keeps what is in it and is not rebuilt" in pulumi("preview")
    make_up(seconds=1200)
    assert cluster.kubectl("get", "configmap", "precious", "--output=jsonpath={.data.kept}") == "yes"
    assert {name: uid(cluster, name) for name in workers} == workers
    assert all(cluster.ready().values())
    assert make_up(seconds=120) == {}


def test_a_preview_says_plainly_that_a_new_control_plane_is_a_new_cluster() -> None:
    for replaced in ("**::k8s-control-plane-1-disk", "**pulumi:index:Stash::cluster"):
        said = pulumi("preview", "--replace", replaced)
        assert "the cluster is rebuilt, and everything in it is lost" in said, replaced


def test_what_kubeadm_cannot_change_is_refused_before_anything_happens(cluster: Cluster) -> None:
    changes = {"podCidr": "10.200.0.0/16", "serviceCidr": "10.112.0.0/16", "kubernetesVersion": "1.36.4"}
    before = json.loads(pulumi("stack", "export"))["deployment"]["resources"]
    with changed(**changes):
        for command in (["tools/pulumi", "lab", "preview"], ["make", "up", "STACK=lab"]):
            refused = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
            assert refused.returncode != 0
            for key, value in changes.items():
                assert f"- {key} = '{value}' is refused: the cluster was made with" in refused.stdout + refused.stderr
            assert "make up REBUILD=yes" in refused.stdout + refused.stderr
    make_up(seconds=120)
    after = json.loads(pulumi("stack", "export"))["deployment"]["resources"]
    assert identities(after) == identities(before), "nothing was made anew"


def identities(resources: list[dict[str, Any]]) -> dict[str, str]:
    """The id of each resource."""
    return {each["urn"]: each["id"] for each in resources if "id" in each}
