"""What `make destroy` does to libvirt besides Pulumi: line by line, for each thing that can be there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.executable import executable
from tests.fake_virsh import DIRECTORY, OURS, Hypervisor
from tools import leftovers, stale_bridge, wake
from tools.stack_state import StackState


@pytest.fixture
def hypervisor(hypervisor: Hypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hypervisor:
    monkeypatch.setattr(stale_bridge, "NETWORK_INTERFACES", tmp_path)
    monkeypatch.setattr(wake, "SETTLE", 0)
    shows(hypervisor)
    return hypervisor


UP = "NO-CARRIER,BROADCAST,MULTICAST,UP"
ADDRESS = '{"family":"inet","local":"10.17.3.1","prefixlen":24},{"family":"inet6","local":"fe80::1","prefixlen":64}'


def shows(hypervisor: Hypervisor, flags: str = UP, addresses: str = ADDRESS, *, does: str = "") -> None:
    """What `ip` says of the network's bridge, and writes down that it was asked; or what it does instead."""
    words = ", ".join(f'"{flag}"' for flag in flags.split(","))
    shown = f"""echo '[{{"ifname":"br-k8s","flags":[{words}],"addr_info":[{addresses}]}}]'"""
    executable(
        hypervisor.directory / "ip", f"#!/bin/sh\necho ip $* >>{hypervisor.directory}/ip-calls\n{does or shown}\n"
    )


def resource(kind: str, **outputs: Any) -> dict[str, Any]:
    lower = kind[0].lower() + kind[1:]
    return {"type": f"libvirt:index/{lower}:{kind}", "id": f"{outputs['name']}-id", "outputs": outputs}


def state(*resources: dict[str, Any], pending: list[dict[str, Any]] | None = None) -> str:
    operations = [{"resource": each, "type": "creating"} for each in pending or []]
    return json.dumps({"version": 3, "deployment": {"resources": resources, "pending_operations": operations}})


KEYS = {"type": "kubeadm-libvirt:index:SshKeys", "outputs": {"login": "ssh-ed25519 AAAA"}}
MADE = (
    KEYS,
    resource("Network", name="k8s", mode="nat", bridge="br-k8s", addresses=["10.17.3.0/24"]),
    resource("Pool", name="k8s", target={"path": DIRECTORY}),
    resource("Volume", name="k8s-worker-1.qcow2", pool="k8s"),
    resource("Domain", name="k8s-worker-1", description=OURS),
)


def run(
    step: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], **config: str
) -> tuple[int, list[str]]:
    """The exit code and the lines of one step."""
    file = tmp_path / "Pulumi.lab.yaml"
    lines = [f"  kubeadm-libvirt:{key}: {value}\n" for key, value in config.items()]
    file.write_text("config:\n  libvirt:uri: qemu:///system\n" + "".join(lines))
    code = leftovers.main(file, step, text)
    return code, capsys.readouterr().out.splitlines()


def made(hypervisor: Hypervisor, *files: str) -> None:
    """What the state MADE stands for."""
    hypervisor.network("k8s")
    hypervisor.pool("k8s", DIRECTORY, "k8s-worker-1.qcow2", *files)
    hypervisor.domain("k8s-worker-1", running=True, description=OURS)


def test_before_what_the_state_has_is_left_to_pulumi(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    assert run("before", state(*MADE), tmp_path, capsys) == (0, [])
    assert hypervisor.changes() == []


def test_before_orphans_go_by_their_names_and_nothing_else_does(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = ["base-0123456789ab.qcow2", "k8s-worker-2.qcow2", "k8s-control-plane-1-seed-0123456789ab.iso"]
    others = ["base-0123.qcow2", "k8s-worker-x.qcow2", "xk8s-worker-1.qcow2", "k8s-worker-2.qcow2.bak", "notes.txt"]
    made(hypervisor, *ours, *others)
    hypervisor.domain("k8s-worker-2", running=True, description=OURS)
    for name in ("k8s-worker-", "k8s-mail", "other-worker-1"):
        hypervisor.domain(name, running=False)
    code, lines = run("before", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert lines == [
        "Removed the domain k8s-worker-2, a leftover: it has our mark.",
        *(
            f"Removed the volume {DIRECTORY}/{name}, a leftover: no running domain of anybody else used it."
            for name in ours
        ),
        f"{DIRECTORY} has {', '.join(others)} in it, not ours: the directory will stay.",
    ]
    assert hypervisor.world()["pools"]["k8s"]["files"] == ["k8s-worker-1.qcow2", *others]
    assert {"k8s-worker-", "k8s-mail", "other-worker-1", "k8s-worker-1"} == set(hypervisor.world()["domains"])


def test_after_everything_goes_and_the_directory_with_it(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    code, lines = run("after", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert lines == [
        "Removed the domain k8s-worker-1, a leftover: it has our mark.",
        "Removed the network k8s, a leftover: no running domain of anybody else used it.",
        f"Removed the volume {DIRECTORY}/k8s-worker-1.qcow2, a leftover: no running domain of anybody else used it.",
        f"Removed the storage pool k8s, a leftover, with its empty directory {DIRECTORY}.",
    ]
    world = hypervisor.world()
    assert [world[kind] for kind in ("domains", "networks", "pools")] == [{}, {}, {}]


def test_after_a_file_that_is_not_ours_stays_with_its_directory_and_is_named(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.pool("k8s", DIRECTORY, "notes.txt", active=False)
    code, lines = run("after", "", tmp_path, capsys)
    assert code == 0
    assert lines == [
        f"{DIRECTORY}/notes.txt is not ours, and was left. "
        f"Remove it with: rm -r '{DIRECTORY}/notes.txt' && rmdir '{DIRECTORY}'",
        f"Removed the storage pool k8s, a leftover, but not the files in {DIRECTORY}.",
    ]
    assert "pool-delete --pool k8s" not in hypervisor.changes()


def test_without_a_pool_the_files_in_its_directory_are_found(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.files("/srv/disks", "k8s-worker-1.qcow2")
    code, lines = run("after", "", tmp_path, capsys, storagePath="/srv/disks")
    assert code == 0
    assert lines == [
        "Removed the volume /srv/disks/k8s-worker-1.qcow2, a leftover: no running domain of anybody else used it.",
        "Removed the empty directory /srv/disks, a leftover.",
    ]
    assert hypervisor.world()["pools"] == {}


@pytest.mark.parametrize("defined", [True, False])
def test_a_directory_that_cannot_be_removed_because_a_disk_is_mounted_there_stays_and_the_pool_goes(
    defined: bool, hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if defined:
        hypervisor.pool("k8s", DIRECTORY)
    hypervisor.fails("pool-delete", "cannot unlink: Device or resource busy")
    code, lines = run("after", "", tmp_path, capsys)
    assert code == 0
    assert lines == [
        f"The empty directory {DIRECTORY} stays: `virsh --connect qemu:///system pool-delete --pool k8s` failed: "
        "cannot unlink: Device or resource busy",
        *([f"Removed the storage pool k8s, a leftover, but not the files in {DIRECTORY}."] if defined else []),
    ]
    assert hypervisor.world()["pools"] == {}


def test_an_empty_directory_that_a_person_chose_is_not_ours_to_remove(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("after", "", tmp_path, capsys, storagePath="/srv/disks") == (0, [])
    assert "pool-delete --pool k8s" not in hypervisor.changes()
    assert hypervisor.world()["pools"] == {}


def test_files_in_a_directory_that_had_nothing_of_ours_are_not_offered_for_removal(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.files("/srv/disks", "family.jpg")
    assert run("after", "", tmp_path, capsys, storagePath="/srv/disks") == (0, [])
    assert hypervisor.world()["pools"] == {}


@pytest.mark.parametrize(
    "config", [{"storagePath": "/etc"}, {"clusterName": '"."'}, {"clusterName": "..", "storagePath": "/srv/../etc"}]
)
def test_nothing_is_looked_for_under_a_name_or_in_a_directory_that_up_would_refuse(
    config: dict[str, str], hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.files("/etc", "passwd")
    code, lines = run("after", "", tmp_path, capsys, **config)
    assert (code, len(lines)) == (0, 1)
    assert lines[0].startswith("Only the clusters of the state are looked for, because the configuration is refused: ")
    assert hypervisor.changes() == []


def test_the_cluster_is_found_by_its_name_where_something_else_is_refused(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    code, lines = run("after", state(KEYS), tmp_path, capsys, clusterName='"k8s "', workers="0")
    assert (code, len(lines)) == (0, 4), (
        "blanks around a name count for nothing, and neither does the number of workers"
    )
    world = hypervisor.world()
    assert [world[kind] for kind in ("domains", "networks", "pools")] == [{}, {}, {}]


@pytest.mark.parametrize(
    ("verb", "message"),
    [
        ("pool-start", "cannot open directory '/var/lib/libvirt/images/k8s': No such file or directory"),
        ("pool-define-as", "operation failed: Storage source conflict with pool: 'default'"),
    ],
)
def test_a_directory_that_is_not_there_or_another_pools_has_nothing_of_ours(
    verb: str, message: str, hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.fails(verb, message)
    assert run("after", "", tmp_path, capsys) == (0, [])
    assert hypervisor.world()["pools"] == {}


def test_a_pool_whose_directory_is_gone_is_removed(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.pool("k8s", DIRECTORY, active=False)
    hypervisor.fails("pool-start", f"cannot open directory '{DIRECTORY}': No such file or directory")
    code, lines = run("after", "", tmp_path, capsys)
    assert (code, lines) == (0, [f"Removed the storage pool k8s, a leftover, but not the files in {DIRECTORY}."])


def test_what_belongs_to_somebody_else_is_named_and_no_fault_of_ours(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.domain("k8s-worker-1", running=True)
    hypervisor.pool("k8s", "/srv/others", "k8s-worker-1.qcow2")
    code, lines = run("after", "", tmp_path, capsys)
    assert code == 0
    assert [line.split(". ")[0] for line in lines] == [
        "The domain k8s-worker-1 runs, and this stack did not make it: it has no description",
        f"There is a storage pool k8s, and it is for /srv/others, not for {DIRECTORY}",
    ]
    assert hypervisor.changes() == []


def test_a_cluster_of_another_clone_stays_whole_when_its_machines_are_off(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.network("k8s")
    hypervisor.pool("k8s", DIRECTORY, "base-0123456789ab.qcow2", "k8s-worker-1.qcow2")
    devices = (
        f"<disk><source file='{DIRECTORY}/k8s-worker-1.qcow2'/></disk>"
        "<interface type='network'><source network='k8s'/></interface>"
    )
    hypervisor.domain("k8s-worker-1", running=False, description="kubeadm-libvirt 0123", devices=devices)
    code, lines = run("after", "", tmp_path, capsys)
    assert code == 0
    assert [line.split(", and ")[0] for line in lines] == [
        "The domain k8s-worker-1 is off",
        "There is a network k8s",
        f"There is a volume {DIRECTORY}/base-0123456789ab.qcow2",
        f"There is a volume {DIRECTORY}/k8s-worker-1.qcow2",
        "There is a storage pool k8s",
    ]
    assert hypervisor.changes() == []


def test_what_of_ours_cannot_be_removed_is_a_failure(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    hypervisor.fails("undefine", "operation failed")
    code, lines = run("after", state(*MADE), tmp_path, capsys)
    assert code == 1
    assert lines[0].startswith("Something of ours is left: `virsh --connect qemu:///system undefine ")
    assert hypervisor.world()["networks"] == {}, "the rest is removed all the same"


def test_without_libvirt_one_line_says_so(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.fails("list", "failed to connect to the hypervisor")
    code, lines = run("before", "", tmp_path, capsys)
    assert (code, lines) == (
        1,
        ["`virsh --connect qemu:///system list --all --name` failed: failed to connect to the hypervisor"],
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("config:\n  libvirt:uri: qemu:///system\n  aws:region: eu\n", "aws:region = 'eu': nothing here reads aws. "),
        ("config: [\n", "Pulumi.lab.yaml is refused: line "),
        ("- config\n", "Pulumi.lab.yaml is refused: it must be a mapping "),
    ],
)
def test_where_the_configuration_is_refused_the_clusters_of_the_state_are_swept(
    text: str, why: str, hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    (tmp_path / "Pulumi.lab.yaml").write_text(text)
    code = leftovers.main(tmp_path / "Pulumi.lab.yaml", "after", state(*MADE))
    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert lines[0].startswith("Only the clusters of the state are looked for, because the configuration is refused: ")
    assert why in lines[0]
    assert len(lines) == 5
    assert hypervisor.world()["pools"] == {}


def test_a_cluster_that_the_configuration_no_longer_names_is_swept_too(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor, "k8s-worker-9.qcow2")
    code, lines = run("before", state(*MADE), tmp_path, capsys, clusterName="new")
    assert code == 0
    assert f"Removed the volume {DIRECTORY}/k8s-worker-9.qcow2, a leftover" in "\n".join(lines)


def a_bridge(interfaces: Path, *ports: str, address: str = "52:54:00:ab:cd:ef") -> None:
    """A bridge of our name on this host."""
    (interfaces / "br-k8s/brif").mkdir(parents=True)
    (interfaces / "br-k8s/address").write_text(f"{address}\n")
    for port in ports:
        (interfaces / "br-k8s/brif" / port).touch()


@pytest.mark.parametrize(("works", "code"), [(True, 0), (False, 1)])
def test_a_bridge_without_a_network_is_removed_or_named(
    works: bool, code: int, hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_bridge(tmp_path)
    executable(hypervisor.directory / "ip", f"#!/bin/sh\necho ip $* >>{tmp_path}/ip\nexit {code}\n")
    done, lines = run("after", "", tmp_path, capsys)
    assert (tmp_path / "ip").read_text() == "ip link delete br-k8s\n"
    assert done == code
    said = "Removed the bridge br-k8s, a leftover: its network is gone."
    named = "Something of ours is left: the bridge br-k8s. Remove it with: sudo ip link delete br-k8s"
    assert lines[0] == (said if works else named)


@pytest.mark.parametrize(
    ("ports", "address", "why"),
    [
        (["eth1", "tap7"], "52:54:00:ab:cd:ef", "eth1, tap7 is in it"),
        ([], "6a:00:00:00:00:01", "libvirt did not make it: its address is 6a:00:00:00:00:01"),
    ],
)
def test_a_bridge_that_is_used_or_that_libvirt_did_not_make_stays_and_is_named(
    ports: list[str],
    address: str,
    why: str,
    hypervisor: Hypervisor,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    a_bridge(tmp_path, *ports, address=address)
    executable(hypervisor.directory / "ip", f"#!/bin/sh\ntouch {tmp_path}/called\n")
    assert run("after", "", tmp_path, capsys, storagePath="/srv/disks") == (
        0,
        [f"There is a bridge br-k8s, and {why}. If it may go, remove it: sudo ip link delete br-k8s"],
    )
    assert not (tmp_path / "called").exists()


def test_a_bridge_of_a_network_with_another_name_is_that_networks(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_bridge(tmp_path)
    hypervisor.network("theirs", active=False, bridge="br-k8s")
    executable(hypervisor.directory / "ip", f"#!/bin/sh\ntouch {tmp_path}/called\n")
    assert run("after", "", tmp_path, capsys, storagePath="/srv/disks") == (0, [])
    assert not (tmp_path / "called").exists()


def test_waking_starts_what_is_stopped(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.network("k8s", active=False)
    hypervisor.pool("k8s", DIRECTORY, active=False)
    code, lines = run("wake", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert lines == [
        "Started the network k8s again.",
        "Started the storage pool k8s again.",
    ]
    assert hypervisor.changes() == ["net-start --network k8s", "pool-build --pool k8s", "pool-start --pool k8s"]


def test_waking_switches_our_machines_off_that_a_networks_end_has_cut_off_and_nobody_elses(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    hypervisor.network("k8s", active=False)
    hypervisor.domain("k8s-worker-1", running=True, description=OURS)
    hypervisor.domain("k8s-worker-2", running=True, description="somebody's")
    hypervisor.domain("somebodys", running=True, description=OURS)
    theirs = resource("Domain", name="k8s-worker-2", description=OURS)
    code, lines = run("wake", state(*MADE, theirs), tmp_path, capsys)
    assert code == 0
    assert lines == [
        "Started the network k8s again.",
        "Switched the domain k8s-worker-1 off: it was cut off when the network stopped.",
    ]
    assert hypervisor.changes() == ["net-start --network k8s", "destroy --domain k8s-worker-1"]


GONE = "echo 'Device \"br-k8s\" does not exist.' >&2; exit 1"
THEIRS = '{"family":"inet","local":"192.168.7.1","prefixlen":24}'


@pytest.mark.parametrize(
    ("bridge", "what"),
    [
        ({"does": GONE}, "is gone"),
        ({"flags": "BROADCAST,MULTICAST"}, "is down"),
        ({"addresses": THEIRS}, "has lost its address 10.17.3.1"),
        ({"addresses": ""}, "has lost its address 10.17.3.1"),
    ],
)
def test_waking_starts_a_network_anew_whose_bridge_was_taken_away_though_libvirt_calls_it_active(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str], bridge: dict[str, str], what: str
) -> None:
    made(hypervisor)
    shows(hypervisor, **bridge)
    code, lines = run("wake", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert lines == [
        f"Stopped the network k8s: its bridge br-k8s {what}, and libvirt does not see that.",
        "Started the network k8s again.",
        "Switched the domain k8s-worker-1 off: it was cut off when the network stopped.",
    ]
    assert hypervisor.changes() == [
        "net-destroy --network k8s",
        "net-start --network k8s",
        "destroy --domain k8s-worker-1",
    ]
    assert (hypervisor.directory / "ip-calls").read_text() == "ip -json address show dev br-k8s\n"


@pytest.mark.parametrize("does", ["echo 'ip: option unknown' >&2; exit 255", "echo nonsense", "echo '[]'", "exit 1"])
def test_waking_leaves_a_network_alone_whose_bridge_cannot_be_looked_at(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str], does: str
) -> None:
    made(hypervisor)
    shows(hypervisor, does=does)
    assert run("wake", state(*MADE), tmp_path, capsys) == (0, [])
    assert hypervisor.changes() == []


@pytest.mark.parametrize("libvirts", [{"bridge": "br-other"}, {"address": "10.17.4.1"}])
def test_waking_leaves_a_network_to_pulumi_that_was_given_another_bridge_or_address(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str], libvirts: dict[str, str]
) -> None:
    made(hypervisor)
    hypervisor.network("k8s", **libvirts)  # type: ignore[arg-type]
    shows(hypervisor, does=GONE)
    assert run("wake", state(*MADE), tmp_path, capsys) == (0, [])
    assert hypervisor.changes() == []


def test_a_bridge_is_looked_for_only_on_the_host_where_libvirt_is(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    shows(hypervisor, does=GONE)
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  libvirt:uri: qemu+ssh://elsewhere/system\n")
    assert leftovers.main(file, "wake", state(*MADE)) == 0
    assert capsys.readouterr().out == ""
    assert not (hypervisor.directory / "ip-calls").exists()


@pytest.mark.parametrize(("was", "call"), [("paused", "resume"), ("pmsuspended", "dompmwakeup")])
def test_waking_resumes_our_machines_that_are_paused_and_nobody_elses(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str], was: str, call: str
) -> None:
    made(hypervisor)
    hypervisor.domain("k8s-worker-1", running=True, description=OURS, state=was)
    hypervisor.domain("k8s-worker-2", running=True, description="somebody's", state=was)
    hypervisor.domain("somebodys", running=True, description=OURS, state=was)
    theirs = resource("Domain", name="k8s-worker-2", description=OURS)
    code, lines = run("wake", state(*MADE, theirs), tmp_path, capsys)
    assert (code, lines) == (0, [f"Resumed the domain k8s-worker-1: it was {was}."])
    assert hypervisor.changes() == [f"{call} --domain k8s-worker-1"]


def test_waking_makes_the_directory_of_a_pool_in_use_again(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    hypervisor.pool("k8s", DIRECTORY, gone=True)
    assert run("wake", state(*MADE), tmp_path, capsys) == (0, ["Started the storage pool k8s again."])
    assert hypervisor.changes() == ["pool-build --pool k8s", "pool-start --pool k8s"]
    assert hypervisor.world()["pools"]["k8s"]["active"]


def test_a_machine_that_is_paused_again_because_the_hosts_disk_is_full_is_named_with_what_to_do(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    hypervisor.domain("k8s-worker-1", running=True, description=OURS, state="paused", reason="I/O error")
    code, lines = run("wake", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert lines == [
        "The domain k8s-worker-1 was resumed and is paused (I/O error) again: its disk cannot be written, most likely "
        f"because the host's is full. Make room there (df -h {DIRECTORY}), then run the same command again."
    ]


def test_waking_leaves_alone_what_is_awake(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    assert run("wake", state(*MADE), tmp_path, capsys) == (0, [])
    assert hypervisor.changes() == []


def test_waking_defines_what_is_gone_as_the_one_in_the_state(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = run("wake", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert [line for line in lines if line.startswith("Defined")] == [
        "Defined the network k8s again: it was gone from libvirt.",
        "Defined the storage pool k8s again: it was gone from libvirt.",
    ]
    world = hypervisor.world()
    assert world["networks"]["k8s"]["xml"] == (
        '<network><name>k8s</name><uuid>k8s-id</uuid><forward mode="nat" />'
        '<bridge name="br-k8s" stp="on" delay="0" /><dns enable="yes" />'
        '<ip family="ipv4" address="10.17.3.1" prefix="24" /></network>'
    )
    assert world["pools"]["k8s"]["xml"] == (
        f'<pool type="dir"><name>k8s</name><uuid>k8s-id</uuid><target><path>{DIRECTORY}</path></target></pool>'
    )
    assert world["networks"]["k8s"]["active"]
    assert world["pools"]["k8s"]["active"]


def test_waking_says_why_it_cannot_and_goes_on(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.fails("net-start", "permission denied")
    code, lines = run("wake", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert (
        "The network k8s could not be made usable: "
        "`virsh --connect qemu:///system net-start --network k8s` failed: permission denied"
    ) in lines
    assert lines[-1] == "Started the storage pool k8s again."


def test_machines_that_cannot_be_listed_do_not_end_the_run(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(hypervisor)
    hypervisor.fails("list", "connection reset")
    code, lines = run("wake", state(*MADE), tmp_path, capsys)
    assert code == 0
    assert lines == [
        "The machines could not be made usable: `virsh --connect qemu:///system list --name` failed: connection reset"
    ]


@pytest.mark.parametrize(("uri", "there"), [("qemu:///system", ""), ("qemu+ssh://elsewhere/system", " there")])
def test_a_libvirt_that_hangs_is_named_at_once_with_the_command_that_restarts_it(
    hypervisor: Hypervisor,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    there: str,
) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE", 0.5)
    monkeypatch.setattr(leftovers, "PATIENCE_ELSEWHERE", 0.5)
    hypervisor.hangs()
    (tmp_path / "Pulumi.lab.yaml").write_text(f"config:\n  libvirt:uri: {uri}\n")
    assert leftovers.main(tmp_path / "Pulumi.lab.yaml", "reach", "") == 1
    assert capsys.readouterr().out == (
        f"libvirt does not answer at {uri} within 0.5 s. Restart it{there}: sudo systemctl restart libvirtd\n"
    )


def test_a_libvirt_that_answers_or_that_says_why_not_is_left_to_the_next_step(
    hypervisor: Hypervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("reach", "", tmp_path, capsys) == (0, [])
    hypervisor.fails("version", "failed to connect to the hypervisor")
    assert run("reach", "", tmp_path, capsys) == (0, [])
    assert hypervisor.changes() == []


def test_marks_come_from_keys_domains_and_unfinished_operations_of_all_exports() -> None:
    pending = {"type": "libvirt:index/domain:Domain", "inputs": {"name": "x", "description": "kubeadm-libvirt pending"}}
    foreign = resource("Domain", name="mail", description="mail server")
    older = state(resource("Domain", name="old", description="kubeadm-libvirt old"), pending=[pending])
    parsed = StackState.parse(f"{state(KEYS, foreign)}\n{older}")
    assert parsed.marks == {OURS, "kubeadm-libvirt pending", "kubeadm-libvirt old"}
    assert parsed.names == {("domain", "mail")}, "what is there is in the first export alone"


def test_an_unfinished_creation_is_not_in_the_state() -> None:
    pending = {"type": "libvirt:index/domain:Domain", "inputs": {"name": "k8s-worker-1"}}
    assert StackState.parse(state(pending=[pending])).names == frozenset()


def test_a_state_that_is_lost_is_an_empty_one() -> None:
    empty = StackState(names=frozenset(), networks=(), pools=(), marks=frozenset())
    assert StackState.parse("") == StackState.parse('{"version": 3, "deployment": null}') == empty
