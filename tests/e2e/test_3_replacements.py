"""Machines that become other machines, by `make up` alone; each change is previewed before it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.changes import WORKER, crowd, named, position, uid
from tests.e2e.cluster import Cluster, keep, make_up, preview, pulumi, run
from tests.e2e.serving import serving

pytestmark = pytest.mark.long

IMAGE = "/var/lib/libvirt/boot/debian-13-genericcloud-amd64.qcow2"
OTHER_IMAGE = "/var/lib/libvirt/boot/other.qcow2"


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


def test_a_worker_with_another_image_is_drained_and_made_anew_from_it(cluster: Cluster, tmp_path: Path) -> None:
    before, others = uid(cluster, "worker-2"), [url for url in cluster.outputs["web_urls"] if "3.22" not in url]
    checksum = make_other_image()
    keep(machines={"worker-2": {"memory": 1792, "image": OTHER_IMAGE, "imageSha512": checksum}})
    assert preview() == {
        "create": {f"k8s-base-{checksum[:12]}"},
        "replace": named("worker-2", "disk", "made", *WORKER) | {"nodes-ready-check"},
    }
    with serving(others, tmp_path / "answers") as answers:
        make_up(seconds=1200)
    assert position("delete-replaced", "k8s-worker-2-join") < position("delete-replaced", "k8s-worker-2-domain")
    assert answers.failures() == [], "the other nodes and the URL keep serving"
    assert all(cluster.ready().values())
    assert uid(cluster, "worker-2") != before, "it did not leave and join anew"
    assert checksum[:12] in run("lab/enter", "virsh", "vol-dumpxml", "k8s-worker-2.qcow2", "--pool", "k8s")
    assert make_up(seconds=120) == {}


def make_other_image() -> str:
    """Makes an image that boots like the lab's and has another checksum, which is returned."""
    run("lab/enter", "cp", IMAGE, OTHER_IMAGE)
    run("lab/enter", "qemu-img", "bitmap", "--add", OTHER_IMAGE, "other")
    return run("lab/enter", "sha512sum", OTHER_IMAGE).split()[0]


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
