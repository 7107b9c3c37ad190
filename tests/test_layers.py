"""What a machine has written since an external snapshot is not lost because Pulumi knows its disk alone."""

from __future__ import annotations

import pytest

from components.virsh import LeftoversError, Virsh
from tests.fake_virsh import DIRECTORY, OURS, Hypervisor
from tests.test_sweep import MADE, state
from tools.layers import refuse_layers
from tools.stack_state import StackState

SEED = f"<disk device='cdrom'><source file='{DIRECTORY}/k8s-worker-1-seed-1.iso'/><target dev='hda'/></disk>"
LAYER = f"{DIRECTORY}/k8s-worker-1.s1"


def disk(file: str, device: str = "vda") -> str:
    """A disk as libvirt shows it."""
    return f"<disk device='disk'><source file='{file}'/><target dev='{device}'/></disk>"


def look() -> None:
    refuse_layers(Virsh("qemu:///system"), StackState.parse(state(*MADE)))


@pytest.mark.parametrize("running", [True, False])
def test_a_machine_that_writes_into_a_layer_ends_the_run_with_the_command_that_merges_it(
    hypervisor: Hypervisor, *, running: bool
) -> None:
    hypervisor.domain("k8s-worker-1", running=running, description=OURS, devices=disk(LAYER) + SEED)
    with pytest.raises(LeftoversError) as refusal:
        look()
    assert str(refusal.value) == (
        f"k8s-worker-1 writes into {LAYER}, a layer on its disk, which make up would lose. Merge it into the disk "
        "first: virsh --connect qemu:///system blockcommit k8s-worker-1 vda --active --pivot --wait"
    )
    assert hypervisor.changes() == []


@pytest.mark.parametrize("more", ["", disk("/srv/data.qcow2", "vdb"), disk("/srv/data.qcow2", "sda")])
def test_a_machine_that_writes_into_its_disk_is_well_whatever_else_it_has(hypervisor: Hypervisor, more: str) -> None:
    own = disk(f"{DIRECTORY}/k8s-worker-1.qcow2")
    hypervisor.domain("k8s-worker-1", running=True, description=OURS, devices=own + SEED + more)
    look()


def test_machines_of_others_may_have_what_they_want(hypervisor: Hypervisor) -> None:
    hypervisor.domain("somebodys", running=True, description="", devices=disk(LAYER))
    look()
