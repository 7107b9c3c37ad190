"""A worker joins through the control plane with a token that nobody else sees, and leaves before its machine goes."""

from __future__ import annotations

import time
from base64 import b64encode
from itertools import pairwise
from pathlib import Path

import pytest

from components import kubeadm
from components.nodes import control_planes, workers
from components.remote import script_text
from tests.configuration import make_settings
from tests.recording import TOKEN
from tests.sandbox import STOP, Result, Sandbox

CA_CRT = """-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIUZ8J3u3YM2sfKmVU63j6pcmEm/p4wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjQwMDQ2MjlaGA8yMTI2MTAz
MTAwNDYyOVowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABAOK86UjluHQVr4+WYFyJJuE/KRTHhGTbhTuEyvEAWqxcPITRx3K
+R5JvnOl5cRL013L7T1PyThmSqaiMLY6ExajUzBRMB0GA1UdDgQWBBSaD4KgpAPq
9pN+jAQeXpty9zK+PzAfBgNVHSMEGDAWgBSaD4KgpAPq9pN+jAQeXpty9zK+PzAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIF7Ufh5QcHP/BbUMtdJc
p4x5Cpwc6YNv7DfcRprX4Le5AiAN5ogxTbcm7GVsvo8Ed9JXWy2YYrbsDB8xy+Mn
v6I87Q==
-----END CERTIFICATE-----
"""
CA_CERT_HASH = "sha256:1e3a335b2f019d1f49ea20556b35242d71bc019db9df1298452ac6be85448659"  # openssl's, of its public key
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEworker"
DELETE_NODE = "kubectl delete node worker-1 --ignore-not-found"
DELETE_PODS = (
    "kubectl delete pods --all-namespaces --field-selector spec.nodeName=worker-1 --force --grace-period=0 --wait=false"
)
KUBELET_STATE = (
    "if sudo test -e /etc/kubernetes/kubelet.conf -a -e /var/lib/kubelet/config.yaml && "
    "systemctl --quiet is-active kubelet; then echo kubelet-runs; test ! -s /opt/cni/bin/flannel || echo ends-pods; fi"
)
DELETE = "kubectl --namespace kube-system delete secrets --ignore-not-found bootstrap-token-abcdef"
# Names and phases as in kubeadm 1.37.2: cmd/phases/init/bootstraptoken.go and uploadconfig.go, and what they call.
BY_BOOTSTRAP_TOKEN = [
    "configmap/cluster-info",
    "role/kubeadm:bootstrap-signer-clusterinfo",
    "rolebinding/kubeadm:bootstrap-signer-clusterinfo",
    "clusterrole/kubeadm:get-nodes",
    "clusterrolebinding/kubeadm:get-nodes",
    "clusterrolebinding/kubeadm:kubelet-bootstrap",
    "clusterrolebinding/kubeadm:node-autoapprove-bootstrap",
]
BY_UPLOAD_CONFIG = [
    "configmap/kubeadm-config",
    "configmap/kubelet-config",
    "role/kubeadm:nodes-kubeadm-config",
    "rolebinding/kubeadm:nodes-kubeadm-config",
    "role/kubeadm:kubelet-config",
    "rolebinding/kubeadm:kubelet-config",
]

# Looks, while the worker joins, whether the token lies anywhere on the control plane's disk.
DOES_SSH = r"""
for option in "$@"; do
  if [[ $option == UserKnownHostsFile=* ]]; then /usr/bin/cat "${option#*=}" >/mnt/known_hosts; fi
done
[[ ${!#} != "if sudo test -e "* ]] || { eval "${!#}"; exit; }
/usr/bin/cat >/mnt/sent
/usr/bin/grep --recursive --files-with-matches abcdef.0123 /etc /run /var /tmp /home >/mnt/leaks
[[ -e /mnt/join-fails ]] && { echo "worker-1: failed while: kubeadm join" >&2; exit 1; }
exit 0
"""

# A cluster with one token, from when it is minted to when it is deleted, and the worker's node if there is a /mnt/node.
DOES_KUBECTL = r"""
[[ -e /mnt/$1-fails ]] && { echo "connection refused" >&2; exit 1; }
case "$*" in
  "get node "*ready=*)
    [[ ! -e /mnt/late ]] || { /usr/bin/rm /mnt/late; echo "etcdserver: request timed out" >&2; exit 1; }
    [[ -e /mnt/not-ready ]] && printf ready=Unknown || printf ready=True
    [[ ! -e /mnt/cordoned ]] || printf ' cordoned=true' ;;
  "get node "*) [[ -e /mnt/node ]] && echo node/worker-1 ;;
  *" wait --for=jsonpath={.data.jws-kubeconfig-abcdef} "*) [[ ! -e /mnt/unsigned ]]; exit ;;
  *" get configmap/"*) for word in "$@"; do [[ $word != */* || -e /mnt/deleted/$word ]] || echo "$word"; done ;;
  *" annotate "*) /usr/bin/rm -f /mnt/unsigned ;;
  *" get secrets "*) [[ -e /mnt/minted ]] && printf bootstrap-token-abcdef ;;
  *" delete secrets "*)
    if [[ -e /mnt/slow ]]; then /usr/bin/rm /mnt/slow; echo "context deadline exceeded" >&2; exit 1; fi
    /usr/bin/rm /mnt/minted ;;
esac
exit 0
"""


@pytest.fixture
def control_plane(machine: Sandbox) -> Sandbox:
    """A control plane whose cluster does not know the worker yet."""
    machine.write("/etc/kubernetes/pki/ca.crt", CA_CRT)
    machine.write("/etc/kubernetes/admin.conf")
    machine.does("kubeadm", f"echo 'a warning' >&2; echo {TOKEN}; : >/mnt/minted; exit 0")
    machine.does("kubectl", DOES_KUBECTL)
    machine.does("ssh", DOES_SSH)
    machine.does("sudo", '"$@"; exit')
    return machine


def knows_the_worker(machine: Sandbox) -> None:
    """The cluster has a node of the worker's name, and the worker (the same sandbox) has joined it."""
    machine.write("/mnt/node")
    machine.write("/etc/kubernetes/kubelet.conf")
    machine.write("/var/lib/kubelet/config.yaml")
    machine.write("/opt/cni/bin/flannel", "a program")


def no_longer_a_node(machine: Sandbox, trouble: str) -> None:
    """The worker (the same sandbox) was reset, as a new one is, or is without a kubelet that runs."""
    if trouble == "reset":
        machine.path("/etc/kubernetes/kubelet.conf").unlink()
    else:
        machine.does("systemctl", "exit 3")


def inputs() -> dict[str, str]:
    """What the program sends."""
    settings = make_settings()
    return {
        "WORKER_NAME": "worker-1",
        "WORKER_ADDRESS": "10.17.3.21",
        "WORKER_HOST_KEY": HOST_KEY,
        "LOGIN_USER": "debian",
        "JOIN_SCRIPT": script_text("common.sh") + script_text("join-worker.sh"),
        "JOIN_CONFIGURATION": kubeadm.join_document(settings, control_planes(settings)[0], workers(settings)[0]),
        "TOKEN_MINUTES": "15",
        "REACH_SECONDS": "0",
        "API_SECONDS": "0",
        "REGISTER_SECONDS": "60",
        "DRAIN_SECONDS": "120",
    }


def join(machine: Sandbox) -> Result:
    """Runs the script as `up` does."""
    return machine.run("worker-membership.sh", inputs(), "worker-membership.sh")


def leave(machine: Sandbox) -> Result:
    """Runs the script as the removal of a worker does."""
    return machine.run("worker-membership.sh", inputs(), "worker-membership.sh", "leave")


def test_a_worker_joins_with_a_token_that_is_minted_for_it_and_deleted_after(control_plane: Sandbox) -> None:
    result = join(control_plane)
    assert result.code == 0, result.said
    assert result.output == f"{TOKEN}\n{CA_CERT_HASH}\n"
    # Whether cluster-info is signed is asked beside all that.
    order = [line for line in control_plane.lines("kubeadm", "ssh", "kubectl") if "cluster-info" not in line]
    assert order[-5] == "kubeadm token create --ttl 15m --description join of worker-1"
    assert order[-4].endswith(" debian@10.17.3.21 sudo timeout --kill-after=30 60 bash -s join-worker.sh")
    assert order[-3] == "kubectl wait --for=create --timeout=30s node/worker-1"
    assert order[-1] == DELETE
    assert not control_plane.path("/mnt/minted").exists()


def test_the_worker_joins_with_token_and_ca_filled_in(control_plane: Sandbox, tmp_path: Path) -> None:
    join(control_plane)
    worker = Sandbox(tmp_path / "worker")
    worker.does("kubeadm", '[[ $1 == join ]] && /usr/bin/cat "$3" >/mnt/configuration; exit')
    result = worker.shell(control_plane.read("/mnt/sent"), "join-worker.sh")
    assert result.code == 0, result.said
    assert worker.lines("kubeadm") == ["kubeadm join --config /run/kubeadm-join.yaml"]
    configuration = worker.read("/mnt/configuration")
    expected = inputs()["JOIN_CONFIGURATION"].replace("@TOKEN@", TOKEN).replace("@CA_CERT_HASH@", CA_CERT_HASH)
    assert configuration == expected
    assert TOKEN.split(".")[1] not in worker.visible_to_others()


@pytest.mark.parametrize("trouble", ["", "/mnt/join-fails"])
def test_the_token_is_seen_by_nobody_but_the_worker(control_plane: Sandbox, trouble: str) -> None:
    if trouble:
        control_plane.write(trouble)
    result = join(control_plane)
    secret = TOKEN.split(".")[1]
    assert secret in control_plane.read("/mnt/sent"), "the test looks for something that was never there"
    assert secret not in control_plane.visible_to_others(), "any process can read the arguments and environments"
    assert secret not in result.said, "standard error is shown by `pulumi up` and kept in CI's logs"
    assert control_plane.read("/mnt/leaks") == "", "it lay on the control plane's disk"
    assert not [name for name, content in control_plane.files().items() if secret.encode() in content]


def test_only_this_workers_tokens_are_deleted(control_plane: Sandbox) -> None:
    join(control_plane)
    (found,) = [line for line in control_plane.lines("kubectl") if " get secrets " in line]
    assert "--field-selector type=bootstrap.kubernetes.io/token" in found
    description = b64encode(b"join of worker-1").decode()
    assert found.endswith(f'jsonpath={{.items[?(@.data.description=="{description}")].metadata.name}}'), (
        "the other worker, which joins at the same time, would lose its token"
    )


def test_a_slow_api_server_is_asked_again_to_delete_the_token(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/slow")
    result = control_plane.run("worker-membership.sh", {**inputs(), "API_SECONDS": "30"})
    assert result.code == 0, result.said
    assert control_plane.lines("kubectl").count(DELETE) == 2
    assert not control_plane.path("/mnt/minted").exists(), "it would let anybody who has it join for minutes"


def test_a_token_that_cannot_be_deleted_fails_the_run(control_plane: Sandbox) -> None:
    control_plane.does("kubectl", f"[[ $* == *' delete secrets '* ]] && {{ echo no >&2; exit 1; }}; {DOES_KUBECTL}")
    result = join(control_plane)
    assert (result.code, result.output) == (1, "")
    assert "the deletion of worker-1's join token did not come true in time. Last seen: no." in result.said


def test_the_token_is_deleted_also_when_the_join_fails(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/join-fails")
    result = join(control_plane)
    assert result.code == 1
    assert result.output == ""
    assert "worker-1: failed while: kubeadm join\n" in result.said
    assert control_plane.lines("kubectl")[-1] == DELETE, "it would let anybody who has it join for minutes"


def test_the_token_is_deleted_also_when_the_script_is_stopped(control_plane: Sandbox) -> None:
    control_plane.does("ssh", f"[[ ${{!#}} == 'if sudo test '* ]] && exit 0; {STOP}")
    result = join(control_plane)
    assert result.code == 1
    assert "stopped after its limit of 60 s while: join worker-1." in result.said
    assert control_plane.lines("kubectl")[-1] == DELETE


def test_a_token_that_cannot_be_deleted_does_not_hide_why_the_join_failed(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/join-fails")
    control_plane.does("kubectl", f"[[ $* == *secrets* ]] && exit 1; {DOES_KUBECTL}")
    assert join(control_plane).said.endswith("machine: failed while: join worker-1\n")


def test_a_token_that_the_cluster_does_not_sign_is_pointed_out_to_it(control_plane: Sandbox) -> None:
    """The controller that signs tries once, and is refused for a while after the machine was paused for long."""
    control_plane.write("/mnt/unsigned")
    # As kubeadm join waits.
    control_plane.does(
        "ssh", f"[[ ${{!#}} == *join-worker.sh ]] && while [[ -e /mnt/unsigned ]]; do :; done; {DOES_SSH}"
    )
    assert join(control_plane).code == 0
    poked = [line for line in control_plane.lines("kubectl") if "annotate" in line]
    assert len(poked) == 1
    assert poked[0].startswith("kubectl --namespace kube-system annotate --overwrite secret bootstrap-token-abcdef ")


def test_what_lets_a_worker_join_is_looked_at_once_a_namespace(control_plane: Sandbox) -> None:
    assert join(control_plane).code == 0
    looked = [call for call in control_plane.calls("kubectl") if call[3:4] == ["get"] and "--ignore-not-found" in call]
    assert [call[2] for call in looked] == ["kube-public", "kube-system"], "each costs an emulated machine seconds"
    assert {word for call in looked for word in call if "/" in word} == set(BY_BOOTSTRAP_TOKEN + BY_UPLOAD_CONFIG)
    assert [line for line in control_plane.lines("kubeadm") if " phase " in line] == []


@pytest.mark.parametrize(
    ("deleted", "phase"),
    [
        *((each, "bootstrap-token") for each in BY_BOOTSTRAP_TOKEN),
        *((each, "upload-config all") for each in BY_UPLOAD_CONFIG),
    ],
)
def test_what_was_deleted_of_what_lets_a_worker_join_is_written_anew_before_it_joins(
    control_plane: Sandbox, deleted: str, phase: str
) -> None:
    """`kubeadm join` would wait for it until the script's limit, in every run."""
    control_plane.write(f"/mnt/deleted/{deleted}")
    result = join(control_plane)
    assert result.code == 0, result.said
    assert "write anew what lets a worker join" in result.said
    did = control_plane.lines("kubeadm")
    assert did[0] == f"kubeadm init phase {phase} --config /var/lib/kubeadm-libvirt/cluster.yaml"
    assert did[1].startswith("kubeadm token create")
    assert len(did) == 2


def test_the_token_that_kubeadm_makes_beside_what_it_writes_anew_is_not_shown(control_plane: Sandbox) -> None:
    """It insists on one, which lives a minute, and prints it."""
    control_plane.write(f"/mnt/deleted/{BY_BOOTSTRAP_TOKEN[0]}")
    control_plane.does(
        "kubeadm", f"echo Using token: {TOKEN}; [[ $1 == init ]] && {{ echo refused >&2; exit 1; }}; exit 0"
    )
    result = join(control_plane)
    assert result.code == 1
    assert "kubeadm init phase bootstrap-token did not come true in time. Last seen: refused." in result.said
    assert TOKEN.split(".")[1] not in result.said
    assert not control_plane.path("/mnt/sent").exists()


def test_nobody_waits_for_a_signature_when_the_join_has_failed(control_plane: Sandbox) -> None:
    control_plane.write("/mnt/unsigned")
    control_plane.write("/mnt/join-fails")
    control_plane.does("kubectl", f'[[ "$*" != *jsonpath=*jws* ]] || exec /usr/bin/sleep 30; {DOES_KUBECTL}')
    began = time.monotonic()
    assert join(control_plane).code == 1
    assert time.monotonic() - began < 20


def test_a_worker_that_is_lost_while_it_joins_is_named(control_plane: Sandbox) -> None:
    control_plane.does("ssh", "[[ ${!#} == 'if sudo test '* ]] && exit 0; exit 255")
    result = join(control_plane)
    assert result.code == 1
    assert "machine: worker-1 (10.17.3.21) stopped answering while it joined. Is it on? make up starts" in result.said


def test_a_worker_with_another_host_key_is_not_trusted(control_plane: Sandbox) -> None:
    join(control_plane)
    for call in control_plane.calls("ssh"):
        options = {option for flag, option in pairwise(call) if flag == "-o"}
        assert {"StrictHostKeyChecking=yes", "BatchMode=yes", "IdentitiesOnly=yes"} <= options
        assert [option for option in options if option.startswith("UserKnownHostsFile=/tmp/")]
        assert call[call.index("-i") + 1] == "/etc/ssh/ssh_host_ed25519_key", "the only key that the worker lets in"
    assert control_plane.read("/mnt/known_hosts") == f"10.17.3.21 {HOST_KEY}\n"
    assert list(control_plane.path("/tmp").iterdir()) == [], "a left-over known_hosts would be trusted by nobody"


def test_nothing_is_minted_before_the_worker_can_be_reached(control_plane: Sandbox) -> None:
    control_plane.does("ssh", "echo 'Host key verification failed.' >&2; exit 255")
    result = join(control_plane)
    assert result.code == 1
    assert (
        "an SSH login from the control plane to worker-1 (10.17.3.21) did not come true in time. "
        "Last seen: Host key verification failed.." in result.said
    )
    assert control_plane.calls("kubeadm") == []


def test_a_worker_that_the_cluster_knows_is_told_so(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    assert join(control_plane).code == 0
    assert "\nREGISTERED=yes\n" in control_plane.read("/mnt/sent")


def test_a_worker_that_never_had_flannel_keeps_its_node_when_its_join_is_repeated(control_plane: Sandbox) -> None:
    """Flannel comes after the join: a run that is stopped in between leaves such a worker."""
    knows_the_worker(control_plane)
    control_plane.path("/opt/cni/bin/flannel").unlink()
    assert join(control_plane).code == 0
    assert "\nREGISTERED=yes\n" in control_plane.read("/mnt/sent")
    assert DELETE_NODE not in control_plane.lines("kubectl")


@pytest.mark.parametrize("trouble", ["reset", "without a kubelet"])
def test_a_node_whose_machine_is_no_node_is_deleted_before_the_join(control_plane: Sandbox, trouble: str) -> None:
    """kubeadm refuses to join while the cluster has a Ready node of the name."""
    knows_the_worker(control_plane)
    no_longer_a_node(control_plane, trouble)
    result = join(control_plane)
    assert result.code == 0, result.said
    did = [line for line in control_plane.lines() if line in (DELETE_NODE, DELETE_PODS) or line.startswith("kubeadm")]
    assert did[:2] == [DELETE_NODE, DELETE_PODS]
    assert did[2].startswith("kubeadm token create")
    assert "\nREGISTERED=no\n" in control_plane.read("/mnt/sent")


def test_a_warning_of_kubectl_is_not_taken_for_the_node(control_plane: Sandbox) -> None:
    control_plane.does("kubectl", f"echo 'Warning: something is deprecated' >&2; {DOES_KUBECTL}")
    assert join(control_plane).code == 0
    assert "\nREGISTERED=no\n" in control_plane.read("/mnt/sent")


def test_an_api_server_that_does_not_answer_is_not_taken_for_a_missing_node(control_plane: Sandbox) -> None:
    control_plane.does("kubectl", "echo 'connection refused' >&2; exit 1")
    for result in (join(control_plane), leave(control_plane)):
        assert result.code == 1
        assert "connection refused" in result.said
    assert not control_plane.path("/mnt/sent").exists(), "the worker would take back its join, with its pods running"


def test_a_worker_that_leaves_is_drained_and_then_deleted(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    result = leave(control_plane)
    assert (result.code, result.output) == (0, ""), result.said
    assert control_plane.lines("kubectl")[-4:] == [
        "kubectl label --overwrite node worker-1 kubeadm-libvirt/drained=yes",
        "kubectl drain worker-1 --ignore-daemonsets --delete-emptydir-data --force --timeout=120s",
        DELETE_NODE,
        DELETE_PODS,
    ]
    assert control_plane.calls("kubeadm") == []
    asked = [call[-1] for call in control_plane.calls("ssh")]
    assert asked == [KUBELET_STATE], "nothing is done on a machine that goes"


def test_a_worker_that_somebody_has_cordoned_stays_so_should_its_drain_be_stopped(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    control_plane.write("/mnt/cordoned")
    assert leave(control_plane).code == 0
    assert [call[1] for call in control_plane.calls("kubectl")][-3:] == ["drain", "delete", "delete"]
    assert "label" not in [call[1] for call in control_plane.calls("kubectl")]


@pytest.mark.parametrize("trouble", ["off", "not Ready", "reset", "without a kubelet", "without flannel"])
def test_a_worker_that_cannot_say_that_its_pods_have_ended_is_not_waited_for(
    control_plane: Sandbox, trouble: str
) -> None:
    knows_the_worker(control_plane)
    if trouble == "off":
        control_plane.does("ssh", "echo 'No route to host' >&2; exit 255")
    elif trouble == "not Ready":
        control_plane.write("/mnt/not-ready")
    elif trouble == "without flannel":  # the kubelet cannot take a pod from the network, and tries for ever
        control_plane.path("/opt/cni/bin/flannel").unlink()
    else:
        no_longer_a_node(control_plane, trouble)
    result = leave(control_plane)
    assert result.code == 0, result.said
    assert (
        "go on without a drain: worker-1 does not answer, is not Ready, or has no kubelet that runs and can end pods"
        in result.said
    )
    assert [call for call in control_plane.calls("kubectl") if call[1] == "drain"] == []
    assert control_plane.lines("kubectl")[-2:] == [DELETE_NODE, DELETE_PODS]


def test_a_worker_that_cannot_be_drained_leaves_all_the_same(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    control_plane.write("/mnt/drain-fails")
    result = leave(control_plane)
    assert result.code == 0
    assert "go on, though the drain of worker-1 failed after" in result.said
    assert control_plane.lines()[-2:] == [DELETE_NODE, DELETE_PODS]


def test_pods_that_do_not_leave_in_time_are_told_from_a_drain_that_failed(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    control_plane.write("/mnt/drain-fails")
    late = {**inputs(), "DRAIN_SECONDS": "0"}
    result = control_plane.run("worker-membership.sh", late, "worker-membership.sh", "leave")
    assert result.code == 0
    assert "go on without the pods of worker-1 that did not leave within 0 s" in result.said


def test_one_late_answer_does_not_spare_a_worker_its_drain(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    control_plane.write("/mnt/late")
    patient = {**inputs(), "API_SECONDS": "30"}
    result = control_plane.run("worker-membership.sh", patient, "worker-membership.sh", "leave")
    assert result.code == 0, result.said
    assert "drain" in [call[1] for call in control_plane.calls("kubectl")]


def test_a_worker_that_cannot_be_deleted_fails_the_run(control_plane: Sandbox) -> None:
    knows_the_worker(control_plane)
    control_plane.write("/mnt/delete-fails")
    result = leave(control_plane)
    assert result.code == 1
    assert "the deletion of node worker-1 did not come true in time. Last seen: connection refused." in result.said


def test_a_control_plane_that_was_made_anew_has_nobody_who_could_leave(control_plane: Sandbox) -> None:
    control_plane.path("/etc/kubernetes/admin.conf").unlink()
    result = leave(control_plane)
    assert result.code == 0
    assert "worker-1 has nothing to leave: this control plane was made anew, and has no cluster yet" in result.said
    assert control_plane.calls() == [], "an API server that is yet to come would be waited for"


def test_a_worker_whose_node_is_gone_leaves_no_pods_behind(control_plane: Sandbox) -> None:
    """They would be taken for Ready, and get requests, until the cluster collects them a minute later."""
    result = leave(control_plane)
    assert result.code == 0, result.said
    assert [call[1] for call in control_plane.calls()] == ["get", "delete"]
    assert control_plane.lines()[-1] == DELETE_PODS
