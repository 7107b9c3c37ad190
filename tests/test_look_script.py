"""What look.sh says of a machine: each thing that is not as the program has left it."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.sandbox import Sandbox
from tests.test_script_init import FILES
from tools import look
from tools.diagnosis import UNFINISHED

SETTINGS, MODULES = "/etc/sysctl.d/99-kubernetes.conf", "/etc/modules-load.d/kubernetes.conf"
NODE_FILES = ("/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/config.yaml")
KUBECONFIG = "/home/debian/.kube/config"
RECORD = "/var/lib/kubeadm-libvirt/cluster.yaml"
CONTAINERD = "/etc/containerd/config.toml"
HELD = "kubeadm kubectl kubelet"


@pytest.fixture
def node(machine: Sandbox) -> Sandbox:
    """A control plane that is as `make up` has left it."""
    machine.write(SETTINGS, "net.ipv4.ip_forward = 1\nnet.bridge.bridge-nf-call-iptables = 1\n")
    machine.path("/etc/containerd/certs.d").mkdir(parents=True)
    for path in (RECORD, CONTAINERD, MODULES, "/etc/fstab", *NODE_FILES, "/var/lib/etcd/member", KUBECONFIG):
        machine.write(path, "\n")
    for component in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        machine.write(f"/etc/kubernetes/manifests/{component}.yaml", "\n")
    for file in FILES:
        machine.write(f"/etc/kubernetes/{file}", "\n")
    machine.does("systemctl", "[[ $1 == show ]] && echo 90000000 || echo active")
    machine.does("sysctl", "echo 1")
    machine.does("nproc", "echo 2")
    machine.does("openssl", "exit 0")
    machine.does("dpkg-query", f"printf '%s hold installed\\n' {HELD}")
    machine.does("timeout", "echo 'Node control-plane-1 True <none> <none> <none> <none>'")
    return machine


def said(node: Sandbox) -> list[str]:
    """The lines of look.sh, which must not have failed anywhere."""
    result = node.shell(f"SUDO_USER=debian\n{look.program()}")
    assert (result.code, result.said) == (0, "")
    return result.output.splitlines()


def changed(node: Sandbox) -> list[str]:
    return [line.removeprefix("changed ") for line in said(node) if line.startswith("changed ")]


def test_a_machine_that_is_as_it_was_left_has_nothing_changed(node: Sandbox) -> None:
    assert changed(node) == []
    assert {"containerd active", "kubelet active", "docker active", "joined yes", "cluster yes"} < set(said(node))


def test_a_machine_says_how_many_tasks_it_has_for_how_many_processors(node: Sandbox) -> None:
    assert "processors 2" in said(node)
    assert [line for line in said(node) if re.fullmatch(r"tasks [0-9]+\.[0-9]+", line)]


def test_a_look_changes_nothing(node: Sandbox) -> None:
    before = node.files()
    said(node)
    assert node.files() == before


BRIDGE = "6: cni0: <BROADCAST,UP,LOWER_UP>"
RULES = ":KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-NPX46M4PTMTKRN6Y"


def has_pods(node: Sandbox, bridge: str = BRIDGE, veth: str = "master cni0", rules: str = RULES) -> None:
    """A machine with a pod that is on the pod network, but for what a test takes away."""
    shown = f"*' cni0') echo '{bridge}' ;;\n*veth) echo '7: veth1@if2: <UP> {veth} state UP' ;;"
    node.does("ip", f'case "$*" in\n{shown}\nesac; exit')
    node.does("iptables-save", f"echo '{rules}'")


def lacks(node: Sandbox) -> list[str]:
    return [line.removeprefix("network ") for line in said(node) if line.startswith("network ")]


def test_pods_that_can_be_reached_lack_nothing(node: Sandbox) -> None:
    assert lacks(node) == [], "before there are pods"
    has_pods(node)
    assert lacks(node) == []


@pytest.mark.parametrize("bridge", ["", "6: cni0: <BROADCAST,MULTICAST>"])
def test_a_bridge_that_is_gone_or_down_under_its_pods_is_named(node: Sandbox, bridge: str) -> None:
    has_pods(node, bridge)
    assert lacks(node) == ["cni0 is gone or down"]


def test_a_container_of_docker_is_no_pod(node: Sandbox) -> None:
    has_pods(node, bridge="", veth="master docker0")
    assert lacks(node) == []


def test_chains_without_their_rules_are_named_and_another_proxys_are_not_missed(node: Sandbox) -> None:
    has_pods(node, rules=":KUBE-SERVICES - [0:0]")
    assert lacks(node) == ["kube-proxy's rules are gone"]
    has_pods(node, rules="")
    assert lacks(node) == []


def test_programs_of_packages_that_cannot_be_run_are_named(node: Sandbox) -> None:
    """A kubelet that runs does not miss its own before it is started again."""
    node.program_file("/var/usr/sbin/runc")
    listed = "/var/usr/bin /var/usr/bin/kubelet /var/usr/sbin/runc /var/systemd/system/kubelet.service /var/man/runc"
    node.does(
        "dpkg-query", f"[[ $1 == --listfiles ]] && printf '%s\\n' {listed} || printf '%s hold installed\\n' {HELD}"
    )
    assert changed(node) == ["of the packages' programs 2 cannot be run, among them /var/usr/bin/kubelet"]
    for file in ("/var/usr/bin/kubelet", "/var/systemd/system/kubelet.service"):
        node.program_file(file)
    assert changed(node) == []


def starts(node: Sandbox) -> list[str]:
    """What only a start of the machine brings back, also soon after the last one."""
    return [line.removeprefix("start ") for line in said(node) if line.startswith("start ")]


def test_a_file_without_which_no_pod_starts_is_missed_where_flannel_has_put_it(node: Sandbox) -> None:
    node.does("ip", '[[ $1 != route ]] || echo "10.244.0.0/24 via 10.244.0.0 onlink"')
    assert (starts(node), lacks(node)) == ([], [])
    node.write("/etc/cni/net.d/10-flannel.conflist", "{}")
    assert starts(node) == ["flannel's /opt/cni/bin/flannel is gone or empty"]
    assert lacks(node) == ["flannel's /run/flannel/subnet.env is gone or empty"]
    for file in ("/opt/cni/bin/flannel", "/run/flannel/subnet.env"):
        node.write(file, "is there")
    assert (starts(node), lacks(node)) == ([], [])


def test_a_device_of_flannel_without_its_routes_to_other_nodes_is_named(node: Sandbox) -> None:
    """A device that is gone flannel makes anew without them, and one that is down has none."""
    node.write("/run/flannel/subnet.env", "is there")
    assert lacks(node) == ["flannel.1 has no routes to other nodes"]
    node.does("ip", '[[ $* != "route show dev flannel.1" ]] || echo "10.244.0.0/24 via 10.244.0.0 onlink"')
    assert lacks(node) == []


def test_a_disk_that_the_kernel_has_made_read_only_is_named(node: Sandbox) -> None:
    node.does("findmnt", "echo rw,relatime,errors=remount-ro")
    assert starts(node) == []
    node.does("findmnt", "echo ro,relatime,errors=remount-ro")
    assert starts(node) == ["its disk is read-only"]


def test_what_the_next_start_does_not_start_is_said(node: Sandbox) -> None:
    states = "show*) echo 90000000 ;;\n'is-enabled docker') echo masked ;;\n*) echo active ;;"
    node.does("systemctl", f'case "$*" in\n{states}\nesac')
    assert {"start-of-kubelet active", "start-of-docker masked"} <= set(said(node))


# By the clock of the host that the test runs on, which may itself have been up for less.
@pytest.mark.parametrize(("seconds", "named"), [(7200, ["kube-scheduler does not run"]), (0, [])])
def test_a_component_that_does_not_run_though_the_kubelet_had_time_to_start_it_is_named(
    node: Sandbox, seconds: int, named: list[str]
) -> None:
    since = f"$((($(/usr/bin/cut --delimiter=. --fields=1 /proc/uptime) - {seconds}) * 1000000))"
    node.does("systemctl", f"[[ $1 == show ]] && echo {since} || echo active")
    node.does("pgrep", "[[ $* != *kube-scheduler ]]; exit")
    assert changed(node) == named


def test_a_lost_record_of_the_cluster_is_named(node: Sandbox) -> None:
    node.write(RECORD)
    assert changed(node) == ["the record of what the cluster was made with is gone or empty"]


def test_an_api_server_that_forbids_its_administrator_everything_is_told_from_one_that_does_not_answer(
    node: Sandbox,
) -> None:
    node.does("timeout", "echo 'Error from server (Forbidden): nodes is forbidden' >&2; exit 1")
    assert "api forbids" in said(node)
    node.does("timeout", "echo 'Unable to connect to the server' >&2; exit 1")
    assert "api forbids" not in said(node)


@pytest.mark.parametrize("file", [SETTINGS, MODULES, CONTAINERD])
def test_a_file_that_the_next_start_needs_is_missed(node: Sandbox, file: str) -> None:
    node.write(file)
    assert changed(node) == [f"{file} is gone or empty"]
    node.path(file).unlink()
    assert changed(node) == [f"{file} is gone or empty"]


def test_a_kernel_setting_with_another_value_is_named(node: Sandbox) -> None:
    node.does("sysctl", "[[ $2 == *iptables ]] && echo 0 || echo 1")
    assert changed(node) == ["net.bridge.bridge-nf-call-iptables is not 1"]


@pytest.mark.parametrize("file", ["pki/front-proxy-client.crt", "pki/etcd/server.crt"])
def test_a_certificate_that_ends_soon_is_named(node: Sandbox, file: str) -> None:
    node.does("openssl", f"[[ $* != *{file} ]]; exit")
    assert changed(node) == [f"these certificates are damaged or end within 60 days: {file}"]


def test_a_kubeconfig_whose_certificate_ends_soon_is_named(node: Sandbox) -> None:
    node.write("/etc/kubernetes/scheduler.conf", "    client-certificate-data: ZW5kcw==\n")
    node.does("openssl", '[[ $* == *-in* || $(cat) != "ends" ]]; exit')
    assert changed(node) == ["these certificates are damaged or end within 60 days: scheduler.conf"]


def test_no_authority_and_no_key_is_asked_when_it_ends(node: Sandbox) -> None:
    node.does("openssl", "[[ $* != *ca.crt && $* != *.key ]]; exit")
    assert changed(node) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/swap none swap sw 0 0", ["swap comes back at the next start"]),
        ("# /swap none swap sw 0 0", []),
        ("PARTUUID=1 / ext4 rw 0 1", []),
    ],
)
def test_swap_that_the_next_start_would_bring_back_is_seen(node: Sandbox, line: str, expected: list[str]) -> None:
    node.write("/etc/fstab", f"{line}\n")
    assert changed(node) == expected


@pytest.mark.parametrize("state", ["kubelet install installed", "kubelet deinstall config-files", ""])
def test_a_package_that_is_not_held_is_named(node: Sandbox, state: str) -> None:
    node.does("dpkg-query", f"printf '%s\\n' 'kubeadm hold installed' 'kubectl hold installed' '{state}'")
    assert changed(node) == ["kubelet is not held at its version"]


def test_a_kubeconfig_that_the_login_user_has_lost_is_missed_on_a_control_plane_only(node: Sandbox) -> None:
    node.path(KUBECONFIG).unlink()
    assert changed(node) == ["debian has no kubeconfig"]
    shutil.rmtree(node.path("/var/lib/etcd"))
    shutil.rmtree(node.path("/etc/kubernetes"))
    assert changed(node) == []


@pytest.mark.parametrize("lost", NODE_FILES)
def test_a_kubelet_without_its_files_is_no_node_though_it_runs(node: Sandbox, lost: str) -> None:
    node.path(lost).unlink()
    assert {"joined no", "kubelet active"} < set(said(node))


CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"


@pytest.mark.parametrize("damaged", NODE_FILES)
def test_a_file_that_a_power_cut_has_emptied_makes_no_node(node: Sandbox, damaged: str) -> None:
    node.write(damaged)
    assert "joined damaged" in said(node)


def test_a_kubelet_whose_certificate_has_ended_makes_no_node(node: Sandbox) -> None:
    node.write(NODE_FILES[0], f"    client-certificate: {CERTIFICATE}\n")
    assert "joined yes" in said(node)
    node.does("openssl", f"[[ $* != *'-checkend 0 -noout -in {CERTIFICATE}' ]]; exit")
    assert "joined damaged" in said(node)


def test_a_machine_says_how_often_its_kubelet_was_started_again(node: Sandbox) -> None:
    node.does("systemctl", "[[ $* != *NRestarts* ]] || echo 14; exit")
    assert "kubelet-restarts 14" in said(node)


def test_a_run_that_was_stopped_while_it_put_the_control_plane_right_is_named(node: Sandbox) -> None:
    node.write("/var/lib/kubeadm-libvirt/unfinished")
    assert changed(node) == [UNFINISHED]


@pytest.mark.parametrize("file", ["manifests/kube-scheduler.yaml", *sorted(set(FILES) - {"kubelet.conf"})])
def test_a_file_of_the_control_plane_that_is_gone_is_named(node: Sandbox, file: str) -> None:
    node.path(f"/etc/kubernetes/{file}").unlink()
    assert changed(node) == [f"/etc/kubernetes/{file} is gone or empty"]


@pytest.mark.parametrize(
    ("gone", "cluster"),
    [
        (["/var/lib/etcd/member"], "no"),
        (["/var/lib/etcd/member", "/etc/kubernetes/manifests/etcd.yaml"], "yes"),
        (["/etc/kubernetes/manifests/etcd.yaml", "/etc/kubernetes/kubelet.conf"], "yes"),
        (["/var/lib/etcd/member", "/etc/kubernetes/manifests/etcd.yaml", "/etc/kubernetes/kubelet.conf"], "no"),
    ],
)
def test_a_cluster_is_gone_where_etcds_data_is_neither_here_nor_elsewhere(
    node: Sandbox, gone: list[str], cluster: str
) -> None:
    for file in gone:
        node.path(file).unlink()
    assert f"cluster {cluster}" in said(node)


def test_etcds_data_may_lie_where_its_manifest_says_as_after_a_restore_from_a_backup(node: Sandbox) -> None:
    node.path("/var/lib/etcd/member").unlink()
    node.write("/var/lib/etcd-restored/member")
    node.write("/etc/kubernetes/manifests/etcd.yaml", "  volumes:\n  - hostPath:\n      path: /var/lib/etcd-restored\n")
    assert "cluster yes" in said(node)
