"""Secrets are where they are used, and nowhere else."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.e2e.cluster import STATE, Cluster, completed, make_up, run
from tests.e2e.scale_out import ADDRESS, ScaleOut
from tests.e2e.secrets import READABLE, all_secrets, found_in


def test_no_secret_is_in_any_processs_arguments(scaled_out: ScaleOut) -> None:
    command_lines, secrets = scaled_out.command_lines, scaled_out.secrets
    assert any("kubeadm token create" in line for line in command_lines["control-plane-1"]), "the spy saw too little"
    assert any("kubeadm join" in line for line in command_lines[ADDRESS]), "the spy saw too little"
    assert any("pulumi up" in line for line in command_lines["this host"]), "the spy saw too little"
    assert {place: found_in("\n".join(lines), secrets) for place, lines in command_lines.items()} == {
        place: set() for place in command_lines
    }


def test_no_secret_is_in_the_state_or_in_what_was_printed(cluster: Cluster, scaled_out: ScaleOut) -> None:
    secrets = scaled_out.secrets | all_secrets(cluster)
    files = [path for path in STATE.rglob("*") if path.is_file() and path.name != "passphrase"]
    files += [Path(log) for log in (os.environ.get("UP_LOG"),) if log]
    files += Path(tempfile.gettempdir()).glob("kubeconfig*")  # as the Kubernetes provider calls what it leaves
    assert any(path.name == "events.jsonl" for path in files)
    assert {str(path): found_in(path.read_text(errors="replace"), secrets) for path in files} == {
        str(path): set() for path in files
    }


def test_a_failing_step_prints_no_secret(cluster: Cluster) -> None:
    """The join of a worker whose node the API server refuses to delete, which fails with all that it was given."""
    secrets = all_secrets(cluster)
    node = cluster.outputs["nodes"][0]
    cluster.on(node, "sudo mv /etc/kubernetes/admin.conf /etc/kubernetes/admin.away")
    try:
        kubeconfig = "**::k8s-control-plane-1-kubeconfig"
        failed = completed("tools/pulumi", "lab", "up", "--yes", "--skip-preview", "--replace", kubeconfig)
    finally:
        cluster.on(node, "sudo mv /etc/kubernetes/admin.away /etc/kubernetes/admin.conf")
    said = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert "control-plane-1: failed while: read the kubeconfig" in said
    assert found_in(said, secrets) == set()
    make_up()


def test_disks_and_seeds_in_the_pool_are_readable_by_their_owner_only(cluster: Cluster) -> None:
    listing = run("lab/enter", "find", "/var/lib/libvirt/images/k8s", "-type", "f", "-printf", "%m %f\n").splitlines()
    modes = {name: mode for mode, name in (line.split(" ") for line in listing)}
    secret = {name: mode for name, mode in modes.items() if not name.startswith("base-")}
    assert len(secret) == 2 * len(cluster.outputs["nodes"])
    assert set(secret.values()) == {"600"}


@pytest.mark.parametrize("index", range(3), ids=["control-plane-1", "worker-1", "worker-2"])
def test_no_secret_is_in_a_file_that_any_user_of_a_machine_can_read(
    cluster: Cluster, scaled_out: ScaleOut, index: int
) -> None:
    text = cluster.on(cluster.outputs["nodes"][index], READABLE)
    assert "root:x:0:0" in text, "the search would be for nothing"
    assert found_in(text, scaled_out.secrets) == set()


def test_a_machine_with_another_host_key_is_refused_with_a_message(cluster: Cluster, tmp_path: Path) -> None:
    node, key = cluster.outputs["nodes"][1], "/etc/ssh/ssh_host_ed25519_key"
    steps = [f"sudo cp --preserve {key}{end} /root/kept{end}" for end in ("", ".pub")]
    steps += [f"sudo rm {key}", f"sudo ssh-keygen -q -t ed25519 -N '' -f {key}", f"sudo cat {key}.pub"]
    strange = cluster.on(node, " && ".join([*steps, "sudo systemctl restart ssh"]))
    try:
        refused = completed("make", "up", "STACK=lab")
    finally:
        stranger = dataclasses.replace(cluster, directory=tmp_path)
        shutil.copy2(cluster.directory / "ssh_key", tmp_path)
        (tmp_path / "known_hosts").write_text(f"{node['address']} {strange}")
        # On disk at once: what comes next may be a power cut.
        steps = [f"sudo mv /root/kept{end} {key}{end}" for end in ("", ".pub")]
        stranger.on(node, " && ".join([*steps, "sync", "sudo systemctl restart ssh"]))
    assert refused.returncode != 0
    assert (
        f"worker-1: whoever answers at {node['address']} has another host key than the one that this stack gave "
        "worker-1. Nothing was sent there."
    ) in refused.stderr
