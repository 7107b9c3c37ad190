"""A machine is asked over SSH with its host key checked, and a stranger learns nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.executable import executable
from tools.look import look

NODES = [
    {"name": "control-plane-1", "address": "10.17.3.11", "host_key": "ssh-ed25519 AAAAone"},
    {"name": "worker-1", "address": "10.17.3.21", "host_key": "ssh-ed25519 AAAAtwo"},
]


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for ssh that notes arguments, known hosts and key, and does what is written into `does`."""
    (tmp_path / "bin").mkdir()
    executable(
        tmp_path / "bin" / "ssh",
        "#!/bin/bash\n"
        f'printf "%s\\n" "$*" >>{tmp_path}/calls\n'
        'for word in "$@"; do\n'
        f'  [[ $word != UserKnownHostsFile=* ]] || cat "${{word#*=}}" >{tmp_path}/known_hosts\n'
        "done\n"
        f'cat "$2" >{tmp_path}/key; stat --format=%a "$2" >{tmp_path}/mode\n'
        f"source {tmp_path}/does\n",
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path


def test_each_machine_says_what_it_is_like(ssh: Path) -> None:
    (ssh / "does").write_text(
        'echo "containerd active"; echo "kubelet active"; '
        '[[ $* != *10.17.3.11* ]] || echo "Node worker-1 True <none> <none> <none> <none>"'
    )
    seen = look(NODES, "KEY\n", seconds=20)
    assert seen["control-plane-1"].nodes == {"worker-1": "True"}
    assert [each.get("kubelet") for each in seen.values()] == ["active", "active"]
    assert all(abs(each.clock - time.time()) < 60 for each in seen.values())


def test_host_keys_are_checked_and_the_login_key_is_gone_after(ssh: Path) -> None:
    (ssh / "does").write_text("echo containerd active")
    look(NODES[:1], "KEY\n", seconds=20)
    (call,) = (ssh / "calls").read_text().splitlines()
    assert "StrictHostKeyChecking=yes" in call
    assert "BatchMode=yes" in call
    assert " -F none " in call, "a jump host of the user's for everything"
    assert (ssh / "known_hosts").read_text() == "10.17.3.11 ssh-ed25519 AAAAone\n"
    assert (ssh / "key").read_text() == "KEY\n"
    assert (ssh / "mode").read_text() == "600\n"
    assert not Path(call.split(" ")[1]).parent.exists(), "the key that opens all machines was left"


def test_a_stranger_and_a_machine_that_refuses_the_login_key_are_told_from_one_that_is_silent(ssh: Path) -> None:
    (ssh / "does").write_text("echo 'Host key verification failed.' >&2; exit 255")
    assert look(NODES[:1], "KEY\n", seconds=20)["control-plane-1"].stranger
    (ssh / "does").write_text("echo 'debian@10.17.3.20: Permission denied (publickey).' >&2; exit 255")
    refusing = look(NODES[:1], "KEY\n", seconds=20)["control-plane-1"]
    assert (refusing.stranger, refusing.locked) == (False, True)
    (ssh / "does").write_text("echo 'ssh: connect to host: No route to host' >&2; exit 255")
    silent = look(NODES[:1], "KEY\n", seconds=1)["control-plane-1"]
    assert (silent.stranger, silent.locked, silent.lines) == (False, False, ())


OFFERED = "echo 'debug1: Offering public key: key ED25519' >&2"
ACCEPTED = f"{OFFERED}; echo 'debug1: Server accepts key: key ED25519' >&2"
LOGGED_IN = f"""{ACCEPTED}; echo 'Authenticated to 10.17.3.11 using "publickey".' >&2"""
CLOSED = "echo 'Connection closed by 10.17.3.11 port 22' >&2; exit 255"
DONE = "echo 'debug1: Exit status 1' >&2; exit 1"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (
            f"{LOGGED_IN}; echo 'sudo: a terminal is required' >&2; echo 'sudo: a password is required' >&2; {DONE}",
            "sudo: a password is required",
        ),
        (
            f"{LOGGED_IN}; echo 'This account is currently not available.'; {DONE}",
            "This account is currently not available.",
        ),
        (f"{LOGGED_IN}; {DONE}", "nothing"),
        (f"{ACCEPTED}; printf 'Your account has expired.\r\n' >&2; {CLOSED}", "Your account has expired."),
        (f"{ACCEPTED}; {CLOSED}", "nothing"),
        (f"{ACCEPTED}; echo 'debian@10.17.3.11: Permission denied (publickey).' >&2; exit 255", "nothing"),
    ],
    ids=["sudo", "login-shell", "false-as-shell", "account-expired", "nologin", "denied-after-all"],
)
def test_a_machine_that_accepts_the_login_key_and_bars_its_user_is_told_from_one_that_is_silent(
    ssh: Path, does: str, said: str
) -> None:
    (ssh / "does").write_text(does)
    seen = look(NODES[:1], "KEY\n", seconds=1)["control-plane-1"]
    assert (seen.barred, seen.locked, seen.lines) == (said, False, ())


@pytest.mark.parametrize(
    "does",
    [
        f"{OFFERED}; {CLOSED}",
        f"{LOGGED_IN}; {CLOSED}",
        f"{LOGGED_IN}; echo 'sudo: unable to fork: Cannot allocate memory' >&2; {DONE}",
        f"{LOGGED_IN}; echo 'bash: /usr/bin/sudo: Input/output error' >&2; exit 126",
        "kill -KILL $$",
    ],
    ids=["not-yet-known", "cut-off", "no-memory", "disk", "ssh-itself-ended"],
)
def test_a_machine_that_a_start_may_help_counts_as_silent(ssh: Path, does: str) -> None:
    (ssh / "does").write_text(does)
    seen = look(NODES[:1], "KEY\n", seconds=1)["control-plane-1"]
    assert (seen.barred, seen.locked, seen.lines) == ("", False, ())


def test_a_machine_that_lets_nobody_in_while_it_boots_is_waited_for(ssh: Path) -> None:
    booting = f"{ACCEPTED}; echo 'System is booting up. Unprivileged users are not permitted to log in yet.' >&2"
    once = f"echo >>{ssh}/attempts; (( $(wc -l <{ssh}/attempts) > 1 )) || {{ {booting}; {CLOSED}; }}"
    (ssh / "does").write_text(f"{once}\necho containerd active")
    seen = look(NODES[:1], "KEY\n", seconds=20)["control-plane-1"]
    assert (seen.get("containerd"), seen.barred) == ("active", "")


def test_what_a_login_prints_before_the_look_is_no_part_of_it(ssh: Path) -> None:
    (ssh / "does").write_text("echo changed by the administrator; echo kubelet gone; echo containerd active")
    assert look(NODES[:1], "KEY\n", seconds=20)["control-plane-1"].lines == (("containerd", "active"),)


def test_a_machine_that_just_starts_is_waited_for(ssh: Path) -> None:
    (ssh / "does").write_text(
        f"echo >>{ssh}/attempts; (( $(wc -l <{ssh}/attempts) > 1 )) || exit 255; echo containerd active"
    )
    assert look(NODES[:1], "KEY\n", seconds=20)["control-plane-1"].get("containerd") == "active"


def test_a_machine_that_has_begun_to_answer_in_time_is_heard_to_its_end(ssh: Path) -> None:
    """As one that boots late, and whose API server is asked for longer than is left of the time."""
    late = "Node worker-1 True <none> <none> <none> <none>"
    (ssh / "does").write_text(f"echo containerd active; sleep 6; echo '{late}'")
    seen = look(NODES[:1], "KEY\n", seconds=4)["control-plane-1"]
    assert (seen.get("containerd"), seen.nodes) == ("active", {"worker-1": "True"})


def test_a_machine_that_hangs_holds_nobody_up(ssh: Path) -> None:
    (ssh / "does").write_text("exec sleep 60")
    began = time.monotonic()
    assert look(NODES, "KEY\n", seconds=1)["worker-1"].lines == ()
    assert time.monotonic() - began < 20


@pytest.fixture
def machine(ssh: Path) -> Path:
    """The directory of a machine's commands: one on which look.sh really runs, of services that are all active."""
    (ssh / "does").write_text('exec bash -c "${@: -1}"')
    stubs = {
        "sudo": 'exec "$@"',
        "systemctl": "[[ $1 == show ]] || exec echo active\necho $(($(cut -d. -f1 /proc/uptime) - 90))000000",
        "swapon": "true",
        "cloud-init": "echo 'status: done'",
    }
    for name, script in stubs.items():
        executable(ssh / "bin" / name, f"#!/bin/bash\n{script}\n")
    return ssh / "bin"


@pytest.mark.usefixtures("machine")
def test_a_machine_says_for_how_long_its_kubelet_has_run() -> None:
    seen = look(NODES[:1], "KEY\n", seconds=20)["control-plane-1"]
    assert 90 <= int(seen.get("kubelet-seconds")) <= 110
    assert not seen.patience_is_over
    assert (seen.lines[0], seen.get("kubelet"), seen.get("swap")) == (("containerd", "active"), "active", "0")
