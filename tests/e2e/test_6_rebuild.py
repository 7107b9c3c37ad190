"""A new cluster on demand, in the place of the one that is there."""

from __future__ import annotations

import pytest

from tests.e2e import end_state
from tests.e2e.cluster import Cluster, keep, make_up


@pytest.mark.long
def test_a_rebuild_is_a_new_cluster_with_what_the_old_one_could_not_change(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = cluster.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}")
    keep(podCidr="10.200.0.0/16")
    make_up(REBUILD="yes")
    after = Cluster.of_the_stack(tmp_path_factory.mktemp("rebuilt"))
    assert after.kubectl("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}") != before
    pods = after.get("pods", "--selector=app=nginx")
    assert all(pod["status"]["podIP"].startswith("10.200.") for pod in pods)
    end_state.is_reached(after)
