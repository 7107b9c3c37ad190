"""What a cluster that exists cannot change is refused, in a preview too, with the way out."""

from __future__ import annotations

from typing import Any

import pytest

from components.cluster_identity import REASONS
from components.settings import SettingsError
from tests.conftest import RunProgram
from tests.recording import Run

CHANGES = {
    "clusterName": "blue",
    "networkCidr": "10.50.0.0/24",
    "storagePath": "/srv/disks",
    "podCidr": "10.32.0.0/14",
    "serviceCidr": "10.112.0.0/16",
    "kubernetesVersion": "1.36.4",
    "diskSize": 30,
}


@pytest.fixture
def existing(applied: Run) -> dict[str, Any]:
    """What a stack has remembered that was made with the default configuration."""
    remembered: dict[str, Any] = applied.one(":Stash", "cluster").plain("input")
    return remembered


def test_everything_that_would_lose_the_cluster_is_remembered(existing: dict[str, Any]) -> None:
    assert set(existing) == set(REASONS) == {*CHANGES, "image"}


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("key", CHANGES)
def test_a_change_that_would_lose_the_cluster_is_refused(
    run_program: RunProgram, existing: dict[str, Any], key: str, *, preview: bool
) -> None:
    with pytest.raises(SettingsError) as refusal:
        run_program(preview=preview, remembered={"cluster": existing}, **{key: CHANGES[key]})
    heading, line, plain = str(refusal.value).split("\n")
    assert heading == "This cannot change in a cluster that exists; nothing was touched."
    way_out = (
        "take the cluster down under its old name first: make destroy"
        if key == "clusterName"
        else "build the cluster anew, without what is in it: make up REBUILD=yes"
    )
    assert line == (
        f"- {key} = '{CHANGES[key]}' is refused: the cluster was made with {existing[key] or 'none'}, and "
        f"{REASONS[key]}. Way out: set it back, or {way_out}"
    )
    assert plain == "With plain Pulumi the way to build it anew is: pulumi destroy, then pulumi up"


def test_all_refused_changes_come_in_one_message(run_program: RunProgram, existing: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as refusal:
        run_program(remembered={"cluster": existing}, podCidr="10.32.0.0/14", serviceCidr="10.112.0.0/16")
    assert [line.split(" ")[1] for line in str(refusal.value).split("\n") if line.startswith("- ")] == [
        "podCidr",
        "serviceCidr",
    ]


def test_an_image_of_other_content_is_refused_and_one_that_only_moved_is_not(
    run_program: RunProgram, existing: dict[str, Any]
) -> None:
    moved = {**existing, "image": f"/elsewhere/debian.qcow2 {existing['image'].split(' ')[1]}"}
    run_program(remembered={"cluster": moved})
    other = {**existing, "image": f"{existing['image'].split(' ')[0]} (0123456789ab)"}
    with pytest.raises(SettingsError, match="- image = "):
        run_program(remembered={"cluster": other})


@pytest.mark.parametrize(
    "change",
    [
        {"workers": 3},
        {"controlPlaneMemory": 4096},
        {"workerMemory": 4096},
        {"webServerReplicas": 4},
        {"nodePort": 30081},
        {"timeoutFactor": 2},
        {"containerRuntime": "containerd"},
        {"machines": '{"worker-1": {"diskSize": 40}}'},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_a_cluster_can_change_is_accepted(
    run_program: RunProgram, existing: dict[str, Any], change: dict[str, Any]
) -> None:
    run_program(remembered={"cluster": existing}, **change)


def test_the_default_storage_directory_is_the_same_where_it_is_written_out(
    run_program: RunProgram, existing: dict[str, Any]
) -> None:
    written_out = "/var/lib/libvirt/images/k8s"
    run_program(remembered={"cluster": existing}, storagePath=f"{written_out}/")
    run_program(remembered={"cluster": {**existing, "storagePath": written_out}})
    with pytest.raises(SettingsError, match="- storagePath = '/var/lib/libvirt/images/blue'"):
        run_program(remembered={"cluster": existing}, storagePath="/var/lib/libvirt/images/blue")


def test_a_stack_that_remembers_fewer_keys_is_held_to_those(run_program: RunProgram, existing: dict[str, Any]) -> None:
    run_program(remembered={"cluster": {"podCidr": existing["podCidr"]}})
