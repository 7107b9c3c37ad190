"""A preview says in words what a new control plane means."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pytest

from components.rebuild import say_what_is_made_anew
from tests.recording import run


class ControlPlane:
    """A machine of which a preview knows only some things."""

    def __init__(self, *, key: bool, disk: bool, domain: bool) -> None:
        self.host_public_key = _output(known=key)
        self.made = type("Stash", (), {"id": _output(known=disk)})
        self.domain = type("Domain", (), {"id": _output(known=domain)})


def _output(*, known: bool) -> pulumi.Output[str]:
    async def value() -> str:
        return "value"

    async def is_known() -> bool:
        return known

    async def is_secret() -> bool:
        return False

    return pulumi.Output(set(), value(), is_known(), is_secret())


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What is said for a machine of which only these things are known."""

    def ask(*, preview: bool = True, **known: bool) -> list[str]:
        lines: list[str] = []
        monkeypatch.setattr(pulumi.log, "warn", lines.append)
        run(lambda: say_what_is_made_anew(ControlPlane(**known)), preview=preview)  # type: ignore[arg-type]
        return lines

    return ask


def test_a_new_disk_is_said_to_lose_the_cluster(said: Callable[..., list[str]]) -> None:
    assert said(key=True, disk=False, domain=False) == [
        "The control plane gets a new disk: the cluster is rebuilt, and everything in it is lost."
    ]


def test_a_new_machine_around_the_disk_is_said_to_keep_it(said: Callable[..., list[str]]) -> None:
    (line,) = said(key=True, disk=True, domain=False)
    assert "the cluster keeps what is in it and is not rebuilt" in line


@pytest.mark.parametrize(
    "known",
    [
        {"key": False, "disk": False, "domain": False},  # the first `up`
        {"key": True, "disk": True, "domain": True},  # nothing changes
        {"key": True, "disk": False, "domain": False, "preview": False},
    ],
)
def test_nothing_is_said_where_nothing_is_made_anew(said: Callable[..., list[str]], known: dict[str, bool]) -> None:
    assert said(**known) == []
