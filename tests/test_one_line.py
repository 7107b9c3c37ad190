"""How a text that somebody else has written is shown: quickly, however long it is, and without its passwords."""

from __future__ import annotations

import time

import pytest

from components.one_line import LENGTH, one_line

LONG = 60_000


@pytest.mark.parametrize("text", ["//", "?a", "'a:", "a:", "a@", "@'a:", "a=?"])
def test_a_text_that_is_far_too_long_is_cut_at_once(text: str) -> None:
    started = time.monotonic()
    shown = one_line(text * (LONG // len(text)))
    assert time.monotonic() - started < 1, "a search that starts anew at each sign takes seconds"
    assert len(shown) <= LENGTH + 1
    assert shown.endswith("…")


@pytest.mark.parametrize("beginning", ["http://me:", "me:", "http://"])
def test_a_password_that_ends_behind_the_cut_is_not_shown(beginning: str) -> None:
    assert "secret" not in one_line(f"{beginning}{'secret' * LONG}@mirror.example/debian")
