"""SSH keys: made once, secret, and gone from the disk."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pulumi
import pytest

from components.nodes import all_nodes
from components.remote import SCRIPTS
from components.ssh_keys import SshKeys, SshKeysArgs
from tests.configuration import make_settings
from tests.executable import executable
from tests.recording import Run, run
from tests.seeds import call, read_seed


def test_there_is_one_key_to_log_in_with_and_one_a_machine(program: Run) -> None:
    assert {key.name for key in program.of(":local:Command")} == {
        "k8s-login-key",
        "k8s-control-plane-1-host-key",
        "k8s-worker-1-host-key",
        "k8s-worker-2-host-key",
    }


def test_a_key_is_never_made_again_and_its_result_is_secret(program: Run) -> None:
    for key in program.of(":local:Command"):
        inputs = set(key.inputs)
        assert inputs == key.ignore_changes, (
            f"{inputs - key.ignore_changes}: a comment edited in the script would replace every machine"
        )
        assert key.secret_outputs == {"stdout"}
        assert key.plain("logging") == "none", "the private key would be shown while it is made"
        assert key.plain("addPreviousOutputInEnv") is False


def test_only_the_private_half_is_secret() -> None:
    def program() -> None:
        settings = make_settings()
        keys = SshKeys("keys", SshKeysArgs(nodes=all_nodes(settings)))
        for name, key in {"login": keys.login, **keys.hosts}.items():
            pulumi.export(f"{name} private", key.private)
            pulumi.export(f"{name} public", key.public)

    seen = {name: (export.value, export.secret) for name, export in run(program).exports.items()}
    assert {name for name, (_, is_secret) in seen.items() if is_secret} == {
        f"{name} private" for name in ("login", "control-plane-1", "worker-1", "worker-2")
    }
    begin, end = "-----BEGIN OPENSSH PRIVATE KEY-----\n", "\n-----END OPENSSH PRIVATE KEY-----\n"
    assert seen["login private"][0] == f"{begin}private-keys-login-key{end}"
    assert seen["worker-1 public"][0] == "ssh-ed25519 public-keys-worker-1-host-key"


def test_the_private_host_key_is_in_no_input_of_a_machine_in_clear(applied: Run) -> None:
    for resource in applied.resources.values():
        if resource.type.startswith("libvirt:"):
            assert "PRIVATE KEY" not in str(resource.inputs), f"the key of {resource.name} would be in the state"


def test_each_machine_gets_its_own_host_key_and_no_other(applied: Run, tmp_path: Path) -> None:
    names = ("control-plane-1", "worker-1", "worker-2")
    for name in names:
        path = tmp_path / "private" / f"{name}.iso"
        asyncio.run(call(applied, "before_create", f"k8s-{name}-seed", path))
        user_data = read_seed(path)["user-data"]
        private = {other for other in names if f"private-k8s-{other}-host-key" in user_data}
        assert private == {name}
        assert "private-k8s-login-key" not in user_data
        assert "public-k8s-login-key" in user_data


@pytest.fixture
def made(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the script prints, run for real with its temporary files below `tmp_path`."""
    # Its other choice, /dev/shm, is common to all processes: only a directory of our own can be seen to stay empty.
    text = (SCRIPTS / "make-ssh-key.sh").read_text().replace("/dev/shm", str(tmp_path))
    assert str(tmp_path) in text
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, env=os.environ)


def test_the_script_prints_a_key_pair_that_ssh_keygen_reads(
    made: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    private, public = made.stdout.removesuffix("\n").rsplit("\n", 1)
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(private + "\n")
    derived = subprocess.run(["ssh-keygen", "-y", "-f", file], capture_output=True, text=True, check=True)
    assert derived.stdout.strip() == public, "Machine takes the last line for the public key of the rest"
    assert public.startswith("ssh-ed25519 ")
    assert len(public.split()) == 2, "a comment would be compared with the one that the machine presents"


def test_the_script_leaves_nothing_on_the_disk(made: subprocess.CompletedProcess[str], tmp_path: Path) -> None:
    assert made.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_made_fails_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    stubs = tmp_path / "bin"
    stubs.mkdir()
    executable(stubs / "ssh-keygen", '#!/bin/bash\n[[ $8 == -f ]] && echo half >"$9"; exit 1\n')
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    text = (SCRIPTS / "make-ssh-key.sh").read_text().replace("/dev/shm", str(temporary))
    environment = {**os.environ, "PATH": f"{stubs}:{os.environ['PATH']}"}
    answer = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=False, env=environment)
    assert answer.returncode != 0
    assert answer.stdout == ""
    assert list(temporary.iterdir()) == []
