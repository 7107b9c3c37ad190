"""How the fault harness ends runs, and how its server answers wrongly."""

from __future__ import annotations

import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.faults import make_run
from tests.e2e.faults.garbage_server import GARBAGE, Wrong
from tests.e2e.faults.make_run import MakeRun


@pytest.fixture(autouse=True)
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log of events that is not the stack's."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setattr(make_run, "EVENTS", path)
    return path


def a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> MakeRun:
    """A run of a shell script, begun."""
    monkeypatch.setitem(make_run.COMMANDS, "up", ("bash", "-c", script))
    return MakeRun("up", tmp_path / "log")


def test_a_killed_run_takes_its_children_and_theirs_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    # Each keeps the pipe open for writing; it is at its end once all of them are gone.
    run = a_run(tmp_path, monkeypatch, f"exec 3>{pids}; bash -c 'sleep 600 & echo $! >&3; wait' & echo $! >&3; wait")
    with pids.open() as pipe:
        children = [int(pipe.readline()) for _ in range(2)]
        assert all(Path(f"/proc/{pid}").exists() for pid in children)
        run.kill_tree()
        assert pipe.read() == ""
    assert run.wait(0) == -9


def test_an_event_log_of_an_earlier_run_is_gone_when_a_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: Path
) -> None:
    events.write_text("{}\n")
    assert a_run(tmp_path, monkeypatch, "true").wait(30) == 0
    assert not events.exists()


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["foreground", "background"])
def job(request: pytest.FixtureRequest) -> Iterator[None]:
    """How a shell starts a job: one in the background ignores interrupts."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("job")
def test_an_interrupted_run_may_save_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved, ready = tmp_path / "saved", tmp_path / "ready"
    os.mkfifo(ready)
    (tmp_path / "pulumi").symlink_to("/bin/bash")
    trap = f'trap "touch {saved}; exit 3" INT; echo >{ready}; while :; do read -t 0.1 <> <(:); done'
    run = a_run(tmp_path, monkeypatch, f"{tmp_path}/pulumi -c '{trap}'; exit $?")
    ready.read_text()
    run.interrupt()
    assert saved.exists()
    assert run.wait(0) == 3


@pytest.mark.usefixtures("job")
def test_ctrl_c_interrupts_everything_that_make_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, ready = tmp_path / "said", tmp_path / "ready"
    os.mkfifo(ready)
    inner = f'trap "echo inner >>{said}; exit 3" INT; echo >{ready}; while :; do read -t 0.1 <> <(:); done'
    run = a_run(tmp_path, monkeypatch, f"trap 'echo outer >>{said}; exit 130' INT; bash -c '{inner}'")
    ready.read_text()
    assert run.press_ctrl_c()
    assert said.read_text().split() == ["inner", "outer"]
    assert run.wait(0) == 130


def test_a_run_that_goes_on_after_ctrl_c_is_told_again_and_then_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, ready = tmp_path / "said", tmp_path / "ready"
    os.mkfifo(ready)
    monkeypatch.setattr(make_run, "MERCY_SECONDS", 1)
    deaf = f"trap 'echo interrupted >>{said}' INT; echo >{ready}; while :; do read -t 0.1 <> <(:); done"
    run = a_run(tmp_path, monkeypatch, deaf)
    ready.read_text()
    assert not run.press_ctrl_c()
    assert said.read_text().split() == ["interrupted"] * 2
    run.interrupt()
    assert run.wait(0) == -signal.SIGKILL


@contextmanager
def serving(handler: type[SimpleHTTPRequestHandler] | type[Wrong]) -> Iterator[str]:
    """The handler behind a port of its own, and its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as answer:
        body: bytes = answer.read()
        return body


def test_a_server_of_garbage_answers_everything_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wrong, "mode", "everything")
    monkeypatch.setattr(Wrong, "log_message", lambda *_: None)
    with serving(Wrong) as url:
        assert get(f"{url}/any/Release.key") == GARBAGE


def test_a_package_is_changed_and_has_its_length_while_lists_are_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.deb").write_bytes(b"package")
    (tmp_path / "Packages").write_bytes(b"list")
    monkeypatch.chdir(tmp_path)
    for handler in (Wrong, SimpleHTTPRequestHandler):
        monkeypatch.setattr(handler, "log_message", lambda *_: None)
    monkeypatch.setattr(Wrong, "mode", "packages")
    with serving(SimpleHTTPRequestHandler) as upstream, serving(Wrong) as url:
        monkeypatch.setattr(Wrong, "upstream", upstream)
        assert get(f"{url}/a.deb") == b"packagd"
        assert get(f"{url}/Packages") == b"list"
