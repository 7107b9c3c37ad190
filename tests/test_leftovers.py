"""What lies in libvirt under our names goes where nobody else needs it, and is named where somebody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.leftovers import Leftovers, RefusedError, mark
from components.virsh import LeftoversError, Virsh
from tests.fake_virsh import DIRECTORY, OURS, Hypervisor

ON_OUR_NETWORK = "<interface type='network'><source network='k8s'/></interface>"
ON_OUR_BRIDGE = "<interface type='bridge'><source bridge='br-k8s'/></interface>"
BASE = f"{DIRECTORY}/base-0123456789ab.qcow2"
ON_OUR_BASE = (
    f"<disk><source file='/x/y.qcow2'/><backingStore><source file='{BASE}'/><backingStore/></backingStore></disk>"
)
IN_OUR_POOL = "<disk><source pool='k8s' volume='base-0123456789ab.qcow2'/></disk>"
UNDEFINE = "undefine --nvram --managed-save --snapshots-metadata --checkpoints-metadata --domain"
OTHERWISE = "If not, choose another name for this cluster: pulumi config set clusterName NAME"


@pytest.fixture
def said() -> list[str]:
    """What was said so far."""
    return []


@pytest.fixture
def leftovers(said: list[str]) -> Leftovers:
    return Leftovers(Virsh("qemu:///system"), {OURS}, said.append)


def test_a_mark_is_the_keys_and_tells_no_more_of_it() -> None:
    assert mark("ssh-ed25519 AAAA\n") == OURS == "kubeadm-libvirt 9de8a23119db6492"
    assert mark("ssh-ed25519 BBBB") != OURS


def test_where_nothing_is_left_nothing_is_done(hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]) -> None:
    leftovers.domain("k8s-worker-1")
    leftovers.network("k8s", "br-k8s")
    leftovers.pool("k8s", Path(DIRECTORY))
    leftovers.volume("k8s", "k8s-worker-1.qcow2")
    assert hypervisor.changes() == []
    assert said == []


def test_a_domain_that_does_not_run_is_removed(hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]) -> None:
    hypervisor.domain("k8s-worker-1", running=False)
    leftovers.domain("k8s-worker-1")
    assert hypervisor.changes() == [f"{UNDEFINE} k8s-worker-1"]
    assert said == ["Removed the domain k8s-worker-1, a leftover: it did not run."]


def test_a_running_domain_with_our_mark_is_removed(
    hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]
) -> None:
    hypervisor.domain("k8s-worker-1", running=True, description=OURS)
    leftovers.domain("k8s-worker-1")
    assert hypervisor.changes() == ["destroy --domain k8s-worker-1", f"{UNDEFINE} k8s-worker-1"]
    assert said == ["Removed the domain k8s-worker-1, a leftover: it has our mark."]


def test_a_domain_without_a_definition_is_gone_once_it_is_stopped(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.domain("k8s-worker-1", running=True, description=OURS, persistent=False)
    leftovers.domain("k8s-worker-1")
    assert hypervisor.changes() == ["destroy --domain k8s-worker-1"]


@pytest.mark.parametrize(
    ("description", "whose"),
    [
        ("", "it has no description"),
        ("mail server", 'its description is "mail server"'),
        ("kubeadm-libvirt 0123", 'another stack of this program made it, "kubeadm-libvirt 0123"'),
    ],
)
def test_a_running_domain_without_our_mark_is_refused(
    description: str, whose: str, hypervisor: Hypervisor, leftovers: Leftovers
) -> None:
    hypervisor.domain("k8s-worker-1", running=True, description=description)
    with pytest.raises(RefusedError) as refusal:
        leftovers.domain("k8s-worker-1")
    assert str(refusal.value) == (
        f"The domain k8s-worker-1 runs, and this stack did not make it: {whose}. If it may go, remove it: "
        "virsh --connect qemu:///system destroy --domain k8s-worker-1 && "
        f"virsh --connect qemu:///system {UNDEFINE} k8s-worker-1. {OTHERWISE}"
    )
    assert hypervisor.changes() == []


def test_a_domain_of_another_stack_is_refused_when_it_is_off_too(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.domain("k8s-worker-1", running=False, description="kubeadm-libvirt 0123")
    with pytest.raises(RefusedError) as refusal:
        leftovers.domain("k8s-worker-1")
    assert str(refusal.value) == (
        "The domain k8s-worker-1 is off, and this stack did not make it: "
        'another stack of this program made it, "kubeadm-libvirt 0123". If it may go, remove it: '
        f"virsh --connect qemu:///system {UNDEFINE} k8s-worker-1. {OTHERWISE}"
    )
    assert hypervisor.changes() == []


@pytest.mark.parametrize("disk", [f"<source file='{DIRECTORY}/k8s-worker-1.qcow2'/>", "<source file='/srv/mail.img'/>"])
def test_a_machine_that_is_off_and_has_a_disk_is_somebodys_where_it_has_no_mark(
    disk: str, hypervisor: Hypervisor, leftovers: Leftovers
) -> None:
    hypervisor.domain("k8s-worker-1", running=False, devices=f"<disk>{disk}</disk>")
    with pytest.raises(RefusedError) as refusal:
        leftovers.domain("k8s-worker-1")
    assert str(refusal.value) == (
        "The domain k8s-worker-1 is off, and this stack did not make it: it has no description. If it may go, remove "
        f"it: virsh --connect qemu:///system {UNDEFINE} k8s-worker-1. {OTHERWISE}"
    )
    assert hypervisor.changes() == []


def test_the_disk_of_a_machine_that_is_off_and_without_a_mark_stays(
    hypervisor: Hypervisor, leftovers: Leftovers
) -> None:
    hypervisor.pool("k8s", DIRECTORY, "k8s-worker-1.qcow2", "base-0123456789ab.qcow2")
    devices = f"<disk><source file='{DIRECTORY}/k8s-worker-1.qcow2'/></disk>"
    hypervisor.domain("k8s-worker-1", running=False, description="mail server", devices=devices)
    for name in ("k8s-worker-1.qcow2", "base-0123456789ab.qcow2"):
        with pytest.raises(RefusedError, match=r'domain k8s-worker-1 \(its description is "mail server"\) uses it'):
            leftovers.volume("k8s", name)
    assert hypervisor.changes() == []


def test_a_machine_that_is_off_and_has_our_mark_is_removed_with_its_disk(
    hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]
) -> None:
    hypervisor.pool("k8s", DIRECTORY, "k8s-worker-1.qcow2")
    devices = f"<disk><source file='{DIRECTORY}/k8s-worker-1.qcow2'/></disk>"
    hypervisor.domain("k8s-worker-1", running=False, description=OURS, devices=devices)
    leftovers.domain("k8s-worker-1")
    leftovers.volume("k8s", "k8s-worker-1.qcow2")
    assert said[0] == "Removed the domain k8s-worker-1, a leftover: it did not run."
    assert hypervisor.world()["pools"]["k8s"]["files"] == []


def test_what_a_domain_of_another_stack_uses_stays_when_it_is_off_and_its_base_image_too(
    hypervisor: Hypervisor, leftovers: Leftovers
) -> None:
    disk = f"<disk><source file='{DIRECTORY}/k8s-worker-1.qcow2'/></disk>"  # what lies below is told while it runs
    hypervisor.network("k8s")
    hypervisor.pool("k8s", DIRECTORY, "base-0123456789ab.qcow2", "k8s-worker-1.qcow2", "k8s-worker-9.qcow2")
    hypervisor.domain("k8s-worker-1", running=False, description="kubeadm-libvirt 0123", devices=ON_OUR_NETWORK + disk)
    whose = r"the domain k8s-worker-1 \(another stack of this program made it"
    with pytest.raises(RefusedError, match=whose):
        leftovers.network("k8s", "br-k8s")
    with pytest.raises(RefusedError, match=whose):
        leftovers.pool("k8s", Path(DIRECTORY))
    for name in ("k8s-worker-1.qcow2", "base-0123456789ab.qcow2"):
        with pytest.raises(RefusedError, match=whose):
            leftovers.volume("k8s", name)
    assert hypervisor.changes() == []
    leftovers.volume("k8s", "k8s-worker-9.qcow2")
    assert hypervisor.changes() == ["vol-delete --pool k8s --vol k8s-worker-9.qcow2"]


def test_a_network_with_another_bridge_is_somebody_elses(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.network("k8s", bridge="virbr7")
    with pytest.raises(RefusedError) as refusal:
        leftovers.network("k8s", "br-k8s")
    assert str(refusal.value) == (
        "There is a network k8s, and its bridge is virbr7, not br-k8s. If it may go, remove it: "
        "virsh --connect qemu:///system net-destroy --network k8s && "
        f"virsh --connect qemu:///system net-undefine --network k8s. {OTHERWISE}"
    )
    assert hypervisor.changes() == []


@pytest.mark.parametrize(("active", "changes"), [(True, ["net-destroy --network k8s"]), (False, [])])
def test_a_network_that_only_our_domains_use_is_removed(
    active: bool, changes: list[str], hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]
) -> None:
    hypervisor.network("k8s", active=active)
    hypervisor.domain("k8s-worker-1", running=True, description=OURS, devices=ON_OUR_NETWORK)
    hypervisor.domain("other", running=False, devices=ON_OUR_NETWORK)
    leftovers.network("k8s", "br-k8s")
    assert hypervisor.changes() == [*changes, "net-undefine --network k8s"]
    assert said == ["Removed the network k8s, a leftover: no running domain of anybody else used it."]


@pytest.mark.parametrize("devices", [ON_OUR_NETWORK, ON_OUR_BRIDGE])
def test_a_network_that_a_running_domain_of_others_uses_is_refused(
    devices: str, hypervisor: Hypervisor, leftovers: Leftovers
) -> None:
    hypervisor.network("k8s")
    hypervisor.domain("mail", running=True, devices=devices)
    with pytest.raises(RefusedError) as refusal:
        leftovers.network("k8s", "br-k8s")
    assert str(refusal.value) == (
        "There is a network k8s, and the domain mail (it has no description) uses it. If it may go, remove it: "
        "virsh --connect qemu:///system net-destroy --network k8s && "
        f"virsh --connect qemu:///system net-undefine --network k8s. {OTHERWISE}"
    )
    assert hypervisor.changes() == []


@pytest.mark.parametrize(("active", "changes"), [(True, ["pool-destroy --pool k8s"]), (False, [])])
def test_a_pool_for_our_directory_is_removed_and_its_files_stay(
    active: bool, changes: list[str], hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]
) -> None:
    hypervisor.pool("k8s", DIRECTORY, "notes.txt", active=active)
    leftovers.pool("k8s", Path(DIRECTORY))
    assert hypervisor.changes() == [*changes, "pool-undefine --pool k8s"]
    assert said == [f"Removed the storage pool k8s, a leftover, but not the files in {DIRECTORY}."]


def test_a_pool_goes_with_its_directory_where_that_is_empty(
    hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]
) -> None:
    hypervisor.pool("k8s", DIRECTORY)
    leftovers.pool("k8s", Path(DIRECTORY), remove_directory=True)
    assert hypervisor.changes() == ["pool-destroy --pool k8s", "pool-delete --pool k8s", "pool-undefine --pool k8s"]
    assert said == [f"Removed the storage pool k8s, a leftover, with its empty directory {DIRECTORY}."]


def test_a_pool_for_another_directory_is_refused(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.pool("k8s", "/srv/others")
    with pytest.raises(RefusedError) as refusal:
        leftovers.pool("k8s", Path(DIRECTORY))
    assert str(refusal.value) == (
        f"There is a storage pool k8s, and it is for /srv/others, not for {DIRECTORY}. "
        "If it may go, remove it (its files stay): virsh --connect qemu:///system pool-destroy --pool k8s ; "
        f"virsh --connect qemu:///system pool-undefine --pool k8s. {OTHERWISE}"
    )
    assert hypervisor.changes() == []


@pytest.mark.parametrize("devices", [f"<disk><source file='{BASE}'/></disk>", ON_OUR_BASE, IN_OUR_POOL])
def test_a_pool_and_a_volume_that_a_running_domain_of_others_uses_are_refused(
    devices: str, hypervisor: Hypervisor, leftovers: Leftovers
) -> None:
    hypervisor.pool("k8s", DIRECTORY, "base-0123456789ab.qcow2")
    hypervisor.domain("mail", running=True, description="mail server", devices=devices)
    user = 'the domain mail (its description is "mail server") uses'
    with pytest.raises(RefusedError) as refusal:
        leftovers.pool("k8s", Path(DIRECTORY))
    assert str(refusal.value).startswith(f"There is a storage pool k8s, and {user} disks in it. If it may go, ")
    with pytest.raises(RefusedError) as refusal:
        leftovers.volume("k8s", "base-0123456789ab.qcow2")
    assert str(refusal.value) == (
        f"There is a volume {BASE}, and {user} it. If it may go, remove that domain, then the volume: "
        "virsh --connect qemu:///system vol-delete --pool k8s --vol base-0123456789ab.qcow2. " + OTHERWISE
    )
    assert hypervisor.changes() == []


def test_several_users_are_all_named(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.network("k8s")
    for name in ("mail", "web"):
        hypervisor.domain(name, running=True, devices=ON_OUR_NETWORK)
    users = r"the domains mail \(it has no description\), web \(it has no description\) use it"
    with pytest.raises(RefusedError, match=users):
        leftovers.network("k8s", "br-k8s")


def test_a_volume_that_only_our_domains_use_is_removed(
    hypervisor: Hypervisor, leftovers: Leftovers, said: list[str]
) -> None:
    hypervisor.pool("k8s", DIRECTORY, "base-0123456789ab.qcow2", "base with blanks.qcow2")
    hypervisor.domain("k8s-worker-1", running=True, description=OURS, devices=ON_OUR_BASE)
    leftovers.volume("k8s", "base-0123456789ab.qcow2")
    assert hypervisor.changes() == ["vol-delete --pool k8s --vol base-0123456789ab.qcow2"]
    assert said == [f"Removed the volume {BASE}, a leftover: no running domain of anybody else used it."]
    leftovers.volume("k8s", "base with blanks.qcow2")
    assert hypervisor.world()["pools"]["k8s"]["files"] == []


def test_files_are_known_while_a_volume_is_written(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.pool("k8s", DIRECTORY, "base-0123456789ab.qcow2")
    hypervisor.fails("pool-refresh", "internal error: pool 'k8s' has asynchronous jobs running.")
    leftovers.volume("k8s", "base-0123456789ab.qcow2")
    assert hypervisor.world()["pools"]["k8s"]["files"] == []


def test_a_failure_of_virsh_is_told_with_the_command(hypervisor: Hypervisor, leftovers: Leftovers) -> None:
    hypervisor.domain("k8s-worker-1", running=False)
    hypervisor.fails("undefine", "Requested operation is not valid")
    with pytest.raises(LeftoversError) as failure:
        leftovers.domain("k8s-worker-1")
    assert str(failure.value) == (
        f"`virsh --connect qemu:///system {UNDEFINE} k8s-worker-1` failed: Requested operation is not valid"
    )


def test_a_missing_virsh_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, leftovers: Leftovers) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LeftoversError) as failure:
        leftovers.domain("k8s-worker-1")
    assert str(failure.value) == "virsh is not on PATH. Install it: sudo apt-get install libvirt-clients"


def test_a_libvirt_that_does_not_answer_is_not_waited_for(
    hypervisor: Hypervisor, monkeypatch: pytest.MonkeyPatch, leftovers: Leftovers
) -> None:
    (hypervisor.directory / "virsh").write_text("#!/bin/sh\nexec sleep 30\n")
    monkeypatch.setattr("components.virsh.LIMIT", 0.1)
    with pytest.raises(LeftoversError) as failure:
        leftovers.domain("k8s-worker-1")
    assert str(failure.value) == (
        "`virsh --connect qemu:///system list --all --name` did not end in 0.1 s. "
        "Restart libvirt: sudo systemctl restart libvirtd"
    )
