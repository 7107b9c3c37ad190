"""A worker added while everybody watches: what the preview says, who serves, and what processes show."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.cluster import Cluster, changed, make_up, preview
from tests.e2e.secrets import all_secrets, spying
from tests.e2e.serving import serving

ADDRESS = "10.17.3.23"


@dataclass(frozen=True)
class ScaleOut:
    """worker-3 was added; the configuration is as before again, so that the next `make up` removes it."""

    said: dict[str, set[str]]
    """By the preview."""
    done: dict[str, str]
    again: dict[str, str]
    """What another `make up` did after it."""
    failures: list[str]
    """Requests to the URLs that failed meanwhile."""
    command_lines: dict[str, set[str]]
    """Seen on this host and on all machines, the new one among them."""
    secrets: set[str]
    """All that there are since."""
    ready: dict[str, bool]


def scale_out(cluster: Cluster) -> ScaleOut:
    """Adds worker-3."""
    with tempfile.TemporaryDirectory() as directory, changed(workers=3):
        said = preview()
        with (
            serving(cluster, cluster.outputs["web_urls"], Path(directory) / "answers") as answers,
            spying(cluster, ADDRESS) as spy,
        ):
            done = make_up()
        grown = Cluster.of_the_stack(Path(directory))
        return ScaleOut(
            said=said,
            done=done,
            again=make_up(),
            failures=answers.failures(),
            command_lines=spy.command_lines,
            secrets=all_secrets(grown),
            ready=grown.ready(),
        )
