"""`kubeadm join` on the worker: once, and taken back where it was stopped half-way."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox import Result, Sandbox

RESET = "kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock"
LINKS = [f"ip -oneline link show {link}" for link in ("cni0", "flannel.1")]
CONFIGURATION = "/var/lib/kubelet/config.yaml"
JOIN = "kubeadm join --config /run/kubeadm-join.yaml"
DOES_JOIN = """
case $1 in
  join)
    /usr/bin/cat "$3" >/mnt/configuration
    /usr/bin/stat --format=%a "$3" >/mnt/mode
    /usr/bin/mkdir -p /etc/kubernetes/pki
    echo >/etc/kubernetes/pki/ca.crt
    [[ -e /mnt/breaks ]] && { echo "timed out waiting for the condition" >&2; exit 1; }
    echo >/etc/kubernetes/kubelet.conf
    /usr/bin/mkdir -p /var/lib/kubelet
    echo >/var/lib/kubelet/config.yaml
    ;;
  reset) /usr/bin/rm -rf /etc/kubernetes/pki /etc/kubernetes/*.conf /var/lib/kubelet/* ;;
esac
"""


@pytest.fixture
def worker(machine: Sandbox) -> Sandbox:
    """A machine on which kubeadm works."""
    machine.does("kubeadm", DOES_JOIN)
    return machine


def join(machine: Sandbox, *, registered: bool = False) -> Result:
    """Runs the script as worker-membership.sh does."""
    inputs = {"JOIN_CONFIGURATION": "token: abcdef\n", "REGISTERED": "yes" if registered else "no"}
    return machine.run("join-worker.sh", inputs)


def test_the_first_run_joins_with_exactly_the_configuration(worker: Sandbox) -> None:
    result = join(worker)
    assert (result.code, result.output) == (0, ""), result.said
    assert worker.lines() == [*LINKS, JOIN]
    assert worker.read("/mnt/configuration") == "token: abcdef\n"
    assert worker.read("/mnt/mode") == "600\n", "it holds the token"
    assert not worker.path("/run/kubeadm-join.yaml").exists()


def test_a_second_run_on_a_node_that_runs_does_nothing(worker: Sandbox) -> None:
    join(worker)
    files = worker.files()
    worker.forget()
    assert join(worker, registered=True).code == 0
    assert worker.lines() == ["systemctl --quiet is-active kubelet"], "a node that works was joined again"
    assert worker.files() == files


def test_a_failed_join_is_taken_back_by_the_next_run(worker: Sandbox) -> None:
    worker.write("/mnt/breaks")
    worker.write("/etc/cni/net.d/left-over.conflist")
    result = join(worker)
    assert result.code == 1
    assert "timed out waiting for the condition" in result.said
    assert result.said.endswith("machine: failed while: kubeadm join\n")
    assert not worker.path("/run/kubeadm-join.yaml").exists(), "the token stays on the worker's disk"

    worker.path("/mnt/breaks").unlink()
    worker.forget()
    assert join(worker).code == 0
    assert worker.lines() == [RESET, *LINKS, JOIN], "kubeadm refuses to join over what it left behind"
    assert list(worker.path("/etc/cni/net.d").iterdir()) == []


def test_what_a_reset_leaves_of_the_pod_network_is_removed(worker: Sandbox) -> None:
    """Its bridge keeps the address of the old pod network, and no pod of the new one could be set up."""
    for file in (
        "/etc/cni/net.d/10-flannel.conflist",
        "/var/lib/cni/networks/cbr0/10.244.1.2",
        "/run/flannel/subnet.env",
    ):
        worker.write(file)
    worker.does("ip", '[[ $* != *show* ]] || echo "4: $4: <BROADCAST> mtu 1450"')
    assert join(worker).code == 0
    assert worker.lines("ip", "kubeadm") == [
        LINKS[0],
        "ip link delete cni0",
        LINKS[1],
        "ip link delete flannel.1",
        JOIN,
    ]
    left = [name for name in worker.files() if "cni" in name or "flannel" in name]
    assert left == []
    assert worker.path("/etc/cni/net.d").is_dir(), "containerd watches it, and would not see one that is made anew"


def test_a_node_that_the_cluster_has_forgotten_joins_anew(worker: Sandbox) -> None:
    join(worker)
    worker.forget()
    assert join(worker, registered=False).code == 0
    assert worker.lines() == [RESET, *LINKS, JOIN]


def test_a_node_whose_kubelet_is_dead_joins_anew(worker: Sandbox) -> None:
    join(worker)
    worker.does("systemctl", "exit 3")
    worker.forget()
    assert join(worker, registered=True).code == 0
    assert worker.lines("kubeadm") == [RESET, JOIN]


@pytest.mark.parametrize("lost", ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml"])
def test_a_node_whose_kubelet_runs_on_without_its_files_joins_anew(worker: Sandbox, lost: str) -> None:
    """Its next start would fail; kubeadm would refuse to join because of the kubelet's port."""
    join(worker)
    worker.path(lost).unlink()
    worker.forget()
    assert join(worker, registered=True).code == 0
    assert worker.lines("kubeadm") == [RESET, JOIN]


@pytest.mark.parametrize(
    ("damaged", "content"),
    [
        ("/etc/kubernetes/kubelet.conf", ""),
        (CONFIGURATION, ""),
        ("/etc/kubernetes/kubelet.conf", "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n"),
    ],
)
def test_a_node_whose_files_are_empty_or_whose_certificate_has_ended_joins_anew(
    worker: Sandbox, damaged: str, content: str
) -> None:
    join(worker)
    worker.write(damaged, content)
    worker.does("openssl", "exit 1")
    worker.forget()
    assert join(worker, registered=True).code == 0
    assert worker.lines("kubeadm") == [RESET, JOIN]


def test_a_node_has_joined_when_that_is_on_its_disk(worker: Sandbox) -> None:
    join(worker)
    assert worker.lines("kubeadm", "sync") == [JOIN, "sync"]


@pytest.mark.parametrize(
    "left_over", ["kubelet.conf", "bootstrap-kubelet.conf", "pki/ca.crt", CONFIGURATION, "/var/lib/kubelet/pki/a"]
)
def test_whatever_a_join_left_behind_is_taken_back_first(worker: Sandbox, left_over: str) -> None:
    worker.write(str(Path("/etc/kubernetes") / left_over))
    assert join(worker).code == 0
    assert worker.lines("kubeadm") == [RESET, JOIN]
