"""What happens to a cluster in its life, by `make up` alone; each change is previewed before it is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import end_state
from tests.e2e.changes import WORKER, crowd, named, position
from tests.e2e.cluster import Cluster, changed, completed, make_up, preview, pulumi, run
from tests.e2e.scale_out import ScaleOut
from tests.e2e.serving import serving


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
    with serving(cluster, cluster.outputs["web_urls"], tmp_path / "answers") as answers:
        done = make_up()
    assert {name for name, operation in done.items() if operation == "delete"} == gone
    assert position("delete", "k8s-worker-3-join") < position("delete", "k8s-worker-3-domain")
    assert set(cluster.ready()) == {"control-plane-1", "worker-1", "worker-2"}
    assert "worker-3" not in run("lab/enter", "virsh", "list", "--all", "--name")
    assert answers.failures() == [], "the pods left one at a time, each after the one before served elsewhere"


def test_a_preview_says_plainly_that_a_new_control_plane_is_a_new_cluster() -> None:
    for replaced in ("**::k8s-control-plane-1-disk", "**pulumi:index:Stash::cluster"):
        said = pulumi("preview", "--replace", replaced)
        assert "the cluster is rebuilt, and everything in it is lost" in said, replaced


def test_what_kubeadm_cannot_change_is_refused_before_anything_happens(cluster: Cluster) -> None:
    changes = {"podCidr": "10.200.0.0/16", "serviceCidr": "10.112.0.0/16", "kubernetesVersion": "1.36.4"}
    repository = "http://10.254.254.1/kubernetes/core:/stable:/v1.36/deb/"  # the other minor's own
    before = json.loads(pulumi("stack", "export"))["deployment"]["resources"]
    with changed(**changes, kubernetesAptRepository=repository):
        for command in (["tools/pulumi", "lab", "preview"], ["make", "up", "STACK=lab"]):
            refused = completed(*command)
            assert refused.returncode != 0
            for key, value in changes.items():
                assert f"- {key} = '{value}' is refused: the cluster was made with" in refused.stdout + refused.stderr
            assert "make up REBUILD=yes" in refused.stdout + refused.stderr
    make_up()
    after = json.loads(pulumi("stack", "export"))["deployment"]["resources"]
    assert identities(after) == identities(before), "nothing was made anew"


def identities(resources: list[dict[str, Any]]) -> dict[str, str]:
    """The id of each resource."""
    return {each["urn"]: each["id"] for each in resources if "id" in each}
