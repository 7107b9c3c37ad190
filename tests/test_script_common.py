"""What every script on a machine shares: its failures say where, why and what to do."""

from __future__ import annotations

import fcntl
import time

import pytest

from components.remote import script_text
from tests.sandbox import STOP, Result, Sandbox


def program(text: str) -> str:
    """A script that consists of the common functions and `text`."""
    return f"LIMIT=60\n{script_text('common.sh')}\n{text}"


def common(machine: Sandbox, text: str) -> Result:
    """Runs such a script."""
    return machine.shell(program(text))


def test_a_step_is_shown_with_the_machines_name_on_standard_error(machine: Sandbox) -> None:
    result = common(machine, 'step "look around"')
    assert (result.code, result.output) == (0, ""), "standard output is the result"
    assert result.said == "[machine +0s] look around\n"


def test_a_command_that_fails_ends_the_script_and_is_placed(machine: Sandbox) -> None:
    result = common(machine, 'step "open the door"\nfalse\necho went on')
    assert result.code == 1
    assert result.output == ""
    assert result.said.endswith("machine: failed while: open the door\n")


@pytest.mark.parametrize("text", ["false | cat", 'x=$(false); echo "$x"', 'echo "$MISSING"'])
def test_no_failure_is_passed_over(machine: Sandbox, text: str) -> None:
    result = common(machine, f"{text}\necho went on")
    assert result.code != 0
    assert "went on" not in result.output


def test_a_missing_input_is_named(machine: Sandbox) -> None:
    assert "WORKER_NAME: unbound variable" in common(machine, 'echo "$WORKER_NAME"').said


def test_a_failure_is_told_with_the_machines_name(machine: Sandbox) -> None:
    result = common(machine, 'step "count"\nfail "there are two"')
    assert result.code == 1
    assert result.said.splitlines()[1:] == ["machine: there are two", "machine: failed while: count"]


def test_what_a_script_has_to_remove_is_removed_however_it_ends(machine: Sandbox) -> None:
    for ending in ("true", "false", "exit 3", 'fail "no"', 'echo "$MISSING"'):
        machine.write("/run/left-over")
        common(machine, f"cleanup() {{ rm -f /run/left-over; }}\n{ending}")
        assert not machine.path("/run/left-over").exists(), ending


def test_a_wait_goes_on_when_it_comes_true_and_says_nothing(machine: Sandbox) -> None:
    machine.does("kubectl", "echo not yet; echo >>/mnt/tries; mapfile -t tries </mnt/tries; ((${#tries[@]} > 2)); exit")
    result = common(machine, 'wait_for 60 "an answer" kubectl get nodes; echo went on')
    assert (result.code, result.output, result.said) == (0, "went on\n", "")
    assert machine.lines("kubectl", "sleep") == [
        "kubectl get nodes",
        "sleep 2",
        "kubectl get nodes",
        "sleep 4",
        "kubectl get nodes",
    ], "an API server that everybody asks all the time never gets up"


def test_a_wait_that_never_comes_true_tells_what_it_saw_last_and_what_to_do(machine: Sandbox) -> None:
    machine.does("kubectl", "echo worker-1 NotReady; echo and more >&2; exit 1")
    result = common(machine, 'wait_for 0 "every node Ready" kubectl get nodes; echo went on')
    assert result.code == 1
    assert result.output == ""
    assert "machine: every node Ready did not come true in time. Last seen: worker-1 NotReady\nand more." in result.said
    assert "Run pulumi up again to go on from here." in result.said


def test_a_wait_for_something_silent_says_that_it_saw_nothing(machine: Sandbox) -> None:
    machine.does("kubectl", "exit 1")
    assert "Last seen: nothing." in common(machine, 'wait_for 0 "an answer" kubectl get nodes').said


def test_a_script_that_is_stopped_says_what_it_was_doing_and_removes_what_it_has_to(machine: Sandbox) -> None:
    machine.does("kubectl", STOP)
    machine.write("/run/left-over")
    result = common(machine, "cleanup() { rm /run/left-over; }\nstep 'wait for Godot'\nkubectl get nodes\necho went on")
    assert (result.code, result.output) == (1, "")
    assert (
        "machine: stopped after its limit of 60 s while: wait for Godot. "
        "Run pulumi up again to go on from here, or raise timeoutFactor.\n"
    ) in result.said
    assert not machine.path("/run/left-over").exists()


def test_a_script_that_is_stopped_does_not_wait_for_what_it_waited_for(machine: Sandbox) -> None:
    machine.does("kubectl", STOP)
    result = common(machine, "step 'wait for Godot'\nwait_for 60 'an answer' kubectl get nodes\necho went on")
    assert (result.code, result.output) == (1, "")
    assert "stopped after its limit of 60 s while: wait for Godot." in result.said
    assert len(machine.calls("kubectl")) == 1


def test_a_second_script_on_the_same_subject_waits_for_the_first(machine: Sandbox) -> None:
    lock = machine.path("/run/lock/kubeadm-libvirt-the door.lock")
    with lock.open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with machine.start() as second:
            assert second.stdin is not None
            second.stdin.write(program("only_one 'the door'\nkubectl open\n"))
            second.stdin.close()
            second.stdin = None
            deadline = time.monotonic() + 20
            while len(machine.calls("flock")) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert machine.lines("flock", "kubectl") == ["flock --nonblock 9", "flock 9"]
            assert second.poll() is None
            fcntl.flock(first, fcntl.LOCK_UN)
            second.communicate(timeout=20)
    assert second.returncode == 0
    assert machine.lines("kubectl") == ["kubectl open"]


def test_a_script_that_waits_in_vain_for_another_says_so_and_how_to_find_it(machine: Sandbox) -> None:
    machine.does("flock", f"[[ $1 == --nonblock ]] && exit 1; {STOP}")
    result = common(machine, "only_one 'the door'\nkubectl open")
    assert result.code == 1
    assert machine.calls("kubectl") == []
    waiting = "wait for an earlier run that still works on the door; see: ps -ef | grep 'bash -s'"
    assert f"] {waiting}\n" in result.said, "`up` shows nothing for minutes"
    assert f"stopped after its limit of 60 s while: {waiting}." in result.said


def test_scripts_on_two_subjects_do_not_wait_for_each_other(machine: Sandbox) -> None:
    with machine.path("/run/lock/kubeadm-libvirt-the door.lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert common(machine, "only_one 'the window'\nkubectl open").code == 0
    assert machine.lines("kubectl") == ["kubectl open"]


@pytest.mark.parametrize(("off", "set_right"), [(-400, True), (400, True), (30, False), (-30, False)])
def test_a_clock_that_is_far_off_is_set_by_the_hypervisors(machine: Sandbox, off: int, *, set_right: bool) -> None:
    there = int(time.time()) - off
    machine.write("/mnt/rtc", f"{there}\n")
    result = machine.shell(program("follow_clock").replace("/sys/class/rtc/rtc0/since_epoch", "/mnt/rtc"))
    assert result.code == 0, result.said
    assert machine.lines("date") == ([f"date --set=@{there}"] if set_right else [])


def test_a_machine_without_a_hardware_clock_keeps_its_own(machine: Sandbox) -> None:
    assert machine.shell(program("follow_clock").replace("/sys/class/rtc/rtc0/since_epoch", "/mnt/rtc")).code == 0
    assert machine.lines("date") == []
