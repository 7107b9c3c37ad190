"""Asks URLs all the time while something else happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import PATIENCE, REPOSITORY, Cluster, completed

ASK = """
while sleep 1; do
  for url in "$@"; do
    # What curl says of an answer that did not come is all that is known of it afterwards.
    format='%{time_total} s %{errormsg} %{http_code}\n'
    # With 10 s, requests that an emulated node had accepted failed while a fourth machine was made beside it.
    echo "$EPOCHREALTIME $url $(curl --silent --output /dev/null --max-time 60 --write-out "$format" "$url")"
  done
done
"""

WATCH = """
endpoints='{range .endpoints[*]}{.nodeName} {.addresses[0]} {.conditions}; {end}{"\\n"}'
while sleep 1; do
  kubectl get endpointslices --selector=kubernetes.io/service-name=nginx --watch --output=jsonpath="$endpoints" |
    while read -r line; do echo "$EPOCHREALTIME $line"; done
done
"""
"""Whom the cluster counts in at which time: what it takes to know why an answer did not come."""


@dataclass
class Serving:
    """What the URLs have answered so far."""

    log: Path

    def answers(self) -> list[str]:
        """A line an answer: time, URL, seconds, what went wrong, HTTP status (000 where there was no answer)."""
        return self.log.read_text().splitlines()

    def failures(self) -> list[str]:
        """The answers that were not 200."""
        return [line for line in self.answers() if not line.endswith(" 200")]


@contextlib.contextmanager
def serving(cluster: Cluster, urls: Sequence[str], log: Path) -> Iterator[Serving]:
    """Asks each URL about once a second, one after the other, from outside the machines.

    Begins when all is settled: a request that fails is the fault of what is done now, and not of what was done before.
    """
    settle(cluster)
    endpoints = log.with_name(f"{log.name}-endpoints")
    kubeconfig = {**os.environ, "KUBECONFIG": str(cluster.directory / "kubeconfig")}
    try:
        with _goes_on(log, ASK, *urls), _goes_on(endpoints, WATCH, env=kubeconfig):
            yield Serving(log)
    finally:  # pytest shows it where the test fails
        print(f"The web server's endpoints meanwhile:\n{endpoints.read_text()}")


@contextlib.contextmanager
def _goes_on(log: Path, script: str, *arguments: str, env: dict[str, str] | None = None) -> Iterator[None]:
    """A script in the lab that prints into the log until the end, when it is killed with all that it has started."""
    with log.open("w") as file:
        process = subprocess.Popen(
            ["lab/enter", "bash", "-c", script, "bash", *arguments],
            cwd=REPOSITORY,
            env=env,
            stdout=file,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def settle(cluster: Cluster) -> None:
    """Waits until no pod of the web server leaves, and every node knows who is left."""
    deadline = time.monotonic() + PATIENCE
    while not (_all_stay(cluster) and all(map(_answers_every_time, cluster.outputs["web_urls"]))):
        assert time.monotonic() < deadline, f"pods still leave, or requests fail, after {PATIENCE} s"
        time.sleep(1)


def _all_stay(cluster: Cluster) -> bool:
    pods = cluster.get("pods", "--selector=app=nginx")
    return not any("deletionTimestamp" in pod["metadata"] for pod in pods)


def _answers_every_time(url: str) -> bool:
    """Whether the URL answers ten times running: with one pod too many in a node's mind every third request fails."""
    asked = ["curl", "--silent", "--fail", "--fail-early", "--max-time", "60", *[url] * 10]
    return completed("lab/enter", *asked).returncode == 0
