"""Machines that go off while a run needs them are started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.virsh import Virsh
from tests.fake_virsh import DIRECTORY, OURS, Hypervisor
from tools.power import MOST_STARTS, Keeper
from tools.sweep import Cluster

REPOSITORY = Path(__file__).parents[1]
WORKER = "k8s-worker-1"
STARTED = "worker-1: shut off (destroyed) while this run needs it, and started again"


@pytest.fixture
def libvirt(hypervisor: Hypervisor) -> Hypervisor:
    """A hypervisor with a worker that runs."""
    runs(hypervisor)
    return hypervisor


def runs(libvirt: Hypervisor, name: str = WORKER, description: str = OURS) -> None:
    libvirt.domain(name, running=True, description=description)


def goes_off(libvirt: Hypervisor, name: str = WORKER, description: str = OURS) -> None:
    libvirt.domain(name, running=False, description=description, state="shut off", reason="destroyed")


def is_on(libvirt: Hypervisor, name: str = WORKER) -> bool:
    return bool(libvirt.world()["domains"][name]["active"])


@pytest.fixture
def said() -> list[str]:
    """What the keeper says."""
    return []


@pytest.fixture
def keeper(libvirt: Hypervisor, said: list[str]) -> Keeper:
    """One that has seen the worker run."""
    keeper = Keeper(Virsh("qemu:///system"), Cluster(name="k8s", directory=Path(DIRECTORY)), said.append)
    keeper.look()
    assert is_on(libvirt)
    return keeper


def looks(keeper: Keeper, times: int) -> None:
    for _ in range(times):
        keeper.look()


def test_a_machine_that_is_off_at_two_looks_is_started_and_named(
    libvirt: Hypervisor, keeper: Keeper, said: list[str]
) -> None:
    goes_off(libvirt)
    keeper.look()
    assert (is_on(libvirt), said) == (False, []), "Pulumi may be about to remove it"
    looks(keeper, 3)
    assert (is_on(libvirt), said) == (True, [STARTED])


def test_a_machine_that_was_off_from_the_beginning_is_left_to_pulumi(
    libvirt: Hypervisor, keeper: Keeper, said: list[str]
) -> None:
    goes_off(libvirt, "k8s-worker-2")
    looks(keeper, 3)
    assert (is_on(libvirt, "k8s-worker-2"), said) == (False, [])


def test_a_machine_that_was_made_anew_and_has_not_run_yet_is_left_to_pulumi(
    libvirt: Hypervisor, keeper: Keeper, said: list[str]
) -> None:
    Virsh("qemu:///system")("undefine", "--domain", WORKER)
    keeper.look()
    goes_off(libvirt)
    looks(keeper, 3)
    assert (is_on(libvirt), said) == (False, [])


@pytest.mark.parametrize(
    ("name", "description"),
    [("k8s-worker-1", "mine"), ("k8s-worker-x", OURS), ("other-worker-1", OURS), ("lab-k8s-worker-1", OURS)],
)
def test_a_machine_of_somebody_else_is_left_alone(
    libvirt: Hypervisor, said: list[str], keeper: Keeper, name: str, description: str
) -> None:
    runs(libvirt, name, description)
    keeper.look()
    goes_off(libvirt, name, description)
    looks(keeper, 3)
    assert (is_on(libvirt, name), said) == (False, [])


def test_a_machine_that_does_not_stay_on_is_left_off_in_the_end(
    libvirt: Hypervisor, keeper: Keeper, said: list[str]
) -> None:
    for _ in range(MOST_STARTS + 2):
        goes_off(libvirt)
        looks(keeper, 2)
    assert not is_on(libvirt)
    log = "/var/log/libvirt/qemu/k8s-worker-1.log"
    assert said == [
        *[STARTED] * MOST_STARTS,
        f"worker-1: shut off (destroyed) for the 4th time, and left so. Why may be in {log}",
    ]


def test_a_machine_that_cannot_be_started_is_named_once(libvirt: Hypervisor, keeper: Keeper, said: list[str]) -> None:
    goes_off(libvirt)
    libvirt.fails("start", "Cannot access storage file")
    looks(keeper, 4)
    assert said == [
        "worker-1: it is off while this run needs it, and cannot be started: "
        "`virsh --connect qemu:///system start --domain k8s-worker-1` failed: Cannot access storage file"
    ]


def test_a_libvirt_that_does_not_answer_for_a_while_is_waited_for(
    libvirt: Hypervisor, keeper: Keeper, said: list[str]
) -> None:
    libvirt.fails("list", "Failed to connect socket")
    looks(keeper, 2)
    libvirt.fails("none", "")
    goes_off(libvirt)
    looks(keeper, 2)
    assert (is_on(libvirt), said) == (True, [STARTED])


@pytest.fixture
def run() -> Iterator[subprocess.Popen[bytes]]:
    """A command that a keeper may belong to."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def keep(run: subprocess.Popen[bytes], uri: str, stack_file: Path) -> subprocess.Popen[str]:
    stack_file.write_text(f"config:\n  libvirt:uri: {uri}\n")
    command = [sys.executable, "-m", "tools.power", str(stack_file), str(run.pid)]
    return subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True)


def test_what_runs_when_a_run_begins_is_noted_at_once(libvirt: Hypervisor, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and its process is still there
        with keep(ended, "qemu:///system", tmp_path / "Pulumi.x.yaml") as keeper:
            assert keeper.wait(30) == 0
    assert libvirt.asked() == ["list", "list"], "a machine that goes off seconds later has to be known as one that ran"


@pytest.mark.usefixtures("libvirt")
def test_a_keeper_ends_with_the_run_that_it_belongs_to(run: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with keep(run, "qemu:///system", tmp_path / "Pulumi.x.yaml") as keeper:
        with pytest.raises(subprocess.TimeoutExpired):
            keeper.wait(3)
        run.kill()
        run.wait()
        began = time.monotonic()
        assert keeper.wait(20) == 0
        assert time.monotonic() - began < 4, "it waits for the end, and not for its next look"


@pytest.mark.usefixtures("libvirt")
@pytest.mark.parametrize("uri", ["qemu+ssh://host/system", "nonsense"])
def test_a_libvirt_elsewhere_or_none_is_not_looked_at(run: subprocess.Popen[bytes], uri: str, tmp_path: Path) -> None:
    with keep(run, uri, tmp_path / "Pulumi.x.yaml") as keeper:
        assert keeper.wait(30) == 0
        assert keeper.stderr is not None
        assert keeper.stderr.read() == ""


def test_a_run_that_has_ended_already_needs_no_keeper(libvirt: Hypervisor, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    with keep(ended, "qemu:///system", tmp_path / "Pulumi.x.yaml") as keeper:
        assert keeper.wait(30) == 0
    assert is_on(libvirt)
