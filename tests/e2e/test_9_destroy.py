"""What is left after the end: nothing."""

from __future__ import annotations

import yaml

from tests.e2e import end_state
from tests.e2e.cluster import KEPT, REPOSITORY, run


def test_destroy_leaves_nothing_and_the_tracked_files_are_as_they_were() -> None:
    for what in end_state.IN_LIBVIRT:
        assert run("lab/enter", "virsh", *what.split()).strip() != ""
    run("tools/pulumi", "lab", "destroy", "--yes", "--skip-preview", seconds=120)
    end_state.nothing_is_left()
    run("make", "destroy", "STACK=lab", seconds=60)
    assert "kubeadm-lab" not in run("ip", "netns", "list")
    changed = set(run("git", "diff", "--name-only", "HEAD").split())
    assert changed == ({"Pulumi.lab.yaml"} if KEPT else set())
    there, here = run("git", "show", "HEAD:Pulumi.lab.yaml"), (REPOSITORY / "Pulumi.lab.yaml").read_text()
    assert yaml.safe_load(here)["config"] == yaml.safe_load(there)["config"] | KEPT, "but for what a test has kept"
