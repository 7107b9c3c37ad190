"""What `make up` promises, looked at from outside."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, run
from tests.e2e.timeline import Timeline


def test_every_node_answers_http_with_the_page_of_nginx(cluster: Cluster) -> None:
    assert len(cluster.outputs["web_urls"]) == len(cluster.outputs["nodes"]) == 3
    for url in cluster.outputs["web_urls"]:
        assert "Welcome to nginx" in run("lab/enter", "curl", "--silent", "--fail", "--max-time", "30", url), url


def test_a_browser_shows_the_page(cluster: Cluster, tmp_path: Path) -> None:
    if not shutil.which("chromium"):
        pytest.skip("there is no browser: apt-get install chromium")
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
    offline = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    browser = ("lab/enter", "chromium", *quiet, *offline, f"--user-data-dir={tmp_path}")
    assert "Welcome to nginx!" in run(*browser, "--dump-dom", cluster.outputs["web_url"])


def test_all_nodes_are_ready_at_the_pinned_version(cluster: Cluster) -> None:
    ready = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"]
        for node in cluster.get("nodes")
        if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
    }
    version = f"v{cluster.outputs['kubernetes_version']}"
    assert ready == {node["name"]: version for node in cluster.outputs["nodes"]}


def test_every_pod_is_running_with_all_its_containers_ready(cluster: Cluster) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", "pods", "--all", "--all-namespaces", "--timeout=100s")
    pods = cluster.get("pods", "--all-namespaces")
    states = {
        pod["metadata"]["name"]: (pod["status"]["phase"], all(c["ready"] for c in pod["status"]["containerStatuses"]))
        for pod in pods
    }
    assert set(states.values()) == {("Running", True)}, states
    # 3 flannel, 3 kube-proxy, 2 CoreDNS, 2 nginx; etcd, API server, controller manager, scheduler
    assert len(states) == 14, states


@pytest.mark.parametrize("index", range(3), ids=["control-plane-1", "worker-1", "worker-2"])
class TestEachMachine:
    def test_runs_docker(self, cluster: Cluster, index: int) -> None:
        assert "Server" in cluster.on(cluster.outputs["nodes"][index], "sudo docker version")

    def test_has_no_swap_now_or_after_a_reboot(self, cluster: Cluster, index: int) -> None:
        node = cluster.outputs["nodes"][index]
        assert cluster.on(node, "cat /proc/swaps").count("\n") == 1
        assert "swap" not in cluster.on(node, "cat /etc/fstab")

    def test_has_the_sysctls_now_and_after_a_reboot(self, cluster: Cluster, index: int) -> None:
        node = cluster.outputs["nodes"][index]
        for key in ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"):
            assert cluster.on(node, f"sudo sysctl --values {key}").strip() == "1"
            assert f"{key} = 1" in cluster.on(node, "cat /etc/sysctl.d/99-kubernetes.conf")
        assert "br_netfilter" in cluster.on(node, "cat /etc/modules-load.d/kubernetes.conf")

    def test_holds_its_kubernetes_packages(self, cluster: Cluster, index: int) -> None:
        held = cluster.on(cluster.outputs["nodes"][index], "apt-mark showhold").split()
        assert held == ["kubeadm", "kubectl", "kubelet"]


def test_the_login_user_has_the_kubeconfig_on_the_control_plane(cluster: Cluster) -> None:
    assert "control-plane-1" in cluster.on(cluster.outputs["nodes"][0], "kubectl get nodes")


def test_a_second_lookup_from_a_pod_is_answered_by_the_cluster_dns(cluster: Cluster) -> None:
    answer = cluster.kubectl("exec", "deployment/nginx", "--", "getent", "hosts", "nginx.default.svc.cluster.local")
    service = cluster.get("services", "--field-selector=metadata.name=nginx")[0]
    assert answer.split()[0] == service["spec"]["clusterIP"]


def test_no_join_token_is_left(cluster: Cluster) -> None:
    token = cluster.outputs["join_token"]
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", token)
    assert cluster.on(cluster.outputs["nodes"][0], "sudo kubeadm token list").count("\n") <= 1
    assert f"--token {token} --discovery-token-ca-cert-hash sha256:" in cluster.outputs["join_command"]


def test_machines_prepare_side_by_side_and_neither_workers_nor_flannel_wait_for_the_other() -> None:
    timeline = Timeline.of_the_last_run()
    if "k8s-control-plane-1-prepare" not in timeline.created:
        pytest.skip("the last `make up` found the cluster made; `make destroy` first")
    prepares = [timeline.span(f"k8s-{node}-prepare") for node in ("control-plane-1", "worker-1", "worker-2")]
    assert max(start for start, _ in prepares) < min(end for _, end in prepares)
    joins = [timeline.span(f"k8s-worker-{number}-join") for number in (1, 2)]
    init_end = timeline.span("k8s-control-plane-1-init")[1]
    flannel_start = timeline.span("flannel-namespace")[0]
    assert flannel_start < max(end for _, end in joins), "flannel waited for the workers"
    assert min(start for start, _ in joins) < timeline.span("flannel-daemon-set")[1], "the workers waited for flannel"
    assert init_end <= flannel_start
