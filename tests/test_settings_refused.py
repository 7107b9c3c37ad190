"""What the configuration may not say, and what the user is told: key, value, rule and way out."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from components.nested_rules import CONTROL_PLANE, MACHINE
from components.project import PROJECT
from components.rules import RULES, Rule
from components.settings import SettingsError, load_settings, stack_values
from tests.configuration import PROJECT_FILE, default_values, make_settings
from tests.conftest import RunProgram
from tests.refused import PLACES, Refused
from tests.refused_together import REFUSED


def faults(**overrides: Any) -> list[str]:
    """The lines after the heading that a configuration is refused with."""
    with pytest.raises(SettingsError) as refusal:
        make_settings(**overrides)
    heading, *lines = str(refusal.value).split("\n")
    number = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    assert heading == f"The configuration has {number}; nothing was made."
    return lines


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_a_refusal_names_key_value_rule_and_way_out(row: Refused) -> None:
    with pytest.raises(SettingsError) as refusal:
        make_settings(**row.overrides)
    assert str(refusal.value) == row.message


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_the_program_says_the_same_and_makes_nothing(run_program: RunProgram, row: Refused) -> None:
    registered: list[str] = []
    overrides = {"image": PROJECT_FILE["config"]["image"]["default"], **row.overrides}
    checksum = {"imageSha512": PROJECT_FILE["config"]["imageSha512"]["default"]}
    with pytest.raises(SettingsError) as refusal:
        run_program(registered=registered, **{**checksum, **overrides})
    assert str(refusal.value) == row.message
    assert registered == []


def test_every_key_has_a_refusal_in_the_table() -> None:
    assert {key for row in REFUSED for key in row.overrides} >= set(RULES)
    assert len(REFUSED) >= 60


@pytest.mark.parametrize("key", sorted(RULES))
def test_what_a_refusal_proposes_is_accepted(key: str) -> None:
    example = RULES[key].example
    if example.startswith("$("):
        example = "0" * 128
    own = {"machines": {"worker-2": {"memory": example}}, "imageMirrors": {"docker.io": example}}
    make_settings(**{"aptMirror": "http://mirror.example", key: own.get(key, example)})


def test_all_faults_come_in_one_message() -> None:
    lines = faults(workers="0", nodePort="80", podCidr="10.17.0.0/16", kubernetesVersion="latest", worker="2")
    assert [line.split(" = ")[0] for line in lines] == [
        "- kubernetesVersion",
        "- workers",
        "- nodePort",
        "- worker",
        "- podCidr",
    ], "a user who mends one fault a run gives up before the last"


def test_all_faults_inside_one_key_come_in_one_message() -> None:
    own = {"worker-9": {"memory": 1, "cpus": 0}, "worker-1": {"disk": 9}, "control-plane-1": {"cpus": 1}, "worker-2": 4}
    lines = faults(machines=json.dumps(own))
    assert [line.split(" = ")[0] for line in lines] == [
        "- machines.worker-9.cpus",
        "- machines.worker-9.memory",
        "- machines.worker-1.disk",
        "- machines",
        "- machines.worker-9",
        "- machines.control-plane-1.cpus",
    ]


def test_one_fault_inside_a_key_hides_no_other_of_what_is_beside_it() -> None:
    image = {"image": "http://a/b.qcow2"}
    own = {
        "worker-1": {"memory": 1, **image},
        "worker-2": {"image": "/var/lib/libvirt/images/k8s/a.qcow2", "cpus": 0},
        "control-plane-1": {"diskSize": 1, "cpus": 1, "imageSha512": "abc", **image},
    }
    mirrors = {"docker.io": "http://localhost:5000", "ghcr.io": "mirror.example"}
    lines = faults(machines=json.dumps(own), imageMirrors=json.dumps(mirrors))
    assert [line.split(" = ")[0] for line in lines] == [
        "- machines.worker-1.memory",
        "- machines.worker-2.cpus",
        "- machines.control-plane-1.diskSize",
        "- machines.control-plane-1.imageSha512",
        "- imageMirrors.ghcr.io",
        "- machines.worker-2.image",
        "- imageMirrors.docker.io",
        "- machines.worker-1",
        "- machines.control-plane-1.cpus",
    ]


def test_a_mirror_that_is_refused_is_no_reason_to_ask_the_registry_itself() -> None:
    (line,) = faults(imageMirrors='{"localhost:5000": "mirror.example"}', webServerImage="localhost:5000/a/b:1")
    assert line.startswith("- imageMirrors.localhost:5000 = ")


@pytest.mark.parametrize("key", sorted(MACHINE))
@pytest.mark.parametrize(("machine", "rules"), [("worker-1", MACHINE), ("control-plane-1", CONTROL_PLANE)])
def test_what_a_refusal_proposes_for_one_machine_is_accepted(machine: str, rules: dict[str, Rule], key: str) -> None:
    example = "0" * 128 if key == "imageSha512" else rules[key].example
    own = {"image": "/srv/debian.qcow2", key: example}
    make_settings(machines=json.dumps({machine: own}))


@pytest.mark.parametrize("key", sorted(RULES))
def test_a_missing_key_is_named_with_the_command_that_sets_it(key: str) -> None:
    values = default_values()
    del values[key]
    with pytest.raises(SettingsError) as refusal:
        load_settings(values)
    rule = RULES[key]
    line = f"- {key} is missing: it {rule.rule}. Set it with: pulumi config set {PLACES.get(key, key)} {rule.example}"
    assert line in str(refusal.value).split("\n")


@pytest.mark.parametrize("value", [None, [], {}, [2], 1.5, math.nan, {"a": 0}, "\ud800"])
@pytest.mark.parametrize("key", sorted(RULES))
def test_a_value_of_another_type_is_refused_and_not_a_traceback(key: str, value: object) -> None:
    if key in ("imageMirrors", "machines") and value == {}:
        return  # the default
    lines = faults(**{key: value})
    assert re.match(rf"- {key}(\.a)? = ", lines[0]), lines


@pytest.mark.parametrize("value", [True, 2.0, 10**5000], ids=["true", "float", "huge"])
@pytest.mark.parametrize(
    "key", [key for key, declared in PROJECT_FILE["config"].items() if declared["type"] == "integer"]
)
def test_what_only_python_takes_for_a_whole_number_is_refused(key: str, value: object) -> None:
    (line,) = faults(**{key: value})
    assert line.startswith(f"- {key} = ")


@pytest.mark.parametrize("key", sorted(RULES))
def test_an_encrypted_value_is_refused_without_being_shown(key: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PULUMI_CONFIG", json.dumps({f"{PROJECT}:{key}": "hunter2"}))
        patch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps([f"{PROJECT}:{key}"]))
        values = stack_values()
    assert faults(**values) == [
        f"- {key} is encrypted and so is refused: it would be in the state in clear all the same. "
        f"Way out: set it with: pulumi config set --plaintext {PLACES.get(key, key)} {RULES[key].example}"
    ]
