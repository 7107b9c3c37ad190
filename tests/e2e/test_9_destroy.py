"""What is left after the end: nothing."""

from __future__ import annotations

from tests.e2e import end_state
from tests.e2e.cluster import run


def test_destroy_leaves_nothing_and_the_tracked_files_are_as_they_were() -> None:
    for what in end_state.IN_LIBVIRT:
        assert run("lab/enter", "virsh", *what.split()).strip() != ""
    run("tools/pulumi", "lab", "destroy", "--yes", "--skip-preview", seconds=120)
    end_state.nothing_is_left()
    run("make", "destroy", "STACK=lab", seconds=60)
    assert "kubeadm-lab" not in run("ip", "netns", "list")
    assert run("git", "status", "--porcelain", "--untracked-files=no").strip() == ""
