"""Scenarios of `make e2e` that would not end in time are left out, and nothing else is."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.configuration import REPOSITORY
from tests.e2e import conftest

SCENARIOS = sorted(path.name for path in (REPOSITORY / "tests" / "e2e").glob("test_*.py"))


def begins(name: str) -> bool:
    try:
        conftest.pytest_runtest_setup(cast("pytest.Item", SimpleNamespace(path=Path(name))))
    except pytest.skip.Exception:
        return False
    return True


def test_all_begin_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest, "LAST_START", time.time() + 60)
    assert [name for name in SCENARIOS if not begins(name)] == []


def test_a_clusters_end_state_and_its_end_are_looked_at_however_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest, "LAST_START", time.time() - 1)
    assert [name for name in SCENARIOS if begins(name)] == [SCENARIOS[0], SCENARIOS[-1]]
    assert len(SCENARIOS) > 2, "and scenarios there are"
