"""The commands behind `make`: which stack they choose and what they install."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.configuration import REPOSITORY
from tools.summary import summary


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host whose commands are stand-ins that write down how they were called."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("apt-get", "sudo"):
        stand_in(tmp_path, name, "true")
    return tmp_path


def stand_in(host: Path, name: str, does: str) -> None:
    """Makes a command of the host."""
    path = host / "commands" / name
    path.write_text(f'#!/bin/bash\necho "{name} $*" >>{host}/calls\n{does}\n')
    path.chmod(0o755)


def calls(host: Path) -> list[str]:
    """What was run, in order."""
    return (host / "calls").read_text().splitlines() if (host / "calls").exists() else []


def shell(host: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Runs functions of tools/environment.sh as root would."""
    program = f'source {REPOSITORY}/tools/environment.sh\nas_root() {{ "$@"; }}\n{text}'
    environment = {"PATH": f"{host}/commands:/usr/bin:/bin", "HOME": str(host)}
    return subprocess.run(["bash", "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_a_command_that_is_missing_is_installed_with_the_package_that_brings_it(host: Path) -> None:
    done = shell(host, "need no-such-command the-package another-one")
    assert done.returncode == 0, done.stderr
    assert calls(host) == [
        "apt-get -qq update",
        "apt-get -qq install --yes --no-install-recommends the-package another-one",
    ]
    assert "Installing the-package another-one" in done.stderr


def test_a_command_that_is_there_is_left_alone(host: Path) -> None:
    assert shell(host, "need bash bash").returncode == 0
    assert calls(host) == []


def test_without_apt_the_missing_package_is_named(host: Path) -> None:
    done = shell(host, "PATH=/nowhere; need no-such-command the-package")
    assert done.returncode == 1
    assert done.stderr == ("Please install the-package first; this is done by itself only where there is apt-get.\n")


def test_a_failed_installation_ends_the_run(host: Path) -> None:
    stand_in(host, "apt-get", "[[ $* != *install* ]]")
    done = shell(host, "need no-such-command the-package; echo went on")
    assert done.returncode != 0
    assert done.stdout == ""


@pytest.mark.parametrize("verb", ["up", "preview", "destroy"])
def test_a_stack_that_does_not_exist_is_refused(verb: str) -> None:
    done = subprocess.run(
        [REPOSITORY / "tools" / "stack", verb, "prod"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "There is no stack prod. Use STACK=dev or STACK=lab."


def test_plain_pulumi_writes_its_salt_into_the_stacks_own_file_and_not_into_the_tracked_one(host: Path) -> None:
    script = (REPOSITORY / "tools" / "pulumi").read_text().partition('environment.sh"\n')[2]
    done = shell(
        host,
        "use_stack() { inside=(); }\n"
        "use_state() { config=.state/lab/Pulumi.lab.yaml; }\n"
        "pulumi() { echo $PULUMI_OPTION_STACK ${PULUMI_OPTION_CONFIG_FILE:-tracked} $*; }\n"
        f"set -- lab stack output\n{script}\n"
        f"unset PULUMI_OPTION_CONFIG_FILE; set -- lab config set workers 3\n{script}",
    )
    kept = f"{REPOSITORY}/.state/lab/Pulumi.lab.yaml"
    assert done.stdout == f"lab {kept} stack output\nlab tracked config set workers 3\n", done.stderr


OUTPUTS = {
    "kubernetes_version": "1.37.2",
    "nodes": [{"name": "worker-1", "address": "10.17.3.21", "ssh": "ssh -i ssh_key debian@10.17.3.21"}],
    "web_urls": ["http://10.17.3.11:30080", "http://10.17.3.21:30080"],
    "web_url": "http://10.17.3.21:30080",
    "kubeconfig": "[secret]",
    "join_token": "[secret]",
}


@pytest.mark.parametrize(("stack", "prefix"), [("lab", "lab/enter "), ("dev", "")])
def test_a_run_ends_with_the_url_and_the_command_that_opens_it(stack: str, prefix: str) -> None:
    lines = summary(OUTPUTS, stack).splitlines()
    assert lines[-1] == "web_url: http://10.17.3.21:30080"
    assert f"  {prefix}curl http://10.17.3.21:30080" in lines
    assert any("10.17.3.21       ssh -i ssh_key debian@10.17.3.21" in line for line in lines)


def test_a_run_names_the_secret_outputs_and_how_to_read_them() -> None:
    assert (
        "Secret outputs (tools/pulumi lab stack output NAME --show-secrets): join_token, kubeconfig"
        in summary(OUTPUTS, "lab").splitlines()
    )
