"""The end state is checked and not assumed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace

import pulumi
import pytest
from pulumi_command import local

from components import verification
from components.verification import answering
from tests.configuration import make_settings
from tests.recording import Export, Run, run
from tests.web import Answer, refused_url, serve


@dataclass
class Clock:
    """Time that passes only while the code under test sleeps."""

    now: float = 1000.0

    async def sleep(self, seconds: float) -> None:
        """Lets others run, and time pass."""
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that verification looks at."""
    made = Clock()
    stand_in = SimpleNamespace(sleep=made.sleep, gather=asyncio.gather, to_thread=asyncio.to_thread)
    monkeypatch.setattr(verification, "asyncio", stand_in)
    monkeypatch.setattr(verification, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def ask(*urls: str, preview: bool = False, timeout_factor: int = 1) -> Export:
    """What `answering` makes of these URLs, after one resource."""

    def program() -> None:
        after = [local.Command("deployment")]
        pulumi.export("urls", answering(urls, make_settings(timeoutFactor=timeout_factor), after))

    return run(program, preview=preview).exports["urls"]


def test_urls_that_answer_are_the_result(clock: Clock) -> None:
    with serve(Answer()) as one, serve(Answer()) as two:
        assert ask(one.url, two.url).value == [one.url, two.url]
        assert (one.asked, two.asked) == (["/"] * 8, ["/"] * 8), "each connection may go to another pod"
    assert clock.now == 1000


def test_a_node_that_answers_at_last_is_waited_for(clock: Clock) -> None:
    with serve(Answer(status=500), Answer(status=503), Answer()) as web:
        assert ask(web.url).value == [web.url]
        assert len(web.asked) == 2 + 8
    assert clock.now == 1002, "a pause after each failure, and a short one"


def test_a_node_that_reaches_only_some_of_the_pods_is_waited_for(clock: Clock) -> None:
    with serve(Answer(), Answer(), Answer(status=502), Answer()) as web:
        assert ask(web.url).value == [web.url]
        assert len(web.asked) == 3 + 8


@pytest.mark.parametrize("factor", [1, 3])
def test_a_node_that_never_answers_fails_the_run_with_what_was_seen_last(clock: Clock, factor: int) -> None:
    url = refused_url()
    with pytest.raises(pulumi.RunError) as failure:
        ask(url, timeout_factor=factor)
    message = str(failure.value)
    assert message.startswith(f"{url} did not answer 200 within {120 * factor} s. Last seen: ")
    assert "Connection refused" in message
    assert "then run pulumi up again" in message
    assert clock.now - 1000 == pytest.approx(120 * factor, abs=2)


def test_a_page_that_is_no_success_fails_the_run_with_its_status(clock: Clock) -> None:
    with serve(Answer(status=404)) as web, pytest.raises(pulumi.RunError, match=r"Last seen: 404\."):
        ask(web.url)


def test_one_node_that_does_not_answer_is_enough_to_fail(clock: Clock) -> None:
    dead = refused_url()
    with serve(Answer()) as web, pytest.raises(pulumi.RunError, match=dead):
        ask(web.url, dead)


def test_a_preview_asks_nobody(clock: Clock) -> None:
    with serve(Answer()) as web:
        assert not ask(web.url, preview=True).known
        assert web.asked == []


def test_a_preview_of_what_is_there_asks_nobody_and_knows_the_urls(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: True)  # ids are known after the first `up`
    with serve(Answer()) as web:
        assert ask(web.url).value == [web.url]
        assert web.asked == []


def test_a_proxy_of_the_users_is_not_asked_for_the_machines(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", refused_url())
    monkeypatch.delenv("no_proxy", raising=False)
    with serve(Answer()) as web:
        assert ask(web.url).value == [web.url]


def test_all_nodes_are_looked_for_at_the_configured_version(applied: Run, unusual: Run) -> None:
    script = applied.command("nodes-ready-check").plain("stdin")
    assert "\nNODES='control-plane-1\nworker-1\nworker-2'\n" in script
    assert "KUBERNETES_VERSION=1.37.2\n" in script
    assert "\nNODES='control-plane-1\nworker-1'\n" in unusual.command("nodes-ready-check").plain("stdin")


def test_the_nodes_are_looked_for_after_flannel_and_all_joins(program: Run) -> None:
    before = program.before(program.command("nodes-ready-check"))
    assert {"flannel-daemon-set", "k8s-worker-1-join", "k8s-worker-2-join"} <= before, "no node gets Ready before"


def test_dns_is_looked_up_from_the_web_servers_pods_when_they_run(applied: Run) -> None:
    assert "web-deployment" in applied.before(applied.command("cluster-dns-check"))
    script = applied.command("cluster-dns-check").plain("stdin")
    assert "\nNAMESPACE=default\n" in script
    assert "\nWORKLOAD=deployment/nginx\n" in script


def test_the_checks_run_on_the_control_plane(applied: Run) -> None:
    for name in ("nodes-ready-check", "cluster-dns-check"):
        assert applied.command(name).plain("connection")["host"] == "10.17.3.11"
