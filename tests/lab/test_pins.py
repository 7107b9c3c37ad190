"""versions.toml and the go.mod files each state some versions; these hold them together."""

from __future__ import annotations

import re

import pytest

from lab.paths import LAB, REPOSITORY
from lab.versions import VERSIONS


def required(module_file: str, module: str) -> str:
    """The version of `module` that a go.mod requires, without its `v`."""
    found = re.search(rf"^(?:require )?\s*{re.escape(module)} v(\S+)", (LAB / module_file).read_text(), re.MULTILINE)
    assert found, f"lab/{module_file} does not require {module}"
    return found[1]


@pytest.mark.parametrize(
    ("module_file", "module", "section", "key"),
    [
        ("go/pulumi/go.mod", "github.com/pulumi/pulumi/pkg/v3", "pulumi", "version"),
        ("go/pulumi/go.mod", "github.com/pulumi/pulumi/sdk/v3", "pulumi", "version"),
        ("go/pulumi-language-python/go.mod", "github.com/pulumi/pulumi/sdk/v3", "pulumi", "language_host"),
        ("go/kubernetes/go.mod", "k8s.io/kubernetes", "kubernetes", "version"),
        ("go/flannel/go.mod", "github.com/flannel-io/flannel", "flannel", "version"),
    ],
)
def test_a_go_module_is_the_version_that_the_lab_says(module_file: str, module: str, section: str, key: str) -> None:
    assert required(module_file, module) == VERSIONS[section][key]


def test_the_staging_modules_are_those_of_the_kubernetes_version() -> None:
    _, minor_and_patch = VERSIONS["kubernetes"]["version"].split(".", 1)
    text = (LAB / "go/kubernetes/go.mod").read_text()
    replaced = set(re.findall(r"^\tk8s\.io/\S+ => k8s\.io/\S+ v(\S+)$", text, re.MULTILINE))
    assert replaced == {f"0.{minor_and_patch}"}


@pytest.mark.parametrize("name", ["command", "kubernetes", "libvirt"])
def test_a_plugin_is_the_version_that_the_program_installs(name: str) -> None:
    pins = (REPOSITORY / "requirements.txt").read_text()
    assert re.search(rf"^pulumi-{name}=={re.escape(VERSIONS['plugins'][name])}\b", pins, re.MULTILINE)


def test_the_cli_is_the_version_of_the_sdk() -> None:
    assert f"\npulumi=={VERSIONS['pulumi']['version']} " in (REPOSITORY / "requirements.txt").read_text()
