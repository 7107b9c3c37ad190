"""`make destroy` leaves nothing of ours in libvirt, whatever was done there by hand or a killed run has left."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lab.checkout import OWN_MARK, Checkout


def everything_undefined(checkout: Checkout) -> None:
    checkout.virsh("undefine", f"{checkout.cluster}-worker-1")
    checkout.inside("rm", str(checkout.pool / f"{checkout.cluster}-worker-1.qcow2"))
    for kind in ("net", "pool"):
        checkout.virsh(f"{kind}-destroy", checkout.cluster)
        checkout.virsh(f"{kind}-undefine", checkout.cluster)


def everything_stopped(checkout: Checkout) -> None:
    for kind in ("net", "pool"):
        checkout.virsh(f"{kind}-destroy", checkout.cluster)


def directory_gone(checkout: Checkout) -> None:
    everything_stopped(checkout)
    checkout.inside("rm", "-r", str(checkout.pool))


def orphans(checkout: Checkout) -> None:
    checkout.domain(f"{checkout.cluster}-worker-7")
    checkout.domain(f"{checkout.cluster}-worker-8", description=OWN_MARK, running=True)
    for name in ("base-ba9876543210.qcow2", f"{checkout.cluster}-worker-7.qcow2"):
        checkout.inside("touch", str(checkout.pool / name))


FAULTS = [everything_undefined, everything_stopped, directory_gone, orphans]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_destroy_leaves_nothing_after(fault: Callable[[Checkout], None], checkout: Checkout) -> None:
    up = checkout.up()
    assert up.code == 0, up.output
    fault(checkout)
    destroyed = checkout.destroy()
    assert destroyed.code == 0, destroyed.output
    assert checkout.ours() == [], destroyed.output
    assert not checkout.state().get("resources"), destroyed.output
    assert "the lab would stop here" in destroyed.output


def test_destroy_leaves_nothing_of_a_run_that_was_killed(checkout: Checkout) -> None:
    checkout.kill_while_it_creates()
    checkout.domain(f"{checkout.cluster}-worker-1", description=OWN_MARK, running=True)
    assert checkout.locks()
    assert checkout.state()["pending_operations"]
    destroyed = checkout.destroy()
    assert destroyed.code == 0, destroyed.output
    assert "Removed the lock of a run that was killed: root on" in destroyed.output
    assert checkout.ours() == [], destroyed.output
    assert checkout.locks() == []


def test_a_file_that_is_not_ours_stays_and_is_named(checkout: Checkout) -> None:
    up = checkout.up()
    assert up.code == 0, up.output
    file = checkout.pool / "notes.txt"
    checkout.inside("touch", str(file))
    destroyed = checkout.destroy()
    assert destroyed.code == 0, destroyed.output
    assert checkout.ours() == [str(checkout.pool), str(file)], destroyed.output
    command = f"rm -r '{file}' && rmdir '{checkout.pool}'"
    assert f"{file} is not ours, and was left. Remove it with: {command}" in destroyed.output
    checkout.inside("bash", "-c", command)
    assert checkout.ours() == []


def test_somebody_elses_running_domain_stays_and_is_named_with_the_commands(checkout: Checkout) -> None:
    name = f"{checkout.cluster}-worker-1"
    checkout.domain(name, description="kubeadm-libvirt 0123", running=True)
    destroyed = checkout.destroy()
    assert destroyed.code == 0, destroyed.output
    assert checkout.ours() == [name]
    assert f"virsh --connect qemu:///system destroy --domain {name} && " in destroyed.output


def test_a_cluster_whose_state_is_lost_is_like_somebody_elses_and_goes_by_the_commands_that_are_named(
    checkout: Checkout,
) -> None:
    up = checkout.up()
    assert up.code == 0, up.output
    (checkout.directory / ".state/lab/.pulumi/stacks/kubeadm-libvirt/lab.json").unlink()
    before = checkout.ours()
    destroyed = checkout.destroy()
    assert destroyed.code == 0, destroyed.output
    assert checkout.ours() == before, destroyed.output
    for name in (f"{checkout.cluster}-control-plane-1", f"{checkout.cluster}-worker-1"):
        line = next(each for each in destroyed.output.splitlines() if each.startswith(f"The domain {name} is off"))
        checkout.inside("bash", "-c", line.partition("remove it: ")[2].partition(". If not")[0])
    destroyed = checkout.destroy()
    assert destroyed.code == 0, destroyed.output
    assert checkout.ours() == [], destroyed.output
