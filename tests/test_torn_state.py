"""A state that a power cut has left half-written is replaced by its copy of one step earlier, or named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.torn_state import main

WHOLE = '{"version": 3}'
EARLIER = '{"version": 3, "checkpoint": {}}'
TORN = ["", '{"version": 3, "chec', "[]", "\0\0\0\0"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of the stack lab, which nobody has written yet."""
    directory = tmp_path / ".pulumi" / "stacks" / "kubeadm-libvirt"
    directory.mkdir(parents=True)
    return directory / "lab.json"


def test_a_whole_state_is_left_as_it_is(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(WHOLE)
    file.with_name("lab.json.bak").write_text(EARLIER)
    assert main(tmp_path, "lab") == 0
    assert file.read_text() == WHOLE
    assert {path.name for path in file.parent.iterdir()} == {"lab.json", "lab.json.bak"}
    assert capsys.readouterr().err == ""


def test_a_stack_that_was_never_made_is_no_torn_one(file: Path, tmp_path: Path) -> None:
    file.with_name("dev.json").write_text("")
    assert main(tmp_path, "lab") == 0


@pytest.mark.parametrize("torn", TORN)
def test_a_torn_state_is_what_it_was_one_step_earlier(
    torn: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(torn)
    file.with_name("lab.json.bak").write_text(EARLIER)
    assert main(tmp_path, "lab") == 0
    assert file.read_text() == file.with_name("lab.json.bak").read_text() == EARLIER
    assert file.with_name("lab.json.torn").read_text() == torn
    assert capsys.readouterr().err == (
        f"The state was cut off while it was written, and is as it was one step earlier; what was there: {file}.torn\n"
    )


@pytest.mark.parametrize("copy", [*TORN, None])
def test_a_state_whose_copy_is_torn_too_is_named_with_the_way_out(
    copy: str | None, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("{")
    if copy is not None:
        file.with_name("lab.json.bak").write_text(copy)
    assert main(tmp_path, "lab") == 1
    assert file.read_text() == "{", "nothing was touched"
    said = capsys.readouterr().err
    assert f"{file} was cut off while it was written" in said
    assert f"from {tmp_path}/.pulumi/backups/kubeadm-libvirt/lab;" in said
