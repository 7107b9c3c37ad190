"""The documents that kubeadm is driven by; read back, and by kubeadm itself where it is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import flannel, kubeadm
from components.nodes import control_planes, workers
from components.settings import Settings
from lab.paths import BIN
from tests.configuration import make_settings
from tests.recording import CA_CERT_HASH, TOKEN

KUBEADM = BIN / "kubeadm"


def init_text(settings: Settings) -> str:
    """The init documents of a configuration."""
    return kubeadm.init_documents(settings, control_planes(settings)[0])


def init(**overrides: Any) -> dict[str, dict[str, Any]]:
    """The init documents by kind."""
    documents = yaml.safe_load_all(init_text(make_settings(**overrides)))
    return {document["kind"]: document for document in documents}


def join_text(settings: Settings) -> str:
    """The first worker's join document."""
    return kubeadm.join_document(settings, control_planes(settings)[0], workers(settings)[0])


def join(**overrides: Any) -> dict[str, Any]:
    """The first worker's join document, read."""
    parsed: dict[str, Any] = yaml.safe_load(join_text(make_settings(**overrides)))
    return parsed


def test_every_document_is_of_a_dialect_that_todays_kubeadm_reads() -> None:
    dialects = {document["kind"]: document["apiVersion"] for document in [*init().values(), join()]}
    assert dialects == {
        "InitConfiguration": "kubeadm.k8s.io/v1beta4",
        "ClusterConfiguration": "kubeadm.k8s.io/v1beta4",
        "KubeletConfiguration": "kubelet.config.k8s.io/v1beta1",
        "JoinConfiguration": "kubeadm.k8s.io/v1beta4",
    }


def test_the_pod_network_is_the_same_for_kubeadm_and_flannel() -> None:
    settings = make_settings(podCidr="10.32.0.0/14")
    pods = init(podCidr="10.32.0.0/14")["ClusterConfiguration"]["networking"]["podSubnet"]
    flannels = json.loads(flannel.network_configuration(settings))["Network"]
    assert pods == flannels == "10.32.0.0/14", "no pod would reach a pod on another node"


def test_services_version_and_name_are_the_configured_ones() -> None:
    cluster = init(serviceCidr="10.112.0.0/16", kubernetesVersion="1.36.1", clusterName="blue")["ClusterConfiguration"]
    assert cluster["networking"]["serviceSubnet"] == "10.112.0.0/16"
    assert cluster["kubernetesVersion"] == "v1.36.1"
    assert cluster["clusterName"] == "blue"


def test_the_api_server_is_reached_at_the_control_planes_address() -> None:
    documents = init()
    assert documents["InitConfiguration"]["localAPIEndpoint"] == {"advertiseAddress": "10.17.3.11", "bindPort": 6443}
    assert documents["ClusterConfiguration"]["controlPlaneEndpoint"] == "10.17.3.11:6443"
    assert join()["discovery"]["bootstrapToken"]["apiServerEndpoint"] == "10.17.3.11:6443"


def test_each_node_registers_with_its_name_its_address_and_the_named_runtime() -> None:
    for document, name, address in (
        (init()["InitConfiguration"], "control-plane-1", "10.17.3.11"),
        (join(), "worker-1", "10.17.3.21"),
    ):
        registration = document["nodeRegistration"]
        assert registration["name"] == name
        assert registration["criSocket"] == "unix:///run/containerd/containerd.sock", "with Docker there are two"
        assert {"name": "node-ip", "value": address} in registration["kubeletExtraArgs"]


def test_init_leaves_no_token_that_lives_long() -> None:
    (token,) = init()["InitConfiguration"]["bootstrapTokens"]
    assert token["ttl"] == "1m0s", "kubeadm's own token would let anybody who has it join for a day"
    assert "token" not in token, "a token in the configuration would be in the state"


def test_a_join_pins_the_clusters_ca_and_carries_no_token_yet() -> None:
    discovery = join()["discovery"]["bootstrapToken"]
    assert discovery["token"] == "@TOKEN@"
    assert discovery["caCertHashes"] == ["@CA_CERT_HASH@"]
    assert "unsafeSkipCAVerification" not in discovery


def test_nothing_votes_for_a_leader_where_there_is_one() -> None:
    cluster = init()["ClusterConfiguration"]
    for component in ("controllerManager", "scheduler"):
        assert cluster[component]["extraArgs"] == [{"name": "leader-elect", "value": "false"}]


def test_the_kubelet_uses_the_runtimes_cgroup_driver() -> None:
    assert init()["KubeletConfiguration"]["cgroupDriver"] == "systemd", "containerd's SystemdCgroup is true"


@pytest.mark.parametrize(("factor", "api_call", "bootstrap"), [(1, "1m0s", "5m0s"), (4, "4m0s", "20m0s")])
def test_every_time_limit_of_kubeadm_grows_with_the_factor(factor: int, api_call: str, bootstrap: str) -> None:
    for document in (init(timeoutFactor=factor)["InitConfiguration"], join(timeoutFactor=factor)):
        assert document["timeouts"]["kubernetesAPICall"] == api_call
        assert document["timeouts"]["tlsBootstrap"] == document["timeouts"]["discovery"] == bootstrap
        assert len(document["timeouts"]) == 6


@pytest.mark.parametrize(("factor", "milliseconds"), [(1, 1000), (4, 4000), (10, 10_000), (60, 10_000)])
def test_etcds_election_timeout_grows_with_the_factor_to_ten_seconds(factor: int, milliseconds: int) -> None:
    assert kubeadm.election_timeout(make_settings(timeoutFactor=factor)) == milliseconds


@pytest.mark.parametrize(("factor", "seconds"), [(1, 50), (4, 200), (12, 600), (60, 600)])
def test_the_silence_that_a_node_is_granted_grows_with_the_factor_to_ten_minutes(factor: int, seconds: int) -> None:
    assert kubeadm.monitor_grace(make_settings(timeoutFactor=factor)) == seconds


def test_a_worker_pulls_early_what_it_will_run_and_the_control_plane_asks_kubeadm() -> None:
    settings = make_settings(kubernetesVersion="1.36.1")
    assert kubeadm.early_images(settings, control_planes(settings)[0]) == []
    assert set(kubeadm.early_images(settings, workers(settings)[0])) == {
        "registry.k8s.io/kube-proxy:v1.36.1",
        kubeadm.SANDBOX_IMAGE,
    }


@pytest.mark.parametrize("name", ["y", "n", "on", "no", "null", "true", "e1"])
def test_a_clusters_name_stays_a_text_for_kubeadms_older_yaml(name: str) -> None:
    line = next(line for line in init_text(make_settings(clusterName=name)).splitlines() if "clusterName" in line)
    assert line == (f"clusterName: '{name}'" if name != "e1" else "clusterName: e1")


@pytest.mark.skipif(not KUBEADM.exists(), reason="there is no kubeadm here: `python3 -m lab.build kubernetes` makes it")
@pytest.mark.parametrize("overrides", [{}, {"timeoutFactor": 60, "workers": 1, "clusterName": "y"}])
def test_kubeadm_itself_accepts_the_documents(tmp_path: Path, overrides: dict[str, Any]) -> None:
    settings = make_settings(**overrides)
    filled = join_text(settings).replace("@TOKEN@", TOKEN).replace("@CA_CERT_HASH@", CA_CERT_HASH)
    for name, text in (("init.yaml", init_text(settings)), ("join.yaml", filled)):
        document = tmp_path / name
        document.write_text(text)
        answer = subprocess.run(
            [KUBEADM, "config", "validate", "--config", document], capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, f"{name}: {answer.stdout}{answer.stderr}"
        assert "warning" not in answer.stderr.lower(), answer.stderr
