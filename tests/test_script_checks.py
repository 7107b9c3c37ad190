"""The scripts that only look: nodes, the cluster's DNS, the kubeconfig."""

from __future__ import annotations

import pytest

from tests.sandbox import Result, Sandbox

DOES_KUBECTL = r"""
case "$1 $2" in
  "wait "*) [[ ! -e /mnt/not-ready ]]; exit ;;
  "get nodes")
    if [[ $* != *--selector* ]]; then echo "worker-1 NotReady"
    elif [[ -e /mnt/drained ]]; then /usr/bin/cat /mnt/drained; fi
    exit ;;
  "get node") [[ $3 == worker-1 && -e /mnt/old ]] && echo v1.37.1 || echo v1.37.2; exit ;;
esac
"""


@pytest.fixture
def control_plane(machine: Sandbox) -> Sandbox:
    """A control plane with two nodes."""
    machine.does("kubectl", DOES_KUBECTL)
    return machine


def look_for_nodes(machine: Sandbox, seconds: str = "0") -> Result:
    """Runs the script for two nodes."""
    inputs = {"NODES": "control-plane-1\nworker-1", "KUBERNETES_VERSION": "1.37.2", "READY_SECONDS": seconds}
    return machine.run("wait-for-nodes.sh", inputs)


def look_up(machine: Sandbox) -> Result:
    """Runs the script for the web server."""
    inputs = {"NAMESPACE": "default", "WORKLOAD": "deployment/nginx", "DNS_SECONDS": "0"}
    return machine.run("check-cluster-dns.sh", inputs)


def test_nodes_that_are_ready_at_the_wanted_version_are_enough(control_plane: Sandbox) -> None:
    result = look_for_nodes(control_plane)
    assert (result.code, result.output) == (0, ""), result.said
    waited = control_plane.calls("kubectl")[0]
    assert waited[1] == "wait"
    assert {"node/control-plane-1", "node/worker-1", "--for=condition=Ready"} <= set(waited), "a node is left out"
    looked_at = {call[3] for call in control_plane.calls("kubectl") if call[1:3] == ["get", "node"]}
    assert looked_at == {"control-plane-1", "worker-1"}


def test_a_node_that_is_not_ready_fails_the_run_with_what_kubectl_shows(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/not-ready")
    result = look_for_nodes(control_plane)
    assert result.code == 1
    assert "every node Ready with v1.37.2 did not come true in time. Last seen: worker-1 NotReady." in result.said


def test_a_node_of_another_version_fails_the_run_by_name(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/old")
    result = look_for_nodes(control_plane)
    assert result.code == 1
    assert "Last seen: node worker-1 runs v1.37.1." in result.said


def test_a_node_that_gets_ready_is_waited_for(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/not-ready")
    control_plane.does("sleep", "/usr/bin/rm -f /mnt/not-ready")
    assert look_for_nodes(control_plane, seconds="60").code == 0


def test_a_node_whose_drain_was_stopped_takes_pods_again_unless_it_is_about_to_leave(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/drained", "node/worker-1\nnode/worker-3\n")
    assert look_for_nodes(control_plane).code == 0
    assert control_plane.lines("kubectl")[-2:] == [
        "kubectl uncordon worker-1",
        "kubectl label node worker-1 kubeadm-libvirt/drained-",
    ]


def test_a_node_that_cannot_be_uncordoned_fails_the_run_with_what_was_said(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/drained", "node/worker-1\n")
    control_plane.does("kubectl", DOES_KUBECTL + 'if [[ $1 == uncordon ]]; then echo "connection refused"; exit 1; fi')
    result = look_for_nodes(control_plane)
    assert result.code == 1
    assert "drains that were stopped half-way did not come true in time. Last seen: connection refused." in result.said


def test_the_clusters_dns_is_asked_from_inside_a_pod(control_plane: Sandbox) -> None:
    assert look_up(control_plane).code == 0
    assert control_plane.lines() == [
        "kubectl --namespace default exec deployment/nginx -- getent hosts kubernetes.default.svc.cluster.local"
    ]


def test_a_dns_that_does_not_answer_fails_the_run_with_what_was_said(control_plane: Sandbox) -> None:
    control_plane.does("kubectl", "echo 'command terminated with exit code 2' >&2; exit 2")
    result = look_up(control_plane)
    assert result.code == 1
    assert (
        "an answer of the cluster's DNS to deployment/nginx did not come true in time. Last seen: command"
        in result.said
    )


def test_the_kubeconfig_is_the_result_and_is_shown_nowhere_else(machine: Sandbox) -> None:
    machine.write("/etc/kubernetes/admin.conf", "client-key-data: c2VjcmV0\n")
    result = machine.run("read-kubeconfig.sh", {"API_SECONDS": "0"})
    assert (result.code, result.output) == (0, "client-key-data: c2VjcmV0\n")
    assert "c2VjcmV0" not in result.said + machine.visible_to_others()


def test_the_kubeconfig_is_not_handed_out_before_the_api_server_can_say_what_it_has(machine: Sandbox) -> None:
    machine.write("/etc/kubernetes/admin.conf", "apiVersion: v1\n")
    machine.does("curl", "[[ -e /mnt/ready ]] || { echo 'curl: (22) error: 504' >&2; exit 22; }")
    result = machine.run("read-kubeconfig.sh", {"API_SECONDS": "0"})
    assert (result.code, result.output) == (1, "")
    assert "the schema of the API server did not come true in time. Last seen: curl: (22) error: 504." in result.said
    machine.does("sleep", ": >/mnt/ready")
    assert machine.run("read-kubeconfig.sh", {"API_SECONDS": "60"}).output == "apiVersion: v1\n"
    assert machine.calls("curl")[-1][-1] == "https://kubernetes:6443/openapi/v2"


def test_a_kubeconfig_that_is_not_there_fails_the_run(machine: Sandbox) -> None:
    result = machine.run("read-kubeconfig.sh", {"API_SECONDS": "0"})
    assert (result.code, result.output) == (1, "")
    assert result.said.endswith("machine: failed while: read the kubeconfig\n")
