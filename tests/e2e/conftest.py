"""The cluster that `tools/end-to-end` has made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import REPOSITORY, Cluster
from tests.e2e.processors import workers_stand_back
from tests.e2e.scale_out import ScaleOut, scale_out

LAST_START = float(os.environ.get("LAST_START", "inf"))
"""Seconds since the epoch after which no scenario begins, for it might not end in the time of tools/end-to-end."""
IN_ANY_CASE = ("test_1_end_state.py", "test_9_destroy.py")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves a scenario out that begins too late.

    What follows begins later still: none is tried without one that it builds upon.
    """
    if time.time() > LAST_START and item.path.name not in IN_ANY_CASE:
        pytest.skip("NOT RUN: it might not end within MINUTES")


@pytest.fixture(scope="session", autouse=True)
def configuration() -> Iterator[None]:
    """The lab's configuration file is afterwards as it was before."""
    file = REPOSITORY / "Pulumi.lab.yaml"
    before = file.read_text()
    yield
    file.write_text(before)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The cluster of the lab's stack."""
    directory: Path = tmp_path_factory.mktemp("cluster")
    workers_stand_back()
    return Cluster.of_the_stack(directory)


@pytest.fixture(scope="session")
def scaled_out(cluster: Cluster) -> ScaleOut:
    """A worker was added; once, for it takes minutes, and more than one test looks at it."""
    return scale_out(cluster)
