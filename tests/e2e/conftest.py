"""The cluster that `tools/end-to-end` has made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The cluster of the lab's stack."""
    directory: Path = tmp_path_factory.mktemp("cluster")
    return Cluster.of_the_stack(directory)
