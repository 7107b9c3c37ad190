"""Hosts to spoil for real: namespaces inside the lab's, with a libvirtd of their own, that end with the command."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.paths import CACHE
from tests.configuration import REPOSITORY
from tests.qcow2 import qcow2

NAME = "doctor"
"""Of the cluster that is to be made: its bridge is br-doctor, its network 10.199.200.0/24."""
NAMESPACES = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
PROXIES = {"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"}

HOST = r"""
set -euo pipefail
over() { mount --bind "$1" "$(readlink --canonicalize "$2")"; } # what is mounted over a program takes it away

# Nothing of this is seen outside: no other libvirtd, none of its networks, and as much room and memory as is wanted.
mount -t tmpfs tmpfs /run
mkdir /run/libvirt /run/lock /run/spoilt
cp --archive /etc/libvirt/*.conf /var/cache/libvirt /run/spoilt
mount -t tmpfs tmpfs /etc/libvirt
cp /run/spoilt/*.conf /etc/libvirt
mount -t tmpfs -o mode=755,size=200g tmpfs /var/lib/libvirt
over /run/spoilt/libvirt /var/cache/libvirt # what is known of the emulators, which takes seconds to find out
echo 'MemAvailable: 16777216 kB' >/run/spoilt/meminfo
over /run/spoilt/meminfo /proc/meminfo
ip link set lo up

eval "$BEFORE"
libvirtd 2>/dev/null &
daemon=$!
until virsh --quiet list >/dev/null 2>&1; do
  kill -0 "$daemon"
  sleep 0.05
done
eval "$SPOIL"
exec $AS "$@"
"""


@dataclass(frozen=True)
class Diagnosis:
    """What `make doctor` said in the end."""

    code: int
    lines: list[str]
    """What is not well, each with its level; the last line says whether the host is ready."""


@functools.cache
def no_lab() -> str:
    """Why the lab cannot be entered, or nothing."""
    entered = subprocess.run([REPOSITORY / "lab" / "enter", "true"], capture_output=True, text=True, check=False)
    return f"{entered.stderr.strip()} (`make up STACK=lab` builds it)" if entered.returncode else ""


@functools.cache
def know_emulators() -> None:
    """Has the lab's libvirt find out about its emulators, and keep what a spoilt host takes over; it takes seconds."""
    for question in ("capabilities", "domcapabilities"):
        subprocess.run(
            [REPOSITORY / "lab" / "enter", "virsh", question], stdout=subprocess.DEVNULL, check=True, timeout=60
        )


def require_lab() -> None:
    """Skips the test where the lab does not run."""
    if no_lab():
        pytest.skip(no_lab())
    know_emulators()


def diagnose(
    directory: Path,
    spoil: str = "",
    *,
    before: str = "",
    run_as: str = "",
    variables: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Diagnosis:
    """Makes a host, spoils it with shell commands (`before` libvirtd starts, or after), and examines it.

    `overrides` are configuration keys; `run_as` is a command that runs another as somebody else. The host is gone
    afterwards: its processes are in a namespace that ends with the first of them, and its mounts and links with those.
    """
    image = directory / "image.qcow2"
    image.write_bytes(qcow2())
    stack = yaml.safe_load((REPOSITORY / "Pulumi.lab.yaml").read_text())
    keys = {"clusterName": NAME, "networkCidr": "10.199.200.0/24", "image": str(image), **overrides}
    stack["config"].update({f"kubeadm-libvirt:{key}": value for key, value in keys.items()})
    stack_file = directory / "Pulumi.spoilt.yaml"
    stack_file.write_text(yaml.safe_dump(stack))
    environment = {key: value for key, value in os.environ.items() if key not in PROXIES}
    # As the lab's own libvirt has it, so that what is known of its emulator is known here.
    environment["PATH"] = f"{CACHE}/run/bin:{os.environ['PATH']}"
    environment |= {"BEFORE": before, "SPOIL": spoil, "AS": run_as, "PULUMI_BACKEND_URL": "file:///nowhere"}
    doctor = [sys.executable, "-m", "tools.doctor", str(stack_file), "--brief"]
    done = subprocess.run(
        [REPOSITORY / "lab" / "enter", *NAMESPACES, "bash", "-c", HOST, "host", *doctor],
        cwd=REPOSITORY,
        env={**environment, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.stderr == ""
    return Diagnosis(done.returncode, done.stdout.splitlines())


def survivors(directory: Path) -> list[int]:
    """Processes that still have this test's stack file among their arguments, or its hosts' commands."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if str(directory).encode() in arguments:
            found.append(int(process.name))
    return found
