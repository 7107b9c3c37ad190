from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import steps
from lab.steps import Step, StepFailed, run_all, sh


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "STAMPS", tmp_path / "stamps")
    monkeypatch.setattr(steps, "LOGS", tmp_path / "logs")


class Kitchen:
    """Makes steps that write their result and note that they ran."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ran: list[str] = []

    def step(
        self,
        name: str,
        *,
        needs: tuple[str, ...] = (),
        inputs: tuple[str | Path, ...] = (),
        lane: str = "build",
        instead: Callable[[], None] | None = None,
    ) -> Step:
        def run() -> None:
            self.ran.append(name)
            if instead:
                instead()
            else:
                (self.directory / name).write_text("made")

        return Step(name=name, run=run, results=[self.directory / name], inputs=inputs, needs=needs, lane=lane)


@pytest.fixture
def kitchen(tmp_path: Path) -> Kitchen:
    return Kitchen(tmp_path)


def refuse() -> None:
    raise StepFailed("the module example.org/x v1 is not available")


def test_a_step_that_is_done_is_skipped_and_says_nothing(kitchen: Kitchen, capsys: pytest.CaptureFixture[str]) -> None:
    run_all([kitchen.step("one")])
    capsys.readouterr()
    run_all([kitchen.step("one")])
    assert kitchen.ran == ["one"]
    assert capsys.readouterr().out == ""


def test_a_changed_pin_runs_the_step_again(kitchen: Kitchen) -> None:
    run_all([kitchen.step("one", inputs=("1.0",))])
    run_all([kitchen.step("one", inputs=("1.1",))])
    assert kitchen.ran == ["one", "one"]


def test_a_changed_file_runs_the_step_again(kitchen: Kitchen, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("a")
    run_all([kitchen.step("one", inputs=(source,))])
    source.write_text("b")
    run_all([kitchen.step("one", inputs=(source,))])
    assert kitchen.ran == ["one", "one"]


def test_an_input_that_changes_while_the_step_runs_counts_as_changed(kitchen: Kitchen, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("a")

    def edited_meanwhile() -> None:
        source.write_text("b")
        (tmp_path / "one").write_text("made of a")

    run_all([kitchen.step("one", inputs=(source,), instead=edited_meanwhile)])
    assert not kitchen.step("one", inputs=(source,)).is_done()


def test_a_result_that_was_removed_is_made_again(kitchen: Kitchen, tmp_path: Path) -> None:
    run_all([kitchen.step("one")])
    (tmp_path / "one").unlink()
    run_all([kitchen.step("one")])
    assert kitchen.ran == ["one", "one"]


def test_a_run_after_a_failure_keeps_what_was_made_and_goes_on(kitchen: Kitchen) -> None:
    with pytest.raises(StepFailed):
        run_all([kitchen.step("one"), kitchen.step("two", needs=("one",), instead=refuse)])
    run_all([kitchen.step("one"), kitchen.step("two", needs=("one",))])
    assert kitchen.ran == ["one", "two", "two"]


def test_a_step_runs_after_what_it_needs_whatever_the_order_of_the_list(kitchen: Kitchen) -> None:
    run_all([kitchen.step("last", needs=("middle",)), kitchen.step("middle", needs=("first",)), kitchen.step("first")])
    assert kitchen.ran == ["first", "middle", "last"]


def test_nothing_new_starts_after_a_failure(kitchen: Kitchen) -> None:
    with pytest.raises(StepFailed):
        run_all([kitchen.step("one", instead=refuse), kitchen.step("two")])
    assert kitchen.ran == ["one"]


def test_the_error_names_the_step_and_the_reason(kitchen: Kitchen) -> None:
    with pytest.raises(StepFailed, match=r"^one: the module example\.org/x v1 is not available$"):
        run_all([kitchen.step("one", instead=refuse)])


def test_a_step_that_ends_without_its_result_has_failed(kitchen: Kitchen) -> None:
    with pytest.raises(StepFailed, match=r"one: ended without making .*/one"):
        run_all([kitchen.step("one", instead=lambda: None)])


def test_a_need_that_no_step_makes_is_an_error_and_not_a_silent_stop(kitchen: Kitchen) -> None:
    with pytest.raises(StepFailed, match="one: needs host-packages"):
        run_all([kitchen.step("one", needs=("host-packages",))])


def test_steps_of_different_lanes_run_at_the_same_time(kitchen: Kitchen, tmp_path: Path) -> None:
    both = threading.Barrier(2, timeout=30)

    def meet(name: str) -> Callable[[], None]:
        def run() -> None:
            both.wait()
            (tmp_path / name).write_text("made")

        return run

    run_all([kitchen.step("one", instead=meet("one")), kitchen.step("two", lane="fetch", instead=meet("two"))])
    assert sorted(kitchen.ran) == ["one", "two"]


def test_a_failed_command_shows_its_last_lines_and_where_the_rest_is(tmp_path: Path) -> None:
    with pytest.raises(StepFailed) as failed:
        sh(sys.executable, "-c", "import sys; print('refused: example.org/x'); sys.exit(3)", log="one")
    assert "ended with 3" in str(failed.value)
    assert "refused: example.org/x" in str(failed.value)
    assert str(tmp_path / "logs" / "one.log") in str(failed.value)


def test_a_command_that_is_not_installed_is_named() -> None:
    with pytest.raises(StepFailed, match="`no-such-command` is not on this machine"):
        sh("no-such-command", log="one")
