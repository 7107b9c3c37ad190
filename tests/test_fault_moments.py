"""The fault harness finds a moment in the event log of a run that is still writing it."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.faults.moments import Moment, NotReachedError, Printed, begins, ends, prints, says, watch


def event(kind: str, name: str) -> dict[str, Any]:
    """A step's begin or end, as the engine writes it."""
    return {kind: {"metadata": {"op": "create", "urn": f"urn:pulumi:lab::p::t$u::{name}"}}}


def progress(name: str, message: str) -> dict[str, Any]:
    """A line that a resource prints."""
    return {"diagnosticEvent": {"urn": f"urn:pulumi:lab::p::t::{name}", "message": message}}


def log(directory: Path, *events: dict[str, Any]) -> Path:
    path = directory / "events.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in events))
    return path


def found(path: Path, moment: Moment | Printed) -> bool:
    """Whether the log of a run that has ended has the moment."""
    try:
        watch(path, moment, running=lambda: False, seconds=5)
    except NotReachedError:
        return False
    return True


def test_a_step_begins_with_its_first_event_and_ends_with_its_outputs(tmp_path: Path) -> None:
    path = log(tmp_path, event("resourcePreEvent", "k8s-worker-1-join"))
    assert found(path, begins("k8s-worker-1-join"))
    assert not found(path, ends("k8s-worker-1-join"))
    assert not found(path, begins("join")), "a name is a whole name"


def test_a_moment_of_several_resources_is_when_the_last_of_them_is_there(tmp_path: Path) -> None:
    first, second = event("resOutputsEvent", "a"), event("resOutputsEvent", "b")
    assert not found(log(tmp_path, first, first), ends("a", "b"))
    assert found(log(tmp_path, second, first), ends("a", "b"))


def test_a_line_of_progress_is_known_by_its_resource_and_its_text(tmp_path: Path) -> None:
    path = log(tmp_path, progress("k8s-worker-1-prepare", "[worker-1 +11s] install docker, kubeadm\n"))
    assert found(path, says("k8s-worker-1-prepare", "install docker"))
    assert not found(path, says("k8s-worker-2-prepare", "install docker"))
    assert not found(path, says("k8s-worker-1-prepare", "upgrade"))


def test_the_log_may_appear_late_and_grow_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    line = json.dumps(event("resourcePreEvent", "late")) + "\n"

    def write() -> None:
        with path.open("w") as file:
            for piece in (line[:20], line[20:]):
                file.write(piece)
                file.flush()

    writer = threading.Timer(0.1, write)
    writer.start()
    watch(path, begins("late"), running=lambda: True, seconds=10)
    writer.join()


def test_what_a_run_prints_is_a_moment_too(tmp_path: Path) -> None:
    output = tmp_path / "1.log"
    output.write_text(" -  libvirt:index:Domain k8s-worker-1-domain deleting (0s)\n")
    assert not found(output, prints("k8s-worker-1-domain deleted"))
    with output.open("a") as file:
        file.write(" -  libvirt:index:Domain k8s-worker-1-domain deleted (0.31s)\n")
    assert found(output, prints("k8s-worker-1-domain deleted"))


def test_a_run_that_ends_before_the_moment_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(NotReachedError, match="the run ended before the moment “when worker-1-join begins”"):
        watch(log(tmp_path), begins("k8s-worker-1-join"), running=lambda: False, seconds=5)


def test_a_moment_that_does_not_come_is_not_waited_for_without_end(tmp_path: Path) -> None:
    with pytest.raises(NotReachedError, match="“when a is done” did not come within 0 s"):
        watch(log(tmp_path), ends("a"), running=lambda: True, seconds=0.05)
