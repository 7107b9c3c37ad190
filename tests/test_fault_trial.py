"""What the fault harness concludes from the runs of one trial; the lab and `make` are stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e import cluster, end_state
from tests.e2e.faults import make_run, report, trial
from tests.e2e.faults.fault import Fault, Scene
from tests.e2e.faults.moments import begins, prints

DONE: list[str] = []
"""What was done to the stand-in of the lab, in order."""


def note(text: str) -> Callable[..., None]:
    return lambda *_, **__: DONE.append(text)


FAULT = Fault(name="it-breaks", what="It breaks", start="nothing", when=None, inject=note("inject"))
BEGINS = {"resourcePreEvent": {"metadata": {"op": "create", "urn": "urn:pulumi:lab::p::t::a"}}}
CREATED = {"resOutputsEvent": {"metadata": {"op": "create", "urn": "urn:pulumi:lab::p::t::a"}}}


@pytest.fixture(autouse=True)
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab in which nothing happens, and an end state that is always reached."""
    DONE.clear()
    monkeypatch.setattr(trial, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(trial, "clear", note("clear"))
    monkeypatch.setattr(trial, "lift_all", note("lift"))
    monkeypatch.setattr(trial, "run", lambda *_, **__: "abc1234\n")
    monkeypatch.setattr(cluster.Cluster, "of_the_stack", note("read outputs"))
    monkeypatch.setattr(end_state, "is_reached", note("end state"))
    monkeypatch.setattr(end_state, "nothing_is_left", note("nothing left"))
    monkeypatch.setattr(cluster, "STATE", tmp_path)
    monkeypatch.setattr(make_run, "EVENTS", tmp_path / "events.jsonl")


def make(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, up: str, destroy: str = "false") -> None:
    """What `make` does; `$tries` counts its runs, `event JSON` writes into the event log."""
    helpers = (
        f"cd {tmp_path}; echo >>tries; tries=$(wc -l <tries); touch events.jsonl\n"
        'event() { printf "%s\\n" "$1" >>events.jsonl; }\n'
    )
    for verb, script in (("up", up), ("destroy", destroy)):
        monkeypatch.setitem(make_run.COMMANDS, verb, ("bash", "-c", helpers + script))


def outcome(fault: Fault) -> report.Outcome:
    return trial.outcome(fault)


def test_a_run_that_goes_on_to_its_end_has_coped_and_no_other_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, "true")
    result = outcome(FAULT)
    assert (result.failure, result.healed, result.when) == ("", "the run goes on to its end", "before the run")
    assert DONE == ["clear", "lift", "inject", "read outputs", "end state"]
    assert (tmp_path / "tries").read_text().count("\n") == 1


def test_after_a_run_that_failed_the_next_one_has_to_cope_and_what_it_did_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(
        monkeypatch,
        tmp_path,
        f"((tries > 1)) || {{ echo 'error: no power'; exit 2; }}; event '{json.dumps(CREATED)}'",
    )
    result = outcome(replace(FAULT, user="turns it on", user_does=note("user")))
    assert result.failure == ""
    assert result.healed == "the user turns it on; the next `make up` (1 × create)"
    assert result.seen == "error: no power"
    assert DONE[2:] == ["inject", "user", "read outputs", "end state"]


def test_two_failures_in_a_row_are_one_fault_that_was_not_coped_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, "echo error: attempt $tries; exit 2")
    result = outcome(FAULT)
    assert result.failure == "`make up` ended with 2: error: attempt 2"
    assert "end state" not in DONE


def test_a_fault_is_put_in_at_its_moment_and_a_killed_run_does_not_end_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, f"event '{json.dumps(BEGINS)}'; ((tries > 1)) || sleep 600")

    def kill(scene: Scene) -> None:
        assert scene.run is not None
        assert scene.run.running()
        scene.run.kill_tree()

    result = outcome(replace(FAULT, when=begins("a"), inject=kill))
    assert (result.failure, result.when) == ("", "when a begins")
    assert result.healed == "the next `make up` (all unchanged)"


def test_what_make_is_given_is_for_the_run_that_the_fault_is_put_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, f"event '{json.dumps(BEGINS)}'; echo given $*; ((tries > 1))")
    monkeypatch.setitem(make_run.COMMANDS, "up", (*make_run.COMMANDS["up"], "make"))
    result = outcome(replace(FAULT, when=begins("a"), given=("REPLACE=worker-1",)))
    assert (result.failure, result.when) == ("", "when a begins, in `make up REPLACE=worker-1`")
    logs = tmp_path / "logs" / FAULT.name
    assert [(logs / log).read_text() for log in ("1.log", "2.log")] == ["given REPLACE=worker-1\n", "given\n"]


def test_a_fault_may_be_put_into_a_destroy_that_the_next_one_has_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, up="false", destroy="echo domain deleted; ((tries > 1)) || sleep 600")

    def kill(scene: Scene) -> None:
        assert scene.run is not None
        scene.run.kill_tree()

    result = outcome(replace(FAULT, when=prints("domain deleted"), into="destroy", verb="destroy", inject=kill))
    assert (result.failure, result.healed) == ("", "`make destroy` leaves nothing")
    assert (tmp_path / "tries").read_text().count("\n") == 2


def test_an_outage_is_over_before_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, tmp_path, "test ! -e outage")

    def begin(scene: Scene) -> None:
        (tmp_path / "outage").touch()
        scene.ends_with_the_run.callback((tmp_path / "outage").unlink)

    assert outcome(replace(FAULT, inject=begin)).failure == ""
    assert (tmp_path / "tries").read_text().count("\n") == 2


def test_a_message_that_should_be_there_and_is_not_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, "echo timed out; ((tries > 1))")
    assert outcome(replace(FAULT, message="cloud-init failed")).failure.startswith("no line of the output has")
    assert outcome(replace(FAULT, message="timed out")).seen == "timed out"


def test_a_destroy_is_judged_by_what_it_leaves_and_by_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, tmp_path, up="false", destroy="true")
    fault = replace(FAULT, verb="destroy")
    result = outcome(fault)
    assert (result.failure, result.healed) == ("", "`make destroy` leaves nothing")
    assert DONE[2:] == ["inject", "nothing left"]
    monkeypatch.setattr(trial, "DESTROY_SECONDS", -1)
    assert outcome(fault).failure == "`make destroy` took 0 s"


def test_an_end_state_that_is_not_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(monkeypatch, tmp_path, "true")

    def not_reached(_: object) -> None:
        raise AssertionError("Ready are {}\nmore")

    monkeypatch.setattr(end_state, "is_reached", not_reached)
    assert outcome(FAULT).failure == "Ready are {}"


def test_a_moment_that_never_comes_is_told_and_the_run_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(monkeypatch, tmp_path, "true")
    result = outcome(replace(FAULT, when=begins("a")))
    assert result.failure == "the run ended before the moment “when a begins”"
    assert "inject" not in DONE


def test_a_run_that_does_not_end_is_interrupted_when_the_user_has_had_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_run, "MERCY_SECONDS", 0)
    make(monkeypatch, tmp_path, "((tries > 1)) || sleep 600")
    result = outcome(replace(FAULT, patience=0.5))
    assert (result.failure, result.healed.split(";")[0]) == ("", "the user presses Ctrl-C after 0 min")
