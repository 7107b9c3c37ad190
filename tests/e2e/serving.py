"""Asks URLs all the time while something else happens."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import REPOSITORY

ASK = """
while sleep 1; do
  for url in "$@"; do
    # What curl says of an answer that did not come is all that is known of it afterwards.
    format='%{time_total} s %{errormsg} %{http_code}\n'
    echo "$EPOCHREALTIME $url $(curl --silent --output /dev/null --max-time 10 --write-out "$format" "$url")"
  done
done
"""


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
def serving(urls: Sequence[str], log: Path) -> Iterator[Serving]:
    """Asks each URL about once a second, one after the other, from outside the machines."""
    with log.open("w") as file:
        asking = subprocess.Popen(["lab/enter", "bash", "-c", ASK, "ask", *urls], cwd=REPOSITORY, stdout=file)
    try:
        yield Serving(log)
    finally:
        asking.kill()
        asking.wait()
