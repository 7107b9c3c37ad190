"""The fault harness's page: what people saw, taken from real output, in a table that Markdown can show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.faults import report
from tests.e2e.faults.__main__ import FAULTS, main
from tests.e2e.faults.report import Outcome, markdown, message

OUTPUT = """
Diagnostics:
  command:remote:Command (k8s-worker-1-prepare):
    \x1b[31merror: \x1b[0mexit status 1: running "sudo timeout 9600 bash -s prepare-node.sh":
    [worker-1 +11s] install docker, kubeadm, kubelet and kubectl 1.37.2
    worker-1: apt-get install failed. The end of the log: E: Unable to fetch
    worker-1: failed while: install docker, kubeadm, kubelet and kubectl 1.37.2

  pulumi:pulumi:Stack (kubeadm-libvirt-lab):
    error: update failed
"""

COPED = Outcome(
    name="kill-init",
    what="Pulumi is killed",
    when="when init begins",
    seen="",
    healed="the next `make up` (2 × create)",
    seconds=191.4,
    failure="",
    date="2026-11-25T21:00:00+00:00",
    machine="2 processors",
    commit="abc1234",
)


def test_what_a_machine_says_itself_is_told_before_the_command_that_failed() -> None:
    assert message([OUTPUT], "") == "worker-1: apt-get install failed. The end of the log: E: Unable to fetch"


def test_without_a_sentence_of_a_machine_the_last_error_is_told() -> None:
    locked = "error: the stack is currently locked by 1 lock(s)\nerror: update failed\n"
    assert message(["fine\n", locked], "") == "error: the stack is currently locked by 1 lock(s)"
    exists = "error: sdk: domain 'k8s-worker-1' already exists\n error: 1 error occurred:\n  * error defining\n"
    assert message([exists], "") == "error: sdk: domain 'k8s-worker-1' already exists"


def test_where_nothing_failed_what_the_tools_have_put_right_is_told() -> None:
    removed = "Removed the lock of a run that was killed: root on here, process 7, since 2026-11-25 21:00:00."
    assert message(["[worker-1 +1s] install docker", f"{removed}\nLooking at what is there\n"], "") == removed
    assert message([f"{removed}\nk8s-worker-1: its disk is gone; it becomes a new machine"], "").startswith(
        "k8s-worker-1"
    )


def test_with_a_pattern_only_the_line_that_matches_is_told() -> None:
    assert message([OUTPUT], "failed while: install").startswith("worker-1: failed while")
    assert message([OUTPUT], "Hash Sum mismatch") == ""


def test_a_run_that_says_nothing_gives_nothing() -> None:
    assert message(["Resources:\n    45 unchanged\n"], "") == ""


def test_a_row_has_fault_moment_message_healing_and_time() -> None:
    page = markdown([COPED], [])
    assert "## 2026-11-25, commit abc1234\n\nOn 2 processors.\n" in page
    assert (
        "| Pulumi is killed (`kill-init`) | when init begins | nothing | the next `make up` (2 × create) | 3 min 11 s |"
        in page.splitlines()
    )


def test_a_fault_that_was_not_coped_with_is_told_with_its_reason_and_counted() -> None:
    page = markdown([COPED, replace(COPED, name="off-init", failure="`make up` hung", seconds=9)], ["all-off"])
    assert "2 faults were tried; 1 were coped with." in page
    assert "Not tried: all-off." in page
    assert "| **It did not:** `make up` hung | 9 s |" in page


def test_a_message_with_signs_of_its_own_breaks_no_table() -> None:
    row = markdown([replace(COPED, seen="a | b\n`c` " + "x" * 400)], []).splitlines()[-1]
    assert row.count(" | ") == 4
    assert "`a \\| b 'c' xxx" in row
    assert "…` |" in row


def test_outcomes_of_several_commits_are_kept_apart_and_the_newest_is_first() -> None:
    old = replace(COPED, commit="old", date="2026-01-01T00:00:00+00:00")
    headings = [line for line in markdown([old, COPED], []).splitlines() if line.startswith("## ")]
    assert headings == ["## 2026-11-25, commit abc1234", "## 2026-01-01, commit old"]


def test_the_page_follows_from_all_outcomes_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "OUTCOMES", tmp_path / "outcomes.json")
    COPED.keep()
    replace(COPED, name="off-init").keep()
    page = report.page(["kill-init", "off-init", "all-off"])
    assert "2 faults were tried" in page
    assert "Not tried: all-off." in page


def test_a_fault_that_is_tried_again_replaces_its_earlier_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "OUTCOMES", tmp_path / "outcomes.json")
    replace(COPED, failure="`make up` hung").keep()
    COPED.keep()
    assert report.kept(["kill-init"]) == [COPED]


def test_the_page_in_the_repository_is_what_its_outcomes_say() -> None:
    assert report.page([fault.name for fault in FAULTS]) == report.PAGE.read_text(), (
        "after a change of the catalogue: python -c 'from tests.e2e.faults import __main__; __main__.write_page()'"
    )


def test_only_faults_of_the_catalogue_have_outcomes_in_the_repository() -> None:
    outcomes = json.loads(report.OUTCOMES.read_text())
    assert {outcome["name"] for outcome in outcomes} <= {fault.name for fault in FAULTS}


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_what_a_user_does_is_told() -> None:
    assert [fault.name for fault in FAULTS if fault.user_does and not fault.user] == []


def test_a_name_that_no_fault_has_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kill-nothing"]) == 2
    assert "There is no fault kill-nothing. There are: kill-keys, " in capsys.readouterr().err
