"""Whatever the configuration says: it is accepted and every document is good, or it is refused with a message."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from components import cloud_init, kubeadm, remote
from components.nodes import control_planes, workers
from components.rules import RULES
from components.settings import Settings, SettingsError, load_settings
from tests.accepted import check_accepted, check_sources
from tests.configuration import default_values
from tests.conftest import UNUSUAL, RunProgram
from tests.properties import (
    ANYTHING,
    SIGNS,
    TEXT,
    VALID,
    Values,
    broken_configurations,
    examples,
    nearly_valid,
    sensible_configurations,
)
from tests.recording import CA_CERT_HASH, TOKEN
from tests.test_kubeadm import KUBEADM

LINE = re.compile(
    r"- (\w+)(?:\.[^=]*)? "
    r"(= '.*'(?: \((?:sign \d+ is .+|\d+ signs)\))? is refused: .+\. Way out: .+|is missing: .+\. Set it with: .+)"
)
NETPLAN = shutil.which("generate", path="/usr/libexec/netplan:/usr/lib/netplan")


def settings_or_message(values: Values) -> Settings | None:
    """The settings, or None where they are refused with a message that has a well-formed line a fault."""
    try:
        return load_settings(values)
    except SettingsError as error:
        heading, *lines = str(error).split("\n")
    number = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    assert heading == f"The configuration has {number}; nothing was made."
    assert lines
    for line in lines:
        match = LINE.fullmatch(line)
        assert match, line
        assert match[1] in RULES
        assert line.isprintable(), "it is one line on a terminal, and nothing else"
        assert len(line) < 500
    assert len(set(lines)) == len(lines)
    return None


@pytest.mark.parametrize("key", sorted(VALID))
@examples(40)
@given(data=st.data())
def test_a_key_may_be_anything_and_is_accepted_or_refused_with_a_message(key: str, data: st.DataObject) -> None:
    value = data.draw(ANYTHING | nearly_valid(key))
    settings = settings_or_message({**default_values(), key: value})
    if settings is not None:
        check_accepted(settings)


@examples(150)
@given(broken_configurations())
def test_a_broken_configuration_is_accepted_or_refused_with_a_message(values: Values) -> None:
    settings = settings_or_message(values)
    if settings is not None:
        check_accepted(settings)


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
def test_one_odd_sign_in_what_ends_up_in_a_file_of_a_machine_is_harmless_or_refused(sign: str) -> None:
    for key in ("aptMirror", "kubernetesAptRepository", "imageMirrors", "storagePath", "webServerImage"):
        value = str(UNUSUAL[key])
        for at in (len(value) // 2, len(value) - 3, len(value) - 1):  # in a mirror's object that is inside its URL
            settings = settings_or_message({**default_values(), key: value[:at] + sign + value[at:]})
            if settings is not None:
                check_sources(settings)


@examples(100)
@given(st.dictionaries(TEXT, ANYTHING, max_size=3))
def test_keys_that_do_not_exist_are_refused_with_a_line_each(unknown: Values) -> None:
    assume(unknown and not set(unknown) & set(RULES))
    with pytest.raises(SettingsError) as refusal:
        load_settings({**default_values(), **unknown})
    _, *lines = str(refusal.value).split("\n")
    assert len(lines) == len(unknown)
    assert all(line.isprintable() and ": there is no such key." in line for line in lines)


@examples(100)
@given(sensible_configurations)
def test_what_is_valid_is_accepted_and_gives_machines_and_documents_that_can_be_used(values: Values) -> None:
    settings = load_settings(values)
    check_accepted(settings)


def test_hypothesis_finds_broken_configurations_that_are_accepted_and_that_are_refused() -> None:
    seen = {"accepted": 0, "refused": 0}

    @examples(100)
    @given(broken_configurations())
    def look(values: Values) -> None:
        seen["accepted" if settings_or_message(values) else "refused"] += 1

    look()
    assert min(seen.values()) >= 5, "the properties above would hold for nothing"


@cache
def kubeadm_version() -> str:
    """X.Y.Z of the kubeadm that is here."""
    said = subprocess.run([KUBEADM, "version", "--output=short"], capture_output=True, text=True, check=True)
    return said.stdout.strip().removeprefix("v")


@pytest.mark.skipif(not KUBEADM.exists(), reason="there is no kubeadm here: `python3 -m lab.build kubernetes` makes it")
@examples(10)
@given(values=sensible_configurations)
def test_kubeadm_itself_accepts_the_documents_of_valid_configurations(tmp_path: Path, values: Values) -> None:
    settings = load_settings({**values, "kubernetesVersion": kubeadm_version()})
    control_plane, worker = control_planes(settings)[0], workers(settings)[-1]
    join = kubeadm.join_document(settings, control_plane, worker)
    join = join.replace("@TOKEN@", TOKEN).replace("@CA_CERT_HASH@", CA_CERT_HASH)
    document = tmp_path / "kubeadm.yaml"
    for text in (kubeadm.init_documents(settings, control_plane), join):
        document.write_text(text)
        run = [str(KUBEADM), "config", "validate", "--config", str(document)]
        answer = subprocess.run(run, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, f"{text}{answer.stdout}{answer.stderr}"


@pytest.mark.skipif(NETPLAN is None, reason="there is no netplan here: apt-get install netplan.io")
@examples(10)
@given(values=sensible_configurations)
def test_netplan_itself_accepts_the_network_of_valid_configurations(tmp_path: Path, values: Values) -> None:
    settings = load_settings(values)
    for node in (*control_planes(settings), workers(settings)[-1]):
        text = cloud_init.network_config(node=node, network=settings.network_cidr)
        file = tmp_path / "etc/netplan/50-cloud-init.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump({"network": yaml.safe_load(text)}))
        file.chmod(0o600)
        run = [str(NETPLAN), "--root-dir", str(tmp_path)]
        answer = subprocess.run(run, capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stderr) == (0, "")


def after_bash(assignments: str, names: list[str]) -> dict[str, str]:
    """What a shell has in these variables after the assignments."""
    variables = " ".join(f'"${name}"' for name in names)
    program = f"{assignments}\nprintf '%s\\0' {variables}\n"
    done = subprocess.run(["bash", "-s"], input=program.encode(), capture_output=True, check=True, env={})
    return dict(zip(names, done.stdout.decode().split("\0"), strict=False))


@examples(40)
@given(
    st.dictionaries(
        st.from_regex("[A-Z]{3,9}_", fullmatch=True), st.text(st.characters(exclude_characters="\0", codec="utf-8"))
    )
)
def test_a_shell_variable_is_what_the_program_meant_whatever_it_holds(inputs: dict[str, str]) -> None:
    sent = remote.program(remote.script_text("read-kubeconfig.sh"), inputs)
    assignments = sent.partition("# shellcheck shell=bash")[0]
    assert after_bash(assignments, sorted(inputs)) == inputs


@examples(8)
@given(values=sensible_configurations)
def test_the_script_that_prepares_a_machine_reads_back_what_is_configured(
    run_program: RunProgram, image: Path, values: Values
) -> None:
    local: dict[str, Any] = {**values, "image": str(image), "imageSha512": "", "workers": "1"}
    settings = load_settings(local)
    program = run_program(**local).command("worker-1-prepare").plain("stdin")
    names = ["KUBERNETES_VERSION", "KUBERNETES_REPOSITORY", "APT_MIRROR", "APT_MIRROR_KEY", "IMAGE_MIRRORS", "IMAGES"]
    seen = after_bash(program.partition("# shellcheck shell=bash")[0], names)
    assert seen["KUBERNETES_VERSION"] == settings.kubernetes_version
    assert seen["KUBERNETES_REPOSITORY"] == settings.kubernetes_repository
    assert (seen["APT_MIRROR"], seen["APT_MIRROR_KEY"]) == (settings.apt_mirror, settings.apt_mirror_key)
    lines = [line.split(" ") for line in seen["IMAGE_MIRRORS"].splitlines()]
    assert {registry: url for registry, url in lines} == settings.image_mirrors  # noqa: C416 (each line is two words)
    assert f"registry.k8s.io/kube-proxy:v{settings.kubernetes_version}" in seen["IMAGES"].splitlines()
