from __future__ import annotations

import pytest

from lab.build import STEPS, select
from lab.host import debian_sources
from lab.steps import Step, StepFailed
from tests.executable import executable


def step(name: str, *needs: str) -> Step:
    return Step(name=name, run=lambda: None, results=[], needs=needs)


STEPS_OF_A_HOUSE = [step("walls"), step("roof", "walls"), step("garden"), step("party", "roof", "garden")]


def test_without_a_name_everything_is_built() -> None:
    assert select([], STEPS_OF_A_HOUSE) == STEPS_OF_A_HOUSE


def test_a_named_step_brings_what_it_needs_and_nothing_else() -> None:
    assert [step.name for step in select(["roof"], STEPS_OF_A_HOUSE)] == ["walls", "roof"]


def test_a_name_that_no_step_has_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(StepFailed, match=r"no step 'rof'.*walls, roof, garden, party"):
        select(["rof"], STEPS_OF_A_HOUSE)


def test_no_two_steps_share_a_name_and_none_needs_one_that_does_not_exist() -> None:
    names = [step.name for step in STEPS]
    assert len(names) == len(set(names)), "two steps of one name share a stamp, and one of them would never run"
    assert {need for step in STEPS for need in step.needs} <= set(names)


def test_the_mirror_is_taken_from_this_machines_apt_and_the_first_one_wins(fake_apt: str) -> None:
    sources = debian_sources("trixie")
    assert [line.split("] ")[1] for line in sources] == [
        "http://first.example/debian/ trixie main",
        "http://first.example/debian/ trixie-updates main",
        "http://security.example/ trixie-security main",
    ]


def test_without_a_debian_mirror_in_apts_sources_the_lab_says_what_it_lacks(
    fake_apt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APT_ANSWER", "Ubuntu|http://other.example/")
    with pytest.raises(StepFailed, match="no Debian source"):
        debian_sources("trixie")


@pytest.fixture
def fake_apt(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    directory = tmp_path_factory.mktemp("bin")
    executable(directory / "apt-get", '#!/bin/sh\necho "$APT_ANSWER"\n')
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    answer = ["Debian|http://first.example/debian/", "Debian-Security|http://security.example/"]
    monkeypatch.setenv("APT_ANSWER", "\n".join([*answer, "Debian|http://second.example/debian/"]))
    return str(directory)
