"""The lab's mirror or registry down or answering wrongly, for the machines alone: the daemons are left as they are."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.cluster import REPOSITORY, run
from tests.e2e.faults.machines import CLUSTER

MIRROR, REGISTRY = 80, 5000
"""Ports at the lab's own address."""
GARBAGE_PORT = 8099
MARK = "kubeadm-libvirt-fault"
LISTEN_SECONDS = 20


@contextmanager
def refused(port: int) -> Iterator[None]:
    """Connections of the machines to this port are reset, those that exist too."""
    rule = ("INPUT", *_from_machines(port), "-j", "REJECT", "--reject-with", "tcp-reset")
    with _rule("filter", rule):
        yield


@contextmanager
def wrong(port: int, mode: str) -> Iterator[None]:
    """New connections of the machines to this port get garbage_server.py with this mode."""
    upstream = f"http://10.254.254.1:{port}"
    module = "tests.e2e.faults.garbage_server"
    command = ["lab/enter", sys.executable, "-m", module, mode, str(GARBAGE_PORT), upstream]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_until_it_listens(server)
            with _rule("nat", ("PREROUTING", *_from_machines(port), "-j", "REDIRECT", "--to-ports", str(GARBAGE_PORT))):
                yield
        finally:
            server.terminate()


def lift_all() -> None:
    """Removes the rules that a harness which was killed has left."""
    for table in ("filter", "nat"):
        for line in run("lab/enter", "iptables", "-t", table, "-S").splitlines():
            if MARK in line:
                run("lab/enter", "iptables", "-t", table, *line.replace("-A", "-D", 1).replace('"', "").split())


def _from_machines(port: int) -> tuple[str, ...]:
    return ("-i", f"br-{CLUSTER}", "-p", "tcp", "--dport", str(port), "-m", "comment", "--comment", MARK)


@contextmanager
def _rule(table: str, rule: tuple[str, ...]) -> Iterator[None]:
    run("lab/enter", "iptables", "-t", table, "-I", *rule)
    try:
        yield
    finally:
        run("lab/enter", "iptables", "-t", table, "-D", *rule)


def _wait_until_it_listens(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LISTEN_SECONDS
    asks = [
        "lab/enter",
        "curl",
        "--silent",
        "--noproxy",
        "*",
        "--output",
        "/dev/null",
        f"http://127.0.0.1:{GARBAGE_PORT}/",
    ]
    while subprocess.run(asks, cwd=REPOSITORY, check=False).returncode:
        assert server.poll() is None, "the server of garbage ended"
        assert time.monotonic() < deadline, f"the server of garbage did not listen within {LISTEN_SECONDS} s"
        time.sleep(0.1)
