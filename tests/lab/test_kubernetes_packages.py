from __future__ import annotations

import configparser
from email import message_from_string

import pytest

from lab.kubernetes_packages import REPOSITORY, Package, packages
from lab.paths import LAB, WEB_ROOT
from lab.versions import VERSIONS

PACKAGES = {package.name: package for package in packages()}


def control(package: Package) -> dict[str, str]:
    return dict(message_from_string(package.control()).items())


def unit(name: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, delimiters="=", interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(LAB / "packages" / name)
    return parser


def test_a_stanza_of_the_control_file_has_no_empty_field_and_no_second_paragraph() -> None:
    for package in PACKAGES.values():
        lines = package.control().splitlines()
        assert all(": " in line for line in lines), f"dpkg-deb refuses the control file of {package.name}"


@pytest.mark.parametrize("name", ["kubeadm", "kubelet", "kubectl"])
def test_the_version_is_the_pinned_one_with_the_revision_that_the_official_packages_carry(name: str) -> None:
    assert control(PACKAGES[name])["Version"] == f"{VERSIONS['kubernetes']['version']}-1.1", (
        "apt-get install kubeadm=X.Y.Z-* would find it at one place and not at the other"
    )


def test_the_kubelet_brings_the_network_plugins_and_kubeadm_brings_nothing_else() -> None:
    assert "kubernetes-cni (>= 1.2.0)" in control(PACKAGES["kubelet"])["Depends"]
    assert "Depends" not in control(PACKAGES["kubeadm"])
    assert "opt/cni/bin/bridge" in PACKAGES["kubernetes-cni"].files, "containerd looks for plugins in /opt/cni/bin"


def test_a_users_kubelet_arguments_survive_an_upgrade_of_the_package() -> None:
    kubelet = PACKAGES["kubelet"]
    assert kubelet.conffiles == ("/etc/default/kubelet",)
    assert {name.lstrip("/") for name in kubelet.conffiles} <= set(kubelet.files), "dpkg-deb refuses the package"


def test_kubeadms_drop_in_replaces_the_units_command_and_passes_on_every_variable_that_it_sets() -> None:
    drop_in = (LAB / "packages" / "10-kubeadm.conf").read_text().splitlines()
    commands = [line for line in drop_in if line.startswith("ExecStart=")]
    assert commands[0] == "ExecStart=", "systemd refuses a second ExecStart= that does not first clear the unit's own"
    for variable in ("KUBELET_KUBECONFIG_ARGS", "KUBELET_CONFIG_ARGS", "KUBELET_KUBEADM_ARGS", "KUBELET_EXTRA_ARGS"):
        assert f"${variable}" in commands[1]


def test_the_kubelet_is_restarted_for_ever_until_kubeadm_has_configured_it() -> None:
    service = unit("kubelet.service")["Service"]
    assert (service["Restart"], service["StartLimitInterval"]) == ("always", "0")


def test_the_repository_lies_where_the_official_one_has_the_same_minor_version() -> None:
    minor = VERSIONS["kubernetes"]["version"].rpartition(".")[0]
    assert REPOSITORY.relative_to(WEB_ROOT).as_posix() == f"kubernetes/core:/stable:/v{minor}/deb"
