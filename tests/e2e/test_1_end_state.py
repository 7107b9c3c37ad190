"""What `make up` promises, looked at from outside."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e import end_state
from tests.e2e.cluster import Cluster, run
from tests.e2e.timeline import Timeline


def test_every_node_answers_http_with_the_page_of_nginx(cluster: Cluster) -> None:
    end_state.every_node_answers_http(cluster)


def test_a_browser_shows_the_page(cluster: Cluster, tmp_path: Path) -> None:
    if not shutil.which("chromium"):
        pytest.skip("there is no browser: apt-get install chromium")
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
    offline = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
    browser = ("lab/enter", "chromium", *quiet, *offline, f"--user-data-dir={tmp_path}")
    assert "Welcome to nginx!" in run(*browser, "--dump-dom", cluster.outputs["web_url"])


def test_all_nodes_are_ready_at_the_pinned_version(cluster: Cluster) -> None:
    end_state.all_nodes_are_ready(cluster)


def test_every_pod_is_running_with_all_its_containers_ready(cluster: Cluster) -> None:
    end_state.every_pod_is_ready(cluster)


@pytest.mark.parametrize("index", range(3), ids=["control-plane-1", "worker-1", "worker-2"])
class TestEachMachine:
    def test_runs_docker(self, cluster: Cluster, index: int) -> None:
        end_state.docker_runs(cluster, cluster.outputs["nodes"][index])

    def test_has_no_swap_now_or_after_a_reboot(self, cluster: Cluster, index: int) -> None:
        end_state.swap_is_off(cluster, cluster.outputs["nodes"][index])

    def test_has_the_sysctls_now_and_after_a_reboot(self, cluster: Cluster, index: int) -> None:
        end_state.kernel_settings_are_there(cluster, cluster.outputs["nodes"][index])

    def test_holds_its_kubernetes_packages(self, cluster: Cluster, index: int) -> None:
        end_state.packages_are_held(cluster, cluster.outputs["nodes"][index])


def test_the_login_user_has_the_kubeconfig_on_the_control_plane(cluster: Cluster) -> None:
    end_state.the_login_user_has_the_kubeconfig(cluster)


def test_a_second_lookup_from_a_pod_is_answered_by_the_cluster_dns(cluster: Cluster) -> None:
    end_state.dns_answers_in_a_pod(cluster)


def test_no_join_token_is_left(cluster: Cluster) -> None:
    token = cluster.outputs["join_token"]
    assert re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}", token)
    end_state.no_join_token_is_left(cluster)
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
