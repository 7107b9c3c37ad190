"""What cloud-init is told, read back as cloud-init reads it."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
import yaml

from components import cloud_init
from components.nodes import Node, workers
from tests.configuration import make_settings

PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\nbnNz\n-----END OPENSSH PRIVATE KEY-----\n"
PUBLIC = "ssh-ed25519 AAAAhost"
LOGIN = "ssh-ed25519 AAAAlogin"
JOINER = 'restrict,from="10.17.3.11" ssh-ed25519 AAAAcontrolplane'


@pytest.fixture
def node() -> Node:
    """The first worker."""
    return workers(make_settings())[0]


@pytest.fixture
def user_data(node: Node) -> dict[str, Any]:
    """Its user-data."""
    text = cloud_init.user_data(node=node, host_key=PRIVATE, host_public_key=PUBLIC, authorized_keys=[LOGIN, JOINER])
    assert text.startswith("#cloud-config\n"), "cloud-init ignores user-data without this first line"
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def test_one_user_may_log_in_with_exactly_the_given_keys(user_data: dict[str, Any]) -> None:
    (user,) = user_data["users"]
    assert user["name"] == "debian"
    assert user["ssh_authorized_keys"] == [LOGIN, JOINER]
    assert user["sudo"] == "ALL=(ALL) NOPASSWD:ALL", "scripts run as root without anybody to ask for a password"


def test_nobody_may_log_in_with_a_password_or_as_root(user_data: dict[str, Any]) -> None:
    assert user_data["ssh_pwauth"] is False
    assert user_data["disable_root"] is True
    assert all(user["lock_passwd"] is True and "passwd" not in user for user in user_data["users"])


def test_the_machine_identifies_itself_with_the_key_that_connections_pin(user_data: dict[str, Any]) -> None:
    assert user_data["ssh_keys"] == {"ed25519_private": PRIVATE, "ed25519_public": PUBLIC}
    assert user_data["ssh_deletekeys"] is True, "a host key that is the same in every machine of this image may stay"


def test_apt_does_not_start_by_itself_while_the_machine_is_prepared(user_data: dict[str, Any]) -> None:
    units = {unit for command in user_data["bootcmd"] for unit in command if "." in unit}
    assert {"apt-daily.timer", "apt-daily-upgrade.timer", "apt-daily.service", "apt-daily-upgrade.service"} == units


def test_the_host_name_is_the_nodes_and_resolves(node: Node, user_data: dict[str, Any]) -> None:
    assert user_data["hostname"] == node.name
    assert user_data["manage_etc_hosts"] is True
    meta_data = yaml.safe_load(cloud_init.meta_data(cluster_name="k8s", node=node))
    assert meta_data == {"instance-id": "k8s-worker-1", "local-hostname": "worker-1"}


def test_software_is_not_installed_by_cloud_init(user_data: dict[str, Any]) -> None:
    assert not {"packages", "runcmd", "package_upgrade", "package_update"} & set(user_data), (
        "what cloud-init installs cannot be run again, and its failures are seen by nobody"
    )


def test_the_address_is_static_and_belongs_to_the_interface_with_the_nodes_mac(node: Node) -> None:
    network = IPv4Network("10.17.3.0/24")
    config = yaml.safe_load(cloud_init.network_config(node=node, network=network))
    assert config["version"] == 2
    (interface,) = config["ethernets"].values()
    assert interface == {
        "match": {"macaddress": node.mac},
        "dhcp4": False,
        "addresses": ["10.17.3.21/24"],
        "routes": [{"to": "default", "via": "10.17.3.1"}],
        "nameservers": {"addresses": ["10.17.3.1"]},
    }
