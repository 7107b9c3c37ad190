"""What happens outside Pulumi: what comes back by itself, and what `make up` puts right."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.e2e import end_state
from tests.e2e.cluster import Cluster, make_up, run, stop_libvirtd

BACK_SECONDS = 600
"""For three emulated machines that boot side by side on two processors."""


@pytest.mark.long
def test_after_a_power_cut_of_the_host_everything_comes_back_by_itself(cluster: Cluster) -> None:
    """Machines, their network and libvirt's daemon are gone at once, and the host starts libvirt's daemon again."""
    run("lab/down")
    run("lab/start")
    deadline = time.monotonic() + BACK_SECONDS
    while not back(cluster):
        assert time.monotonic() < deadline, f"the cluster did not come back within {BACK_SECONDS} s"
        time.sleep(5)
    end_state.dns_answers_in_a_pod(cluster)
    for node in cluster.outputs["nodes"]:
        end_state.swap_is_off(cluster, node)
    end_state.another_up_has_nothing_to_do()


def back(cluster: Cluster) -> bool:
    """Whether all nodes are Ready since the cut, and all URLs answer."""
    try:
        pods = cluster.get("pods", "--all-namespaces")
        answers = [
            run("lab/enter", "curl", "--silent", "--fail", "--max-time", "5", url)
            for url in cluster.outputs["web_urls"]
        ]
        running = all(all(c["ready"] for c in pod["status"]["containerStatuses"]) for pod in pods)
        return running and all(cluster.ready().values()) and all("Welcome to nginx" in answer for answer in answers)
    except (AssertionError, KeyError, subprocess.TimeoutExpired):
        return False


@pytest.mark.long
def test_a_restart_of_libvirts_daemon_alone_disturbs_nobody(cluster: Cluster) -> None:
    stop_libvirtd()
    end_state.every_node_answers_http(cluster)
    run("lab/start")
    end_state.another_up_has_nothing_to_do()


def test_a_machine_that_was_switched_off_is_started(cluster: Cluster) -> None:
    run("lab/enter", "virsh", "destroy", "k8s-worker-1")
    done = make_up()
    assert done["k8s-worker-1-domain"] == "update"
    assert all(cluster.ready().values())


@pytest.mark.long
def test_a_machine_that_was_deleted_by_hand_is_made_again(cluster: Cluster) -> None:
    run("lab/enter", "virsh", "destroy", "k8s-worker-2")
    run("lab/enter", "virsh", "undefine", "k8s-worker-2")
    done = make_up()
    assert done["k8s-worker-2-domain"] == "create"
    assert all(cluster.ready().values())
    assert make_up() == {}


@pytest.mark.long
def test_services_that_were_stopped_by_hand_are_started_again(cluster: Cluster) -> None:
    cluster.on(cluster.outputs["nodes"][1], "sudo systemctl stop kubelet")
    done = make_up()
    assert "k8s-worker-1-prepare" in done
    assert cluster.on(cluster.outputs["nodes"][1], "systemctl is-active kubelet").strip() == "active"
    assert all(cluster.ready().values())


@pytest.mark.long
def test_what_kubectl_has_deleted_and_changed_is_as_the_program_says_again(cluster: Cluster) -> None:
    cluster.kubectl("delete", "deployment", "nginx")
    other = '[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30099}]'
    cluster.kubectl("patch", "service", "nginx", "--type=json", f"--patch={other}")
    done = make_up()
    assert done == {"web-deployment": "create", "web-service": "update"}
    end_state.every_node_answers_http(cluster)
    end_state.another_up_has_nothing_to_do()
