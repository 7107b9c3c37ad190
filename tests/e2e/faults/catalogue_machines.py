"""Machines that are not as they should be while the run needs them."""

from __future__ import annotations

from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import both, later, on

OUTAGE_SECONDS = 60

HOLD_APT_LOCKS = f"""python3 -c '
import fcntl, time
held = [open(name, "a") for name in ("/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock")]
[fcntl.lockf(file, fcntl.LOCK_EX) for file in held]
time.sleep({OUTAGE_SECONDS})'"""
"""The locks that apt-get takes to install, and to read package lists."""

FILL = "/var/cache/fault-fills-the-disk"

MACHINES = [
    Fault(
        name="sshd-refusing",
        what=f"sshd of two machines refuses connections for {OUTAGE_SECONDS} s",
        start="booted",
        inject=later(
            "control-plane-1",
            "worker-1",
            script=f"systemctl stop ssh.socket ssh.service; sleep {OUTAGE_SECONDS}; systemctl start ssh.service",
        ),
    ),
    Fault(
        name="cloud-init-failing",
        what="cloud-init fails on a worker's first boot",
        start="booted",
        inject=both(
            on(
                "worker-1",
                # A module that the program does not configure itself, for its own configuration would win.
                "echo 'write_files: [{path: /proc/none/such, content: x}]' >/etc/cloud/cloud.cfg.d/99-fault.cfg\n"
                "cloud-init clean --logs",
            ),
            later("worker-1", script="sleep 1; systemctl reboot"),  # when the login is over
        ),
        message="worker-1: cloud-init failed",
    ),
    Fault(
        name="apt-lock",
        what=f"Another process holds apt's locks on a worker for {OUTAGE_SECONDS} s",
        start="booted",
        inject=later("worker-1", script=HOLD_APT_LOCKS),
    ),
    Fault(
        name="disk-full",
        what="A worker's disk is full",
        start="booted",
        inject=on("worker-1", f"fallocate --length $(($(df --output=avail -k / | tail -n1) - 50000))K {FILL}"),
        message="No space left|enough free space",
        user="makes room on the disk",
        user_does=on("worker-1", f"rm --force {FILL}"),
    ),
    Fault(
        name="clock-behind",
        what="A worker's clock is a day late",
        start="prepared",
        inject=on("worker-1", "date --set='1 day ago'"),
        message="set the clock, which is",
    ),
    Fault(
        name="clock-ahead",
        what="A worker's clock is two years early",
        start="prepared",
        inject=on("worker-1", "date --set='2 years'"),
        message="set the clock, which is",
    ),
]
