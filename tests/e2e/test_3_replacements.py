"""Machines that become other machines, by `make up` alone; each change is previewed before it is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.paths import CACHE
from tests.e2e.changes import WORKER, crowd, named, position, uid
from tests.e2e.cluster import Cluster, keep, make_up, preview, pulumi, run
from tests.e2e.serving import serving

pytestmark = pytest.mark.long

IMAGE = "/var/lib/libvirt/boot/debian-13-genericcloud-amd64.qcow2"
OTHER_IMAGE = "/var/lib/libvirt/boot/other.qcow2"


@pytest.fixture(scope="session")
def other_image() -> Iterator[str]:
    """The checksum of an image that boots like the lab's and is another one, for as long as the tests run."""
    run("lab/enter", "cp", IMAGE, OTHER_IMAGE)
    run("lab/enter", "qemu-img", "bitmap", "--add", OTHER_IMAGE, "other")
    yield run("lab/enter", "sha512sum", OTHER_IMAGE).split()[0]
    (CACHE / "run" / OTHER_IMAGE.removeprefix("/")).unlink()  # also where the lab has been stopped


def replaced_while_the_others_serve(cluster: Cluster, worker: str, directory: Path, **variables: str) -> None:
    """Runs `make up`: the worker leaves before its machine goes, and joins anew; no other node misses a request."""
    nodes = cluster.outputs["nodes"]
    address = next(node["address"] for node in nodes if node["name"] == worker)
    urls = [url for url in cluster.outputs["web_urls"] if f"//{address}:" not in url]
    assert len(urls) == len(nodes) - 1 > 1
    with serving(cluster, urls, directory / "answers") as answers:
        make_up(**variables)
    assert position("delete-replaced", f"k8s-{worker}-join") < position("delete-replaced", f"k8s-{worker}-domain")
    assert answers.failures() == [], "the other nodes and the URL keep serving"
    assert all(cluster.ready().values())


def test_a_worker_with_other_memory_is_drained_replaced_and_joins_again(cluster: Cluster, tmp_path: Path) -> None:
    crowd(cluster, "worker-2")
    before = uid(cluster, "worker-2")
    keep(machines={"worker-2": {"memory": 1792}})
    assert preview() == {"replace": named("worker-2", *WORKER) | {"nodes-ready-check"}}
    replaced_while_the_others_serve(cluster, "worker-2", tmp_path)
    assert uid(cluster, "worker-2") != before, "it did not leave and join anew"
    assert int(cluster.on(cluster.outputs["nodes"][2], "free --mebi | awk '/^Mem/ {print $2}'")) < 1792
    assert make_up() == {}


def test_a_worker_with_another_image_is_drained_and_made_anew_from_it(
    cluster: Cluster, other_image: str, tmp_path: Path
) -> None:
    before, checksum = uid(cluster, "worker-2"), other_image
    keep(machines={"worker-2": {"memory": 1792, "image": OTHER_IMAGE, "imageSha512": checksum}})
    assert preview() == {
        "create": {f"k8s-base-{checksum[:12]}"},
        "replace": named("worker-2", "disk", "made", *WORKER) | {"nodes-ready-check"},
    }
    replaced_while_the_others_serve(cluster, "worker-2", tmp_path)
    assert uid(cluster, "worker-2") != before, "it did not leave and join anew"
    assert checksum[:12] in run("lab/enter", "virsh", "vol-dumpxml", "k8s-worker-2.qcow2", "--pool", "k8s")
    assert make_up() == {}


def test_a_machine_is_rebuilt_from_its_image_on_demand(cluster: Cluster, tmp_path: Path) -> None:
    worker = cluster.outputs["nodes"][1]
    cluster.on(worker, "sudo touch /var/lib/spoiled")
    said = preview("--replace", "**::k8s-worker-1-disk")
    assert said == {"replace": named("worker-1", "disk", "made", *WORKER) | {"nodes-ready-check"}}
    replaced_while_the_others_serve(cluster, "worker-1", tmp_path, REPLACE="worker-1")
    assert "spoiled" not in cluster.on(worker, "ls /var/lib")


def test_the_control_plane_gets_other_memory_and_keeps_the_cluster(cluster: Cluster) -> None:
    cluster.kubectl("create", "configmap", "precious", "--from-literal=kept=yes")
    workers = {name: uid(cluster, name) for name in ("worker-1", "worker-2")}
    keep(controlPlaneMemory=3200)
    said = preview()
    assert named("control-plane-1", "domain", "prepare", "init", "kubeconfig") <= said["replace"]
    assert not {name for name in said["replace"] if "worker" in name or name.startswith(("flannel", "web"))}
    assert "the cluster keeps what is in it and is not rebuilt" in pulumi("preview")
    make_up()
    assert cluster.kubectl("get", "configmap", "precious", "--output=jsonpath={.data.kept}") == "yes"
    assert {name: uid(cluster, name) for name in workers} == workers
    assert all(cluster.ready().values())
    assert make_up() == {}
