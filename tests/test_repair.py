"""What `make up` makes anew because of what it sees on the machines."""

from __future__ import annotations

import io
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.configuration import make_settings
from tools import repair
from tools.diagnosis import UNFINISHED, gone, silent, stillborn, unanswered, unwell
from tools.look import findings, full, overloaded
from tools.refusals import refuse_barred, refuse_locked, refuse_strangers
from tools.repair import asked_for, lost
from tools.seen import Seen
from tools.stack_resources import Stack

NODES = ["control-plane-1", "worker-1", "worker-2"]
PARTS = ["disk", "made", "seed", "domain", "prepare", "host-key"]
CONTROL_PLANE_STEPS = {f"k8s-control-plane-1-{step}" for step in ("prepare", "init", "kubeconfig")}
CHECKS = {"nodes-ready-check", "cluster-dns-check"}


def secret(value: str) -> dict[str, str]:
    """A secret as an export shows it."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}


def exported(
    *, without: tuple[str, ...] = (), off: tuple[str, ...] = (), since: str = "2026-11-27T04:11:53.0021473Z"
) -> dict[str, Any]:
    """A deployment as `pulumi stack export --show-secrets` prints it, all of it made at the same time."""
    names = [f"k8s-{node}-{part}" for node in NODES for part in PARTS]
    names += [
        "cluster",
        "k8s-login-key",
        "k8s-control-plane-1-init",
        "k8s-control-plane-1-kubeconfig",
        "k8s-worker-1-join",
        "k8s-worker-2-join",
        *CHECKS,
    ]
    nodes = [{"name": node, "address": f"10.17.3.{number}"} for number, node in enumerate(NODES)]
    stack = {"nodes": nodes, "ssh_private_key": secret("KEY"), "web_url": "http://10.17.3.22:30080"}
    resources: list[dict[str, Any]] = [
        {"urn": "urn::stack", "type": "pulumi:pulumi:Stack", "custom": False, "outputs": stack}
    ]
    resources += [
        {
            "urn": f"urn::{name}",
            "type": "a:b:C",
            "custom": True,
            "created": since,
            "outputs": {"running": name not in off, "stdout": secret(f"KEY\nssh-ed25519 {name}")},
        }
        for name in names
        if name not in without
    ]
    return {"version": 3, "deployment": {"resources": resources}}


def stack(**changes: Any) -> Stack:
    return Stack.of(exported(**changes))


def repair_of(deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs the whole tool on an exported deployment."""
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(deployment)))
    monkeypatch.setattr(repair, "load", lambda _: make_settings())
    repair.main("Pulumi.lab.yaml")


def well(**changed: str) -> Seen:
    """What a machine says that lacks nothing."""
    values = {"containerd": "active", "kubelet": "active", "docker": "active", "swap": "0", "disk": "31"}
    values |= {"clock": str(int(time.time())), "joined": "yes", "kubelet-seconds": "40", **changed}
    return Seen(lines=tuple(values.items()), clock=time.time())


NONE = "<none>"
ADDONS = {
    "deployment/coredns": ("Deployment", "coredns", NONE, "2", NONE, "2", NONE),
    "daemonset/kube-proxy": ("DaemonSet", "kube-proxy", NONE, NONE, NONE, NONE, NONE),
    "service/kube-dns": ("Service", "kube-dns", NONE, NONE, NONE, NONE, NONE),
    **{
        f"configmap/{name}": ("ConfigMap", name, NONE, NONE, NONE, NONE, NONE)
        for name in ("coredns", "kube-proxy", "kubeadm-config", "kubelet-config")
    },
}


def control_plane(nodes: dict[str, str] | None = None, *, without: str = "") -> Seen:
    """What a control plane says of these nodes, or that its API server is down."""
    own: list[tuple[str, ...]] = []
    if nodes is not None:
        own = [("Node", name, ready, NONE, NONE, NONE, NONE) for name, ready in nodes.items()]
        own += [each for name, each in ADDONS.items() if name != without]
    return Seen(lines=(*well(cluster="yes").lines, *own), clock=time.time())


def everything(**changed: Seen) -> dict[str, Seen]:
    """All machines well, but for some."""
    seen = {"control-plane-1": control_plane(dict.fromkeys(NODES, "True")), "worker-1": well(), "worker-2": well()}
    return seen | {name.replace("_", "-"): each for name, each in changed.items()}


def test_nothing_is_made_anew_where_all_is_well() -> None:
    assert unwell(stack(), make_settings(), everything()) == {}
    assert lost(stack()) == {}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"kubelet": "inactive"}, "kubelet is inactive"),
        ({"containerd": "failed"}, "containerd is failed"),
        ({"docker": "inactive"}, "docker is inactive"),
        ({"swap": "1"}, "swap is on"),
        ({"clock": "1000000000"}, "its clock is -"),
    ],
)
def test_a_machine_that_somebody_has_changed_is_prepared_again_and_all_is_checked(
    changed: dict[str, str], word: str
) -> None:
    anew = unwell(stack(), make_settings(), everything(worker_1=well(**changed)))
    assert set(anew) == {"k8s-worker-1-prepare", *CHECKS}
    assert anew["k8s-worker-1-prepare"].startswith(f"worker-1: {word}")


@pytest.mark.parametrize("lost", ["net.ipv4.ip_forward is not 1", "kubelet is not held at its version"])
def test_what_a_machine_says_is_changed_is_said_to_the_user_and_prepared_again(lost: str) -> None:
    seen = Seen(lines=(*well().lines, ("changed", *lost.split())), clock=time.time())
    anew = unwell(stack(), make_settings(), everything(worker_2=seen))
    assert anew == {
        "k8s-worker-2-prepare": f"worker-2: {lost}; it is prepared again",
        **dict.fromkeys(CHECKS, "All is checked again after the repair"),
    }


def test_docker_is_missed_only_where_the_configuration_wants_it() -> None:
    seen = everything(worker_1=well(docker="inactive"))
    assert unwell(stack(), make_settings(containerRuntime="containerd"), seen) == {}


def test_a_node_that_is_not_ready_is_prepared_again_and_keeps_its_place_in_the_cluster() -> None:
    nodes = {"control-plane-1": "True", "worker-1": "Unknown", "worker-2": "True"}
    anew = unwell(stack(), make_settings(), everything(control_plane_1=control_plane(nodes)))
    assert set(anew) == {"k8s-worker-1-prepare", *CHECKS}
    assert "its node is not Ready" in anew["k8s-worker-1-prepare"]


@pytest.mark.parametrize("name", NODES)
def test_a_machine_that_its_kubelet_does_not_get_ready_in_minutes_is_started_anew(name: str) -> None:
    cluster = control_plane({**dict.fromkeys(NODES, "True"), name: "False"})
    for_long = [("kubelet-seconds", "301"), *(line for line in well().lines if line[0] != "kubelet-seconds")]
    seen = everything(control_plane_1=cluster)
    seen[name] = Seen(lines=(*for_long, *(line for line in seen[name].lines if len(line) > 2)), clock=time.time())
    anew = unwell(stack(), make_settings(), seen)
    assert set(anew) == {f"k8s-{name}-domain", *CHECKS}
    assert anew[f"k8s-{name}-domain"] == (
        f"{name}: its node is not Ready, though its kubelet runs; it is started anew around its disk"
    )


def test_a_control_plane_that_hangs_is_started_anew_though_a_run_was_stopped_while_it_put_it_right() -> None:
    nodes = dict.fromkeys(NODES, "True") | {"control-plane-1": "Unknown"}
    hangs = Seen(
        lines=(
            *(line for line in control_plane(nodes).lines if line[0] != "kubelet-seconds"),
            ("kubelet-seconds", "900"),
            ("changed", *UNFINISHED.split()),
        ),
        clock=time.time(),
    )
    anew = unwell(stack(), make_settings(), everything(control_plane_1=hangs))
    assert set(anew) == {"k8s-control-plane-1-domain", *CHECKS}


@pytest.mark.parametrize("ready", ["False", None])
def test_the_control_planes_own_node_is_looked_at_like_the_others(ready: str | None) -> None:
    nodes = {"worker-1": "True", "worker-2": "True"} | ({} if ready is None else {"control-plane-1": ready})
    anew = unwell(stack(), make_settings(), everything(control_plane_1=control_plane(nodes)))
    assert set(anew) == {*CONTROL_PLANE_STEPS, *CHECKS}
    assert ("its node is not Ready" if ready else "its node is not in the cluster") in anew["k8s-control-plane-1-init"]


def test_a_worker_that_the_cluster_has_forgotten_joins_again() -> None:
    nodes = {"control-plane-1": "True", "worker-2": "True"}
    anew = unwell(stack(), make_settings(), everything(control_plane_1=control_plane(nodes)))
    assert set(anew) == {"k8s-worker-1-prepare", "k8s-worker-1-join", *CHECKS}


def test_a_worker_that_has_forgotten_the_cluster_joins_again() -> None:
    for kubelet in ("activating", "active"):
        anew = unwell(stack(), make_settings(), everything(worker_2=well(kubelet=kubelet, joined="no")))
        assert set(anew) == {"k8s-worker-2-prepare", "k8s-worker-2-join", *CHECKS}


def ending(restarts: str = "12", seconds: str = "8", **changed: str) -> Seen:
    """A machine whose kubelet systemd has started again so often, the last time some seconds ago."""
    return well(**{"kubelet-restarts": restarts, "kubelet-seconds": seconds, **changed})


@pytest.mark.parametrize("kubelet", ["active", "activating"])
def test_a_worker_whose_kubelet_ends_again_and_again_joins_again(kubelet: str) -> None:
    anew = unwell(stack(), make_settings(), everything(worker_1=ending(kubelet=kubelet)))
    assert set(anew) == {"k8s-worker-1-prepare", "k8s-worker-1-join", *CHECKS}
    assert "its kubelet has ended 12 times and does not stay up" in anew["k8s-worker-1-join"]


@pytest.mark.parametrize(
    "why", [{"containerd": "inactive"}, {"swap": "1"}, {"restarts": "5", "kubelet": "activating"}], ids=str
)
def test_a_kubelet_that_what_it_stands_on_keeps_from_running_keeps_its_place(why: dict[str, str]) -> None:
    anew = unwell(stack(), make_settings(), everything(worker_1=ending(**why)))
    assert set(anew) == {"k8s-worker-1-prepare", *CHECKS}


def test_a_kubelet_that_has_come_to_rest_is_well_however_often_it_ended_before() -> None:
    assert unwell(stack(), make_settings(), everything(worker_1=ending("360", seconds="600"))) == {}


def test_a_control_plane_whose_kubelet_ends_again_and_again_is_put_right() -> None:
    cluster = control_plane(dict.fromkeys(NODES, "True"))
    lines = [line for line in cluster.lines if line[0] != "kubelet-seconds"]
    seen = Seen(lines=(("kubelet-restarts", "12"), ("kubelet-seconds", "8"), *lines), clock=cluster.clock)
    assert set(unwell(stack(), make_settings(), everything(control_plane_1=seen))) == {*CONTROL_PLANE_STEPS, *CHECKS}


def test_a_worker_whose_files_are_damaged_joins_again_and_keeps_its_disk() -> None:
    seen = everything(worker_2=well(joined="damaged", **{"first-boot": "error"}))
    assert set(unwell(stack(), make_settings(), seen)) == {"k8s-worker-2-prepare", "k8s-worker-2-join", *CHECKS}
    assert stillborn(stack(), "k8s", seen) == {}


def test_an_api_server_that_is_down_is_waited_for_on_the_control_plane_and_accuses_no_worker() -> None:
    anew = unwell(stack(), make_settings(), everything(control_plane_1=control_plane(None)))
    assert set(anew) == {*CONTROL_PLANE_STEPS, *CHECKS}


@pytest.mark.parametrize("addon", list(ADDONS))
def test_an_addon_that_somebody_has_deleted_is_written_anew_by_kubeadm(addon: str) -> None:
    anew = unwell(
        stack(), make_settings(), everything(control_plane_1=control_plane(dict.fromkeys(NODES, "True"), without=addon))
    )
    assert set(anew) == {*CONTROL_PLANE_STEPS, *CHECKS}
    assert f"{addon} is not in the cluster" in anew["k8s-control-plane-1-init"]


def test_a_dns_without_a_pod_is_asked_for_an_answer() -> None:
    seen = control_plane(dict.fromkeys(NODES, "True"), without="deployment/coredns")
    idle = Seen(lines=(*seen.lines, ("Deployment", "coredns", NONE, NONE, NONE, "2", NONE)), clock=seen.clock)
    assert set(unwell(stack(), make_settings(), everything(control_plane_1=idle))) == CHECKS
    others = ("Deployment", "metrics-server", NONE, NONE, NONE, "1", NONE)
    seen = control_plane(dict.fromkeys(NODES, "True"))
    theirs = Seen(lines=(*seen.lines, others), clock=seen.clock)
    assert unwell(stack(), make_settings(), everything(control_plane_1=theirs)) == {}, (
        "what others have installed is theirs"
    )


def test_a_dns_that_somebody_has_scaled_to_nothing_is_scaled_back() -> None:
    seen = control_plane(dict.fromkeys(NODES, "True"), without="deployment/coredns")
    none = Seen(lines=(*seen.lines, ("Deployment", "coredns", NONE, NONE, NONE, "0", NONE)), clock=seen.clock)
    anew = unwell(stack(), make_settings(), everything(control_plane_1=none))
    assert set(anew) == {*CONTROL_PLANE_STEPS, *CHECKS}
    assert "coredns is scaled to nothing" in anew["k8s-control-plane-1-init"]


def test_a_control_plane_without_etcds_data_becomes_a_new_machine() -> None:
    lines = (*well(kubelet="inactive", joined="no").lines, ("cluster", "no"))
    seen = everything(control_plane_1=Seen(lines=lines, clock=time.time()))
    assert set(gone(stack(), "k8s", seen)) == {"k8s-control-plane-1-disk"}
    assert gone(stack(), "k8s", everything()) == {}
    assert gone(stack(), "k8s", everything(control_plane_1=Seen())) == {}, "one that is silent may have everything yet"


def test_a_machine_whose_pods_cannot_be_reached_is_started_anew_once_it_has_had_its_time() -> None:
    gone = ("network", "cni0", "is", "gone", "or", "down")
    for seconds, expected in (("900", {"k8s-worker-1-domain", *CHECKS}), ("40", set())):
        lines = tuple(line for line in well().lines if line[0] != "kubelet-seconds")
        seen = Seen(lines=(*lines, ("kubelet-seconds", seconds), gone), clock=time.time())
        anew = unwell(stack(), make_settings(), everything(worker_1=seen))
        assert set(anew) == expected
        if expected:
            reason = "worker-1: cni0 is gone or down; it is started anew around its disk"
            assert anew["k8s-worker-1-domain"] == reason


def node(name: str, *, cordoned: bool = False, drained: bool = False) -> tuple[str, ...]:
    """What a control plane says of a node that is Ready."""
    return ("Node", name, "True", NONE, "true" if cordoned else NONE, NONE, "yes" if drained else NONE)


def test_a_cordoned_node_is_told_from_the_others() -> None:
    lines = (node("worker-1", cordoned=True), node("worker-2"), node("worker-3", cordoned=True, drained=True))
    assert Seen(lines=lines).cordoned == ["worker-1"]


def test_a_drain_that_was_stopped_half_way_is_ended_by_the_check_of_the_nodes() -> None:
    seen = control_plane(dict.fromkeys(NODES[:2], "True"))
    stopped = Seen(lines=(*seen.lines, node("worker-2", cordoned=True, drained=True)), clock=seen.clock)
    reason = "worker-2: a drain was stopped half-way; pods may go there again"
    assert unwell(stack(), make_settings(), everything(control_plane_1=stopped)) == dict.fromkeys(CHECKS, reason)


def test_a_node_that_was_about_to_leave_may_be_half_drained() -> None:
    seen = control_plane(dict.fromkeys(NODES, "True"))
    leaving = Seen(lines=(*seen.lines, node("worker-3", cordoned=True, drained=True)), clock=seen.clock)
    assert unwell(stack(), make_settings(), everything(control_plane_1=leaving)) == {}


def test_a_machine_that_does_not_answer_is_started_anew_around_its_disk() -> None:
    anew = unwell(stack(), make_settings(), everything(worker_1=Seen()))
    assert set(anew) == {"k8s-worker-1-domain", *CHECKS}
    assert "it does not answer over SSH" in anew["k8s-worker-1-domain"]


def test_a_machine_without_a_disk_becomes_a_new_one() -> None:
    assert set(lost(stack(without=("k8s-worker-1-disk",)))) == {"k8s-worker-1-made", "k8s-worker-1-domain"}
    assert set(lost(stack(without=("k8s-worker-1-disk", "k8s-worker-1-domain")))) == {"k8s-worker-1-made"}


def test_only_a_cluster_that_was_finished_is_looked_at() -> None:
    assert stack().finished
    assert not stack(without=("nodes-ready-check",)).finished
    assert not Stack.of({"version": 3, "deployment": None}).finished


@pytest.mark.parametrize("seen", [{}, everything(control_plane_1=control_plane()), everything(control_plane_1=Seen())])
def test_an_unfinished_run_waits_for_the_control_plane_that_was_off_or_does_not_answer(seen: dict[str, Seen]) -> None:
    half = stack(without=("nodes-ready-check",))
    assert set(unanswered(half, make_settings(), seen)) == CONTROL_PLANE_STEPS - {"k8s-control-plane-1-prepare"}


def test_a_machine_that_an_unfinished_run_had_prepared_and_that_hangs_is_started_anew_around_its_disk() -> None:
    half = stack(without=("nodes-ready-check",))
    anew = silent(half, make_settings(), everything(worker_1=Seen()))
    assert set(anew) == {"k8s-worker-1-domain"}
    assert "it does not answer over SSH" in anew["k8s-worker-1-domain"]


def test_a_machine_that_has_been_silent_since_it_was_made_becomes_a_new_one() -> None:
    """As one whose network was stopped while it booted, which no later login would reach."""
    unprepared = stack(without=("k8s-worker-1-prepare", "nodes-ready-check"))
    anew = silent(unprepared, make_settings(), everything(worker_1=Seen()))
    assert set(anew) == {"k8s-worker-1-disk"}
    assert "has not answered over SSH since it was made" in anew["k8s-worker-1-disk"]


def test_a_machine_that_may_still_be_at_its_first_boot_is_left_to_it() -> None:
    now = datetime.now(UTC)
    for minutes, factor in ((4, 1), (14, 8)):
        since = (now - timedelta(minutes=minutes)).isoformat()
        booting = stack(without=("k8s-worker-1-prepare", "nodes-ready-check"), since=since)
        assert silent(booting, make_settings(timeoutFactor=factor), everything(worker_1=Seen())) == {}


def test_a_machine_that_answers_or_is_not_asked_or_that_a_stranger_answers_for_is_not_silent() -> None:
    half = stack(without=("nodes-ready-check",))
    assert silent(half, make_settings(), everything()) == {}
    assert silent(half, make_settings(), {}) == {}
    for answer in (Seen(stranger=True), Seen(locked=True), Seen(barred="nothing")):
        assert silent(half, make_settings(), everything(worker_1=answer)) == {}


def test_an_unfinished_run_starts_the_machine_anew_that_hangs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(repair, "look", lambda *_, **__: everything(worker_1=Seen()))
    repair_of(exported(without=("nodes-ready-check",)), monkeypatch)
    assert capsys.readouterr().out.split() == ["urn::k8s-worker-1-domain"]


def test_an_unfinished_run_waits_for_the_control_plane_where_all_machines_are_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    off = tuple(f"k8s-{node}-domain" for node in NODES)
    repair_of(exported(without=("nodes-ready-check",), off=off), monkeypatch)
    assert capsys.readouterr().out.split() == [f"urn::k8s-control-plane-1-{step}" for step in ("init", "kubeconfig")]


def test_an_unfinished_run_goes_on_at_once_where_the_api_server_answers_or_was_not_made_yet() -> None:
    half = stack(without=("nodes-ready-check",))
    assert unanswered(half, make_settings(), everything()) == {}
    unmade = stack(without=("k8s-control-plane-1-init", "k8s-control-plane-1-kubeconfig", *CHECKS))
    assert unanswered(unmade, make_settings(), everything(control_plane_1=control_plane())) == {}


def test_a_machine_that_is_off_is_not_asked() -> None:
    nodes = stack(off=("k8s-worker-1-domain",)).powered(make_settings())
    assert [node["name"] for node in nodes] == ["control-plane-1", "worker-2"]
    assert nodes[1] == {"name": "worker-2", "address": "10.17.3.22", "host_key": "ssh-ed25519 k8s-worker-2-host-key"}


def test_a_worker_that_is_only_wanted_yet_is_not_asked() -> None:
    assert len(stack().nodes(make_settings(workers=3))) == 3
    assert len(stack().nodes(make_settings(workers=1))) == 2, "a worker that goes need not be well"


def test_a_machine_is_replaced_where_the_user_asks_for_it() -> None:
    for name in ("worker-1", "k8s-worker-1"):
        assert set(asked_for(stack(), [name])) == {"k8s-worker-1-disk"}


@pytest.mark.parametrize("wanted", ["worker-3", "plane-1", "1", "orker-1"])
def test_a_machine_that_is_not_there_cannot_be_replaced_nor_one_that_half_a_name_would_fit(wanted: str) -> None:
    with pytest.raises(SystemExit) as refusal:
        asked_for(stack(), [wanted])
    assert str(refusal.value) == (
        f"REPLACE: there is no machine {wanted}; there are: k8s-control-plane-1, k8s-worker-1, k8s-worker-2"
    )


def test_a_machine_without_a_disk_is_replaced_with_what_is_left_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    off = tuple(f"k8s-{node}-domain" for node in NODES)
    monkeypatch.setenv("REPLACE", "worker-1")
    repair_of(exported(without=("k8s-worker-1-disk",), off=off), monkeypatch)
    printed = capsys.readouterr()
    assert {"urn::k8s-worker-1-made", "urn::k8s-worker-1-domain"} <= set(printed.out.split())
    assert "k8s-worker-1: its disk is gone; it becomes a new machine\n" in printed.err


def test_secrets_of_an_export_are_read() -> None:
    assert stack().outputs["ssh_private_key"] == "KEY"
    assert stack().login_key(make_settings()) == "KEY\n"
    assert Stack.of({}).login_key(make_settings()) == ""


def test_a_full_disk_is_named_and_not_thrown_away() -> None:
    seen = everything(worker_1=well(disk="97"))
    assert full(seen) == ["worker-1"]
    assert unwell(stack(), make_settings(), seen) == {}, "what is on it may be worth something"


def test_a_machine_that_has_more_to_do_than_it_can_is_named_once_it_has_started() -> None:
    def loaded(tasks: str, processors: str, *, seconds: str = "600") -> Seen:
        return well(tasks=tasks, processors=processors, **{"kubelet-seconds": seconds})

    seen = everything(
        control_plane_1=loaded("22.41", "2"), worker_1=loaded("6.1", "1", seconds="40"), worker_2=loaded("5.6", "1")
    )
    assert overloaded(seen) == {"control-plane-1": "22 tasks for 2 processors", "worker-2": "6 tasks for 1 processor"}
    assert overloaded(everything(control_plane_1=loaded("10.00", "2"))) == {}
    assert overloaded(everything(worker_1=Seen())) == {}


def test_a_stranger_at_a_machines_address_ends_the_run() -> None:
    nodes = [{"name": node, "address": f"10.17.3.{number}"} for number, node in enumerate(NODES)]
    refuse_strangers(nodes, everything())
    with pytest.raises(SystemExit) as refusal:
        refuse_strangers(nodes, everything(worker_1=Seen(stranger=True)))
    assert str(refusal.value) == (
        "worker-1: whoever answers at 10.17.3.1 has another host key than the one that this stack gave worker-1. "
        "Nothing was sent there. Find out who it is; if it is worker-1 itself, make up REPLACE=worker-1 gives it a "
        "new disk."
    )


def test_a_machine_that_refuses_the_login_key_is_not_started_anew_for_nothing() -> None:
    refuse_locked(everything())
    with pytest.raises(SystemExit) as refusal:
        refuse_locked(everything(worker_1=Seen(locked=True)))
    assert str(refusal.value) == (
        "worker-1: it has its host key, and refuses this stack's login key, which /home/debian/.ssh/authorized_keys "
        "should have. make up REPLACE=worker-1 gives it a new disk, with the key."
    )


def test_a_machine_that_bars_the_login_user_is_not_started_anew_for_nothing() -> None:
    refuse_barred(everything())
    password, nothing = Seen(barred="sudo: a password is required"), Seen(barred="nothing")
    with pytest.raises(SystemExit) as refusal:
        refuse_barred(everything(worker_1=password, control_plane_1=nothing))
    assert str(refusal.value) == (
        "control-plane-1: it accepts this stack's login key, and does not let debian work there as root; it says: "
        "nothing. Look at the account, its shell, /etc/nologin and /etc/sudoers.d there; or make up "
        "REPLACE=control-plane-1 gives it a new disk, and builds the cluster anew.\n"
        "worker-1: it accepts this stack's login key, and does not let debian work there as root; it says: sudo: a "
        "password is required. Look at the account, its shell, /etc/nologin and /etc/sudoers.d there; or make up "
        "REPLACE=worker-1 gives it a new disk."
    )


BARRED = {"worker_1": Seen(barred="sudo: a password is required")}


@pytest.mark.parametrize("without", [(), ("nodes-ready-check",)], ids=["finished", "unfinished"])
def test_a_run_ends_at_once_where_a_machine_bars_the_login_user(
    monkeypatch: pytest.MonkeyPatch, without: tuple[str, ...]
) -> None:
    monkeypatch.setattr(repair, "look", lambda *_, **__: everything(**BARRED))
    with pytest.raises(SystemExit, match=r"^worker-1: it accepts this stack's login key, .* REPLACE=worker-1 "):
        repair_of(exported(without=without), monkeypatch)


@pytest.mark.parametrize("without", [(), ("nodes-ready-check",)], ids=["finished", "unfinished"])
def test_a_machine_that_bars_the_login_user_becomes_a_new_one_where_the_user_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], without: tuple[str, ...]
) -> None:
    monkeypatch.setenv("REPLACE", "worker-1")
    monkeypatch.setattr(repair, "look", lambda *_, **__: everything(**BARRED))
    repair_of(exported(without=without), monkeypatch)
    assert capsys.readouterr().out.split() == ["urn::k8s-worker-1-disk"]


def test_a_machine_without_a_disk_becomes_a_new_one_whoever_answers_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer in (Seen(barred="nothing"), Seen(stranger=True)):
        monkeypatch.setattr(repair, "look", lambda *_, answer=answer, **__: everything(worker_1=answer))
        repair_of(exported(without=("k8s-worker-1-disk",)), monkeypatch)
        assert capsys.readouterr().out.split() == ["urn::k8s-worker-1-made", "urn::k8s-worker-1-domain"]


def test_a_machine_that_was_never_prepared_may_not_have_its_user_yet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(repair, "look", lambda *_, **__: everything(**BARRED))
    repair_of(exported(without=("k8s-worker-1-prepare", "nodes-ready-check")), monkeypatch)
    assert capsys.readouterr().out == "\n"


def test_a_clock_a_few_seconds_off_is_right_enough() -> None:
    assert findings(well(clock=str(int(time.time()) - 20)), container_runtime="docker") == []


@pytest.mark.parametrize(
    ("joined", "first_boot", "anew"),
    [("no", "error", {"k8s-worker-1-disk"}), ("no", "running", set()), ("no", "done", set()), ("yes", "error", set())],
)
def test_only_a_machine_whose_first_boot_failed_and_that_is_nothing_yet_becomes_a_new_one(
    joined: str, first_boot: str, anew: set[str]
) -> None:
    seen = everything(worker_1=well(joined=joined, **{"first-boot": first_boot}))
    assert set(stillborn(stack(), "k8s", seen)) == anew


def test_a_control_plane_that_has_a_cluster_is_not_stillborn() -> None:
    """Its kubelet's configuration was deleted, and cloud-init had trouble at some later start."""
    seen = {"control-plane-1": well(joined="no", cluster="yes", **{"first-boot": "error"})}
    assert stillborn(stack(), "k8s", seen) == {}


def with_lines(seen: Seen, *lines: str) -> Seen:
    return Seen(lines=(*seen.lines, *(tuple(line.split()) for line in lines)), clock=seen.clock)


def test_what_only_a_start_brings_back_is_not_waited_for() -> None:
    """The machine may have started a minute ago: nothing that comes by itself is said so."""
    seen = everything(worker_1=with_lines(well(), "start its disk is read-only"))
    anew = unwell(stack(), make_settings(), seen)
    assert anew["k8s-worker-1-domain"] == "worker-1: its disk is read-only; it is started anew around its disk"


def test_a_worker_is_not_started_anew_for_what_it_lacks_while_there_is_no_api_server() -> None:
    """Without one its pods do not start, and it could not leave: the run would wait for what it is to mend."""
    lacking = with_lines(well(**{"kubelet-seconds": "900"}), "network flannel.1 has no routes to other nodes")
    assert "k8s-worker-1-domain" in unwell(stack(), make_settings(), everything(worker_1=lacking))
    seen = everything(worker_1=lacking, control_plane_1=control_plane(None))
    assert set(unwell(stack(), make_settings(), seen)) == CONTROL_PLANE_STEPS | CHECKS


def test_after_a_loss_of_all_of_etcds_data_every_worker_joins_again() -> None:
    """The API server answers, and knows neither its administrator nor any node."""
    forgetful = with_lines(well(cluster="yes"), "api forbids")
    anew = unwell(stack(), make_settings(), everything(control_plane_1=forgetful))
    assert {"k8s-control-plane-1-init", "k8s-worker-1-join", "k8s-worker-2-join"} <= set(anew)
    assert "does not answer" not in str(anew)


@pytest.mark.parametrize("state", ["disabled", "masked"])
def test_a_service_that_the_next_start_does_not_start_is_put_right(state: str) -> None:
    seen = everything(worker_1=well(**{"start-of-docker": state}))
    anew = unwell(stack(), make_settings(), seen)
    assert anew["k8s-worker-1-prepare"] == f"worker-1: docker is {state}; it is prepared again"
    assert unwell(stack(), make_settings(containerRuntime="containerd"), seen) == {}


@pytest.mark.parametrize(("seconds", "anew"), [("40", CHECKS), ("900", CHECKS | CONTROL_PLANE_STEPS)])
def test_a_dns_without_a_pod_that_is_ready_is_written_anew_once_it_had_time(seconds: str, anew: set[str]) -> None:
    lines = tuple(
        (*line[:3], "0", *line[4:]) if line[:2] == ("Deployment", "coredns") else line
        for line in control_plane(dict.fromkeys(NODES, "True")).lines
        if line[0] != "kubelet-seconds"
    )
    seen = everything(control_plane_1=Seen(lines=(*lines, ("kubelet-seconds", seconds)), clock=time.time()))
    assert set(unwell(stack(), make_settings(), seen)) == anew
