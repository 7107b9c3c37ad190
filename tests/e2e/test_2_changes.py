"""What later runs change, and that they change nothing else."""

from __future__ import annotations

import yaml

from tests.e2e.cluster import REPOSITORY, events, run


def make_up(seconds: float) -> dict[str, str]:
    """Runs `make up STACK=lab`; the operation on every resource that was not left as it was."""
    run("make", "up", "STACK=lab", seconds=seconds)
    return operations()


def operations() -> dict[str, str]:
    """Name of each resource to what the last run did with it, those left alone not among them."""
    done = (event["resOutputsEvent"]["metadata"] for event in events() if "resOutputsEvent" in event)
    return {step["urn"].rsplit("::", 1)[1]: step["op"] for step in done if step["op"] != "same"}


def test_a_second_up_has_nothing_to_do() -> None:
    assert make_up(seconds=60) == {}


def test_more_replicas_and_another_port_change_only_the_deployment_and_the_service() -> None:
    file = REPOSITORY / "Pulumi.lab.yaml"
    before = file.read_text()
    changed = yaml.safe_load(before)
    changed["config"] |= {"kubeadm-libvirt:webServerReplicas": 3, "kubeadm-libvirt:nodePort": 30081}
    try:
        file.write_text(yaml.safe_dump(changed))
        assert make_up(seconds=600) == {"web-deployment": "update", "web-service": "update"}
    finally:
        file.write_text(before)


def test_destroy_leaves_nothing_and_the_tracked_files_are_as_they_were() -> None:
    for what in ("list --all --name", "net-list --all --name", "pool-list --all --name"):
        assert run("lab/enter", "virsh", *what.split()).strip() != ""
    run("tools/pulumi", "lab", "destroy", "--yes", "--skip-preview", seconds=120)
    for what in ("list --all --name", "net-list --all --name", "pool-list --all --name"):
        assert run("lab/enter", "virsh", *what.split()).strip() == "", what
    run("make", "destroy", "STACK=lab", seconds=60)
    assert "kubeadm-lab" not in run("ip", "netns", "list")
    assert run("git", "status", "--porcelain", "--untracked-files=no").strip() == ""
