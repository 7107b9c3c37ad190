"""`kubeadm init`: once, taken back where it was stopped half-way, and never again."""

from __future__ import annotations

import base64
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import kubeadm
from components.nodes import control_planes
from tests.configuration import make_settings
from tests.sandbox import STOP, Result, Sandbox

SAVED = "/var/lib/kubeadm-libvirt/cluster.yaml"
RESET = "kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock"
LINKS = [f"ip -oneline link show {link}" for link in ("cni0", "flannel.1")]
INIT = "kubeadm init --config /run/kubeadm-init.yaml --skip-token-print"
READY = "kubectl get --raw /readyz"
ADDONS = (
    "kubectl --namespace kube-system get deployment/coredns service/kube-dns daemonset/kube-proxy "
    "configmap/coredns configmap/kube-proxy"
)
RECORDS = "kubectl --namespace kube-system get configmap/kubeadm-config configmap/kubelet-config"
NODE = (
    "kubectl get nodes --selector node-role.kubernetes.io/control-plane --field-selector metadata.name=machine "
    "--output name"
)
MAY_ALL = "kubectl auth can-i * *"
RESTART = "systemctl restart kubelet"
REGISTERED = "kubectl get node machine --ignore-not-found --output name"
MARK = f"kubeadm init phase mark-control-plane --config {SAVED}"
HEALTH = "curl --silent --show-error --fail --noproxy * --max-time 10 http://127.0.0.1:10248/healthz"
KUBELET_START = f"kubeadm init phase kubelet-start --config {SAVED}"
FINALIZE = f"kubeadm init phase kubelet-finalize all --config {SAVED}"
PHASES = [f"kubeadm init phase {phase} --config {SAVED}" for phase in ("certs all", "kubeconfig all")]
PHASES += [f"kubeadm init phase {phase} --config {SAVED}" for phase in ("etcd local", "control-plane all")]
REPLICAS = (
    "kubectl --namespace kube-system get deployment/coredns "
    "--output jsonpath={.spec.replicas} {.status.availableReplicas}"
)
LEAVES = ["apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "front-proxy-client"]
LEAVES += ["etcd/server", "etcd/peer", "etcd/healthcheck-client"]
FILES = [f"{name}.conf" for name in ("admin", "controller-manager", "kubelet", "scheduler")]
FILES += [
    *(f"pki/{authority}.crt" for authority in ("ca", "etcd/ca", "front-proxy-ca")),
    "pki/sa.key",
    "pki/sa.pub",
    *(f"pki/{leaf}.{kind}" for leaf in LEAVES for kind in ("crt", "key")),
]
"""What kubeadm makes in /etc/kubernetes besides manifests and the keys of CAs."""

DOES_INIT = """
case $1 in
  init)
    [[ $2 != phase ]] || exit 0
    /usr/bin/cat "$3" >/mnt/configuration
    /usr/bin/stat --format=%a "$3" >/mnt/mode
    /usr/bin/mkdir -p /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd/member
    for pod in etcd kube-apiserver kube-controller-manager kube-scheduler; do
      echo >"/etc/kubernetes/manifests/$pod.yaml"
    done
    echo >/etc/kubernetes/pki/ca.key
    [[ -e /mnt/breaks ]] && { echo "kubelet is not healthy" >&2; exit 1; }
    /usr/bin/mkdir -p /etc/kubernetes/pki/etcd
    for file in @FILES@ pki/etcd/ca.key pki/front-proxy-ca.key; do echo >"/etc/kubernetes/$file"; done
    echo "admin's kubeconfig" >/etc/kubernetes/admin.conf
    /usr/bin/mkdir -p /var/lib/kubelet
    echo >/var/lib/kubelet/config.yaml
    ;;
  reset) /usr/bin/rm -r /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd ;;
esac
""".replace("@FILES@", " ".join(FILES))

HAS_ITS_NODE = '[[ "$1 $2" != "get nodes" ]] || echo node/machine'


def configuration(**overrides: object) -> str:
    """The documents that the program sends."""
    settings = make_settings(**overrides)
    return kubeadm.init_documents(settings, control_planes(settings)[0]).rstrip("\n")


@pytest.fixture
def control_plane(machine: Sandbox) -> Sandbox:
    """A machine on which kubeadm works."""
    machine.does("kubeadm", DOES_INIT)
    machine.does("kubectl", HAS_ITS_NODE)
    machine.does("openssl", "exit 0")
    return machine


def init(machine: Sandbox, documents: str = "", api_seconds: str = "60") -> Result:
    """Runs the script."""
    inputs = {
        "KUBEADM_CONFIGURATION": documents or configuration(),
        "LOGIN_USER": "debian",
        "PATCHES": kubeadm.PATCHES,
        "LIVENESS_FAILURES": "24",
        "READINESS_PERIOD": "3",
        "ELECTION_TIMEOUT": "3000",
        "MONITOR_GRACE": "150",
        "API_SECONDS": api_seconds,
        "RENEWAL_DAYS": "60",
        "CONTROL_PLANE_FILES": "\n".join(kubeadm.CONTROL_PLANE_FILES),
        "ADDONS": " ".join(kubeadm.ADDONS),
        "RECORDS": " ".join(kubeadm.RECORDS),
    }
    return machine.run("init-control-plane.sh", inputs)


def test_the_first_run_inits_with_exactly_the_configuration(control_plane: Sandbox) -> None:
    result = init(control_plane)
    assert (result.code, result.output) == (0, ""), result.said
    assert control_plane.lines() == [*LINKS, INIT, READY]
    assert control_plane.read("/mnt/configuration") == configuration()
    assert control_plane.read("/mnt/mode") == "600\n"
    assert not control_plane.path("/run/kubeadm-init.yaml").exists()


def test_a_slow_static_pod_is_given_more_time_before_it_is_restarted(control_plane: Sandbox) -> None:
    init(control_plane)
    for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        assert patched(control_plane, component)["livenessProbe"] == {"failureThreshold": 24}, (
            "kubelet restarts an API server that is only slow, and the restart makes it slower"
        )


def test_a_slow_static_pod_is_asked_less_often_whether_it_is_ready(control_plane: Sandbox) -> None:
    init(control_plane)
    for component in ("etcd", "kube-apiserver", "kube-scheduler"):
        assert patched(control_plane, component)["readinessProbe"] == {"periodSeconds": 3}
    # kubeadm gives it none, and a probe without a question is refused.
    assert "readinessProbe" not in patched(control_plane, "kube-controller-manager")


def test_a_slow_etcd_does_not_give_a_request_up_that_nobody_repeats(control_plane: Sandbox) -> None:
    init(control_plane)
    assert patched(control_plane, "etcd")["env"] == [{"name": "ETCD_ELECTION_TIMEOUT", "value": "3000"}]
    assert "env" not in patched(control_plane, "kube-apiserver"), "the others are not asked"


def test_a_node_that_is_only_slow_does_not_lose_its_pods(control_plane: Sandbox) -> None:
    init(control_plane)
    (change,) = yaml.safe_load(control_plane.read(f"{kubeadm.PATCHES}/kube-controller-manager+json.yaml"))
    assert change == {
        "op": "add",
        "path": "/spec/containers/0/command/-",
        "value": "--node-monitor-grace-period=150s",
    }


def patched(machine: Sandbox, component: str) -> dict[str, Any]:
    """What the patch of a static pod says of its one container."""
    container: dict[str, Any]
    (container,) = yaml.safe_load(machine.read(f"{kubeadm.PATCHES}/{component}+strategic.yaml"))["spec"]["containers"]
    assert container["name"] == component
    return container


def test_the_login_user_gets_a_kubeconfig_that_nobody_else_can_read(control_plane: Sandbox) -> None:
    init(control_plane)
    file = control_plane.path("/home/debian/.kube/config")
    assert file.read_text() == "admin's kubeconfig\n"
    for path, mode in ((file, 0o600), (file.parent, 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.stat().st_uid == control_plane.login_uid


def test_a_second_run_only_looks_whether_the_api_server_answers(control_plane: Sandbox) -> None:
    init(control_plane)
    files = control_plane.files()
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines() == [HEALTH, READY, MAY_ALL, NODE, ADDONS, RECORDS, REPLICAS], (
        "a cluster that works was initialised again"
    )
    assert control_plane.files() == files


def test_a_failed_init_is_not_taken_for_a_cluster_and_the_next_run_takes_it_back(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/breaks")
    control_plane.write("/etc/cni/net.d/left-over.conflist")
    result = init(control_plane)
    assert result.code == 1
    assert "kubelet is not healthy" in result.said
    assert result.said.endswith("machine: failed while: kubeadm init\n")
    assert not control_plane.path(SAVED).exists()
    assert not control_plane.path("/run/kubeadm-init.yaml").exists()

    control_plane.path("/mnt/breaks").unlink()
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines() == [RESET, *LINKS, INIT, READY], "kubeadm refuses to init over what it left behind"
    assert list(control_plane.path("/etc/cni/net.d").iterdir()) == [], (
        "kubeadm reset leaves it alone; without the directory containerd would never see the network's configuration"
    )


@pytest.mark.parametrize(
    "left_over",
    [["manifests/kube-apiserver.yaml"], ["pki/ca.crt"], ["pki/ca.key", "/var/lib/etcd/member/wal"]],
)
def test_whatever_an_init_left_behind_is_taken_back_first(control_plane: Sandbox, left_over: list[str]) -> None:
    control_plane.does("kubeadm", "")
    control_plane.write("/etc/kubernetes/admin.conf")
    for file in left_over:
        control_plane.write(str(Path("/etc/kubernetes") / file))
    init(control_plane)
    assert control_plane.lines("kubeadm") == [RESET, INIT]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"podCidr": "10.32.0.0/16"}, "podSubnet: 10.32.0.0/16"),
        ({"serviceCidr": "10.112.0.0/16"}, "serviceSubnet: 10.112.0.0/16"),
        ({"kubernetesVersion": "1.37.3"}, "kubernetesVersion: v1.37.3"),
    ],
)
def test_what_kubeadm_cannot_change_in_a_cluster_is_refused_with_the_difference(
    control_plane: Sandbox, changed: dict[str, str], line: str
) -> None:
    init(control_plane)
    files = control_plane.files()
    control_plane.forget()
    result = init(control_plane, configuration(**changed))
    assert result.code == 1
    differences = [said for said in result.said.splitlines() if said.startswith(("<", ">"))]
    assert [said for said in differences if said.startswith(">")] == [
        f">   {line}" if "Subnet" in line else f"> {line}"
    ]
    assert len(differences) == 2, "lines that did not change hide the one that did"
    assert (
        "kubeadm cannot change this in a cluster that exists. Set it back, or build the cluster anew: " in result.said
    )
    assert control_plane.lines() == [], "a cluster that works was touched"
    assert control_plane.files() == files


WRITES_ANEW = "write anew what is missing or damaged in /etc/kubernetes:"
KUBEADM_MAKES = [file for file in FILES if not file.endswith(("ca.crt", ".pub", ".key"))]
KUBEADM_MAKES += ["pki/sa.key", "manifests/etcd.yaml", "manifests/kube-apiserver.yaml"]


@pytest.mark.parametrize("file", KUBEADM_MAKES)
def test_what_somebody_has_removed_of_a_cluster_kubeadm_writes_anew(control_plane: Sandbox, file: str) -> None:
    init(control_plane)
    control_plane.path(f"/etc/kubernetes/{file}").unlink()
    control_plane.forget()
    result = init(control_plane)
    assert f"{WRITES_ANEW} {file}\n" in result.said
    health = [HEALTH] if file != "kubelet.conf" else []
    assert control_plane.lines() == [*health, *PHASES, RESTART, READY, MAY_ALL, NODE, ADDONS, RECORDS, REPLICAS]


@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("half", ["crt", "key"])
def test_of_a_pair_that_has_lost_one_half_kubeadm_is_shown_neither(
    control_plane: Sandbox, leaf: str, half: str
) -> None:
    """It fails for a key without a certificate, and does not miss the key of one."""
    init(control_plane)
    control_plane.path(f"/etc/kubernetes/pki/{leaf}.{half}").unlink()
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines()[1:5] == PHASES
    assert not any(control_plane.path(f"/etc/kubernetes/pki/{leaf}.{each}").exists() for each in ("crt", "key"))


def test_a_kubelet_that_has_lost_its_configuration_gets_it_anew(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.path("/var/lib/kubelet/config.yaml").unlink()
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines() == [
        KUBELET_START,
        READY,
        MAY_ALL,
        NODE,
        ADDONS,
        RECORDS,
        REPLICAS,
    ]


def test_etcds_data_is_not_thrown_away_where_all_else_of_a_cluster_was_removed(control_plane: Sandbox) -> None:
    """A reset would take it for an init that was stopped half-way."""
    init(control_plane)
    shutil.rmtree(control_plane.path("/etc/kubernetes"))
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 1
    assert "machine: the cluster is gone, for /etc/kubernetes/pki/ca.key is missing" in result.said
    assert control_plane.lines() == []
    assert control_plane.path("/var/lib/etcd/member").exists()


def test_a_certificate_authority_that_is_kept_elsewhere_is_missed_only_where_it_is_needed(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    control_plane.path("/etc/kubernetes/pki/ca.key").unlink()
    assert init(control_plane).code == 0


def test_etcds_data_may_lie_elsewhere_as_after_a_restore(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.path("/var/lib/etcd").rename(control_plane.path("/var/lib/etcd-restored"))
    assert init(control_plane).code == 1
    manifest = control_plane.path("/etc/kubernetes/manifests/etcd.yaml")
    manifest.write_text("  - hostPath:\n      path: /var/lib/etcd-restored\n")
    control_plane.does("pgrep", "exit 1")
    control_plane.forget()
    assert init(control_plane).code == 0
    assert not [line for line in control_plane.lines("kubeadm") if "etcd local" in line], "it would start with no data"


@pytest.mark.parametrize(
    ("lost", "with_it"),
    [
        ("/var/lib/etcd/member", "/etc/kubernetes/manifests/etcd.yaml"),
        ("/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/apiserver.crt"),
    ],
)
def test_a_cluster_that_has_lost_what_only_it_knew_is_not_waited_for(
    control_plane: Sandbox, lost: str, with_it: str
) -> None:
    init(control_plane)
    control_plane.path(lost).rename(control_plane.path("/mnt/away"))
    control_plane.path(with_it).unlink()
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 1
    assert f"machine: the cluster is gone, for {lost} is missing, as after kubeadm reset. " in result.said
    assert "Build a new one: make up REBUILD=yes, or pulumi destroy and pulumi up." in result.said
    assert control_plane.calls("kubeadm", "kubectl") == []


def test_addons_that_somebody_has_deleted_are_written_anew(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does(
        "kubectl", HAS_ITS_NODE + "\n[[ $* != *daemonset* ]] || { echo 'coredns not found' >&2; exit 1; }"
    )
    control_plane.forget()
    assert init(control_plane).code == 0
    addon = f"kubeadm init phase addon all --config {SAVED}"
    assert control_plane.lines() == [HEALTH, READY, MAY_ALL, NODE, ADDONS, addon, RECORDS, REPLICAS]


def test_what_a_worker_that_joins_reads_is_written_anew(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("kubectl", HAS_ITS_NODE + "\n[[ $* != *kubelet-config* ]] || exit 1")
    control_plane.forget()
    assert init(control_plane).code == 0
    upload = f"kubeadm init phase upload-config all --config {SAVED}"
    assert control_plane.lines() == [HEALTH, READY, MAY_ALL, NODE, ADDONS, RECORDS, upload, REPLICAS]


ALL_END = "[[ $* != *-checkend* ]]; exit"
PROCESSES = """
process=${!#}
case $0 in
  *pgrep) /usr/bin/cat "/mnt/$process" 2>/dev/null; exit ;;
  *pkill) echo new >"/mnt/$process"; exit ;;
esac
"""


def run_processes(machine: Sandbox) -> list[str]:
    """All components of a control plane run, and others do after each `pkill`."""
    # The system knows a process by 15 letters, and pkill finds none by a longer name.
    processes = ["etcd", "kube-apiserver", "kube-controller", "kube-scheduler"]
    for process in processes:
        machine.write(f"/mnt/{process}", "old\n")
    for command in ("pgrep", "pkill"):
        machine.does(command, PROCESSES)
    return processes


def test_one_certificate_that_ends_soon_renews_all_and_whoever_uses_them_reads_them_anew(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    processes = run_processes(control_plane)
    control_plane.does("openssl", "[[ $* != *-checkend*etcd-client.crt ]]; exit")
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert "for these end within 60 days: pki/apiserver-etcd-client.crt" in result.said
    assert "openssl x509 -checkend 5184000 -noout -in /etc/kubernetes/pki/apiserver.crt" in control_plane.lines(
        "openssl"
    )
    # The next one is not ended before the API server has answered: it would only crash beside one that starts.
    restarts = [line for process in processes for line in (f"pkill --exact {process}", READY)]
    lines = [line for line in control_plane.lines("kubeadm", "pkill", "kubectl") if line != NODE]
    assert lines[: len(restarts) + 1] == [f"kubeadm certs renew all --config {SAVED}", *restarts]


def test_a_process_that_does_not_come_back_with_its_new_certificate_is_named(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("pgrep", "echo 1; exit")
    control_plane.does("openssl", ALL_END)
    result = init(control_plane, api_seconds="0")
    assert result.code == 1
    assert "machine: another process of etcd did not come true in time" in result.said


def test_a_renewal_that_was_stopped_before_the_last_restart_is_ended_by_the_next_run(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("pgrep", "echo 1; exit")
    control_plane.does("openssl", ALL_END)
    assert init(control_plane, api_seconds="0").code == 1

    processes = run_processes(control_plane)
    control_plane.does("openssl", "exit 0")  # by now all are new
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert control_plane.lines("kubeadm", "pkill") == [f"pkill --exact {process}" for process in processes], (
        "they would serve with the old certificates until those end"
    )
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines("pkill") == []


@pytest.mark.parametrize(
    ("authority", "signed"),
    [
        ("etcd/ca", ["etcd/server", "etcd/peer", "etcd/healthcheck-client", "apiserver-etcd-client"]),
        ("front-proxy-ca", ["front-proxy-client"]),
    ],
)
@pytest.mark.parametrize("left", [None, ""])
def test_an_authority_of_this_machine_alone_is_made_anew_and_all_that_use_it_start_again_at_once(
    control_plane: Sandbox, authority: str, signed: list[str], left: str | None
) -> None:
    init(control_plane)
    processes = run_processes(control_plane)
    certificate = control_plane.path(f"/etc/kubernetes/pki/{authority}.crt")
    certificate.unlink()
    if left is not None:
        certificate.write_text(left)
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    pki = control_plane.path("/etc/kubernetes/pki")
    gone = [pki / f"{name}.{half}" for name in (authority, *signed) for half in ("crt", "key")]
    assert not any(file.exists() for file in gone), "kubeadm would keep what the old one has signed, and fail"
    kept = [f"pki/{leaf}.crt" for leaf in LEAVES if leaf not in signed]
    assert all(control_plane.path(f"/etc/kubernetes/{file}").exists() for file in kept)
    # The API server refuses an etcd with a certificate of another authority, and would be waited for in vain.
    lines = [line for line in control_plane.lines("kubeadm", "pkill", "kubectl") if line != NODE]
    assert lines[:9] == [*PHASES, *(f"pkill --exact {process}" for process in processes), READY]
    control_plane.forget()
    certificate.parent.mkdir(exist_ok=True)
    for file in (*gone, certificate):
        file.write_text("new\n")
    assert init(control_plane).code == 0
    assert control_plane.lines("kubeadm", "pkill") == []


@pytest.mark.parametrize("authority", ["etcd/ca", "front-proxy-ca"])
def test_an_authority_whose_key_is_lost_is_made_anew_where_it_has_to_sign_again(
    control_plane: Sandbox, authority: str
) -> None:
    init(control_plane)
    control_plane.does("pgrep", "exit 1")
    leaf = {"etcd/ca": "etcd/peer", "front-proxy-ca": "front-proxy-client"}[authority]
    for name in (authority, leaf):
        control_plane.path(f"/etc/kubernetes/pki/{name}.key").unlink()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert f"make /etc/kubernetes/pki/{authority}.crt anew, and what it has signed" in result.said


def test_a_manifest_that_keeps_its_component_from_running_is_written_anew(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("pgrep", "[[ $* != *kube-apiserver ]]; exit")
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert "write the manifests anew, for these do not run: kube-apiserver\n" in result.said
    phases = [line for line in control_plane.lines("kubeadm") if " phase " in line]
    assert phases == [f"kubeadm init phase control-plane all --config {SAVED}"], "etcd runs, and is left alone"


def test_an_administrator_who_may_nothing_gets_his_rights_back_before_anything_is_asked(control_plane: Sandbox) -> None:
    """As where all of etcd's data is lost, or his binding was deleted."""
    init(control_plane)
    control_plane.does("kubectl", f"{HAS_ITS_NODE}\n[[ $1 != auth ]] || {{ echo no; exit 1; }}")
    control_plane.forget()
    assert init(control_plane).code == 0
    rights = ("kubeconfig super-admin", "upload-config all")
    phases = [f"kubeadm init phase {phase} --config {SAVED}" for phase in rights]
    assert control_plane.lines() == [HEALTH, READY, MAY_ALL, *phases, NODE, ADDONS, RECORDS, REPLICAS]


def test_a_dns_without_a_pod_that_is_ready_is_written_anew(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("kubectl", f'{HAS_ITS_NODE}\n[[ $* != *availableReplicas}} ]] || printf "2 "')
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines("kubeadm") == [f"kubeadm init phase addon all --config {SAVED}"]


def test_a_cluster_that_has_lost_its_record_and_the_login_users_kubeconfig_is_never_reset(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    for lost in ("/var/lib/kubeadm-libvirt", "/home/debian/.kube"):
        shutil.rmtree(control_plane.path(lost))
    control_plane.write("/etc/kubernetes/kubelet.conf", f"    client-certificate: {OWN_CERTIFICATE}\n")
    control_plane.write(OWN_CERTIFICATE)
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert {RESET, INIT}.isdisjoint(control_plane.lines("kubeadm"))
    assert control_plane.read(SAVED) == configuration()


def test_an_empty_kubeconfig_that_nobody_reads_keeps_kubeadm_from_writing_none(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.write("/etc/kubernetes/super-admin.conf")
    assert init(control_plane).code == 0
    assert not control_plane.path("/etc/kubernetes/super-admin.conf").exists()


def test_an_authority_without_its_key_is_kept_elsewhere(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.forget()
    for authority in ("etcd/ca", "front-proxy-ca"):
        control_plane.path(f"/etc/kubernetes/pki/{authority}.key").unlink()
    assert init(control_plane).code == 0
    assert control_plane.lines("kubeadm", "pkill") == []


def test_a_process_that_is_down_is_left_to_the_kubelet_which_starts_it_with_its_new_certificate(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    control_plane.does("pgrep", "exit 1")
    control_plane.does("openssl", ALL_END)
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines("pkill") == []


def test_a_dns_that_somebody_has_scaled_to_nothing_gets_its_replicas_back(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("kubectl", f"{HAS_ITS_NODE}\n[[ $* != *availableReplicas}} ]] || printf '0 '")
    control_plane.forget()
    assert init(control_plane).code == 0
    scale = "kubectl --namespace kube-system scale deployment/coredns --replicas=2"
    assert control_plane.lines() == [HEALTH, READY, MAY_ALL, NODE, ADDONS, RECORDS, REPLICAS, scale]


def test_a_node_that_somebody_has_deleted_is_registered_and_marked_as_the_control_plane_anew(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    control_plane.does("kubectl", "")
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert "register this node anew" in result.said
    assert control_plane.lines() == [
        HEALTH,
        READY,
        MAY_ALL,
        NODE,
        REGISTERED,
        "systemctl restart kubelet",
        "kubectl wait --for=create --timeout=30s node/machine",
        MARK,
        ADDONS,
        RECORDS,
        REPLICAS,
    ]


def test_an_api_server_that_is_slow_to_answer_for_the_nodes_role_brings_no_taint_back(control_plane: Sandbox) -> None:
    init(control_plane)
    slow = '[[ "$1 $2" != "get nodes" || -e /mnt/asked ]] || { : >/mnt/asked; echo timeout >&2; exit 1; }'
    control_plane.does("kubectl", f"{slow}\n{HAS_ITS_NODE}")
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.calls("kubeadm") == []


def test_a_node_that_registered_before_its_restoration_was_stopped_is_marked_by_the_next_run(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    control_plane.does("kubectl", '[[ "$1 $2" != "get node" ]] || echo "node/$3"')
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines() == [HEALTH, READY, MAY_ALL, NODE, REGISTERED, MARK, ADDONS, RECORDS, REPLICAS]


def test_a_longer_time_limit_is_no_change_of_the_cluster(control_plane: Sandbox) -> None:
    init(control_plane)
    result = init(control_plane, configuration(timeoutFactor=4))
    assert result.code == 0, f"a failed join says: raise timeoutFactor. {result.said}"


def test_an_api_server_that_does_not_answer_fails_the_run_with_what_was_seen(control_plane: Sandbox) -> None:
    control_plane.does("kubectl", "echo 'connection refused' >&2; exit 1")
    result = init(control_plane, api_seconds="0")
    assert result.code == 1
    assert (
        "an answer of the API server (/readyz) did not come true in time. Last seen: connection refused." in result.said
    )
    assert not control_plane.path("/home/debian/.kube/config").exists()


def test_the_api_server_is_asked_with_the_administrators_kubeconfig(control_plane: Sandbox) -> None:
    init(control_plane)
    assert "\nKUBECONFIG=/etc/kubernetes/admin.conf\n" in control_plane.read("/mnt/environments")


def test_a_run_that_was_stopped_while_it_put_a_cluster_right_is_told_from_one_that_came_to_its_end(
    control_plane: Sandbox,
) -> None:
    """Pulumi does not repeat it: to replace a step is to keep the old one until the new one is there."""
    marker = control_plane.path("/var/lib/kubeadm-libvirt/unfinished")
    init(control_plane)
    control_plane.does("kubectl", f"[[ $* != *wait* ]] || {{ {STOP}; }}")
    assert init(control_plane).code == 1
    assert marker.exists()
    control_plane.does("kubectl", HAS_ITS_NODE)
    assert init(control_plane).code == 0
    assert not marker.exists()


def test_what_init_has_made_is_on_the_disk_before_the_record_that_vouches_for_it(control_plane: Sandbox) -> None:
    init(control_plane)
    order = control_plane.lines("kubeadm", "sync", "mv", "kubectl")
    assert order == [INIT, "sync", f"mv {SAVED}.new {SAVED}", READY, "sync"]


@pytest.mark.parametrize("lost", ["empty", "gone"])
def test_a_cluster_whose_record_a_power_cut_has_taken_is_kept(control_plane: Sandbox, lost: str) -> None:
    init(control_plane)
    control_plane.path(SAVED).unlink()
    if lost == "empty":
        control_plane.write(SAVED)
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert control_plane.lines("kubeadm") == [], "its workers would have joined a cluster that is no more"
    assert control_plane.read(SAVED) == configuration()


def test_the_kubeconfig_of_a_cluster_that_is_no_more_vouches_for_no_new_one(control_plane: Sandbox) -> None:
    control_plane.write("/home/debian/.kube/config", "of a cluster that was reset")
    control_plane.write("/mnt/breaks")
    assert init(control_plane).code == 1
    control_plane.path("/mnt/breaks").unlink()
    control_plane.forget()
    assert init(control_plane).code == 0
    assert control_plane.lines("kubeadm") == [RESET, INIT]


def asked_of(name: str) -> str:
    """An openssl that is the real one for what has this name in the machine's pki, and content with all else."""
    return f"[[ $* == */pki/{name}.* ]] || exit 0"


def pair(machine: Sandbox, name: str) -> str:
    """Makes a key and its certificate in the machine's pki, and returns the certificate."""
    key, certificate = (machine.path(f"/etc/kubernetes/pki/{name}.{kind}") for kind in ("key", "crt"))
    words = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-noenc",
        "-subj",
        f"/CN={name}",
    ]
    subprocess.run(["openssl", *words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate.read_text()


def test_the_public_half_of_the_service_accounts_key_is_written_anew(control_plane: Sandbox) -> None:
    """kubeadm does not miss it, and the API server cannot start without."""
    init(control_plane)
    pair(control_plane, "sa")
    key, public = (control_plane.path(f"/etc/kubernetes/pki/sa.{kind}") for kind in ("key", "pub"))
    public.unlink()
    control_plane.does("openssl", asked_of("sa"))
    result = init(control_plane)
    assert result.code == 0, result.said
    answer = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True, text=True)
    assert public.read_text() == answer.stdout


def test_the_authoritys_certificate_is_taken_from_a_kubeconfig_that_has_it(control_plane: Sandbox) -> None:
    init(control_plane)
    other, right = pair(control_plane, "ca"), pair(control_plane, "ca")
    for name, certificate in (("controller-manager", other), ("scheduler", right)):
        data = base64.b64encode(certificate.encode()).decode()
        control_plane.write(f"/etc/kubernetes/{name}.conf", f"    certificate-authority-data: {data}\n")
    control_plane.path("/etc/kubernetes/pki/ca.crt").unlink()
    control_plane.does("openssl", asked_of("ca"))
    result = init(control_plane)
    assert result.code == 0, result.said
    assert control_plane.read("/etc/kubernetes/pki/ca.crt") == right
    assert not control_plane.path("/etc/kubernetes/pki/ca.crt.new").exists()


def test_an_authoritys_certificate_that_nobody_has_is_lost(control_plane: Sandbox) -> None:
    init(control_plane)
    pair(control_plane, "ca")
    control_plane.path("/etc/kubernetes/pki/ca.crt").unlink()
    control_plane.does("openssl", asked_of("ca"))
    result = init(control_plane)
    assert result.code == 1
    assert "machine: the cluster is gone, for /etc/kubernetes/pki/ca.crt is missing" in result.said


KUBELETS = ("/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml")
OWN_CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
KUBELET_ANEW = f"""
case "$3" in
  kubeconfig) [[ -e {KUBELETS[0]} ]] || echo 'client-certificate-data: a2V5' >{KUBELETS[0]} ;;
  kubelet-start) echo >{KUBELETS[1]}; : >/mnt/whole ;;
esac
{DOES_INIT}
"""


@pytest.mark.parametrize("damage", ["empty kubeconfig", "empty configuration", "ended certificate", "ends"])
def test_a_kubelet_that_cannot_start_with_what_it_has_gets_it_anew(control_plane: Sandbox, damage: str) -> None:
    init(control_plane)
    control_plane.write(OWN_CERTIFICATE)
    control_plane.write(KUBELETS[0], f"client-certificate: {OWN_CERTIFICATE}\n")
    control_plane.does("kubeadm", KUBELET_ANEW)
    waits = []
    if damage.startswith("empty"):
        control_plane.write(KUBELETS[damage == "empty configuration"])
    elif damage == "ended certificate":
        control_plane.does("openssl", f"[[ $* != *{OWN_CERTIFICATE} ]]; exit")
    else:
        control_plane.does("curl", "[[ -e /mnt/whole ]]; exit")
        control_plane.does("systemctl", "echo >>/mnt/ends; [[ $1 != show ]] || /usr/bin/wc --lines </mnt/ends")
        waits = [HEALTH]
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert "take from the kubelet what it cannot start with" in result.said
    assert not control_plane.path(OWN_CERTIFICATE).exists(), "the kubelet would take it again"
    lines = [line for line in control_plane.lines() if not line.startswith("systemctl")]
    assert lines[: len(waits)] == waits
    while waits and lines[0] == HEALTH:
        lines.pop(0)
    assert lines == [*PHASES, KUBELET_START, READY, HEALTH, FINALIZE, MAY_ALL, NODE, ADDONS, RECORDS, REPLICAS]


def test_a_kubelet_that_is_only_slow_to_start_keeps_what_it_has(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.does("curl", "echo >>/mnt/asked; (( $(/usr/bin/wc --lines </mnt/asked) > 4 )); exit")
    control_plane.does("systemctl", "[[ $1 != show ]] || echo 7")
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    assert control_plane.calls("kubeadm") == []
    assert all(control_plane.path(file).exists() for file in KUBELETS)


def test_a_kubelet_that_was_stopped_or_hangs_is_started_after_its_container_runtime_before_it_is_judged(
    control_plane: Sandbox,
) -> None:
    init(control_plane)
    control_plane.does("curl", "[[ -e /mnt/started ]]; exit")
    control_plane.does(
        "systemctl", '[[ $* != "--quiet restart kubelet" ]] || : >/mnt/started; [[ $1 != show ]] || echo 7'
    )
    control_plane.forget()
    result = init(control_plane)
    assert result.code == 0, result.said
    started = [" ".join(call[1:]) for call in control_plane.calls("systemctl")]
    assert started[:2] == ["--quiet start containerd", "--quiet restart kubelet"]
    assert all(control_plane.path(file).exists() for file in KUBELETS)


def test_a_kubelets_files_are_not_taken_where_they_cannot_be_written_anew(control_plane: Sandbox) -> None:
    init(control_plane)
    control_plane.path("/etc/kubernetes/pki/ca.key").unlink()
    control_plane.write(KUBELETS[1])
    result = init(control_plane)
    assert result.code == 1
    assert "for /etc/kubernetes/pki/ca.key is missing" in result.said
    assert control_plane.path(KUBELETS[0]).exists()
