"""What follows from every configuration that is accepted; each check is what the program's readers insist on."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from ipaddress import IPv4Address, IPv4Interface
from typing import Any
from urllib.parse import unquote

import jsonschema
import yaml

from components import cloud_init, flannel, kubeadm
from components.nodes import Node, all_nodes
from components.settings import Settings
from tests.configuration import REPOSITORY

RFC1123 = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
KEYS = {
    "host_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----\n",
    "host_public_key": "ssh-ed25519 AAAAhost",
}
_SCHEMAS: dict[str, Any] = json.loads((REPOSITORY / "tests/data/cloud-init-25.1.4-schemas.json").read_text())
_VALIDATORS = {name: jsonschema.Draft4Validator(_SCHEMAS[name]) for name in ("user-data", "network-config")}


def check_accepted(settings: Settings) -> None:
    """Asserts that machines and documents of these settings are what libvirt, cloud-init, apt and containerd read."""
    nodes = all_nodes(settings)
    _check_nodes(settings, nodes)
    for node in (nodes[0], nodes[-1]):
        _check_cloud_init(settings, node)
    _check_kubeadm(settings, nodes)
    check_sources(settings)


def _check_nodes(settings: Settings, nodes: list[Node]) -> None:
    network = settings.network_cidr
    assert all(RFC1123.fullmatch(node.name) for node in nodes)
    assert all(RFC1123.fullmatch(f"{settings.cluster_name}-{node.name}") for node in nodes), "names in libvirt"
    assert len(f"br-{settings.cluster_name}") < 16, "Linux has 15 characters for an interface"
    addresses = [node.address for node in nodes]
    assert all(address in network for address in addresses)
    assert not {network[0], network[1], network[-1]} & set(addresses), "the network's own, the host's, broadcast"
    assert not any(address.is_multicast or address.is_loopback or address.is_link_local for address in addresses)
    octets = [[int(octet, 16) for octet in node.mac.split(":")] for node in nodes]
    assert all(len(each) == 6 and each[0] & 0b11 == 0b10 for each in octets), "unicast, locally administered"
    for unique in ([node.name for node in nodes], addresses, [node.mac for node in nodes]):
        assert len(set(unique)) == len(nodes)


def _check_cloud_init(settings: Settings, node: Node) -> None:
    text = cloud_init.user_data(node=node, authorized_keys=["ssh-ed25519 AAAAlogin"], **KEYS)
    assert text.startswith("#cloud-config\n")
    _VALIDATORS["user-data"].validate(yaml.safe_load(text))
    meta_data = yaml.safe_load(cloud_init.meta_data(cluster_name=settings.cluster_name, node=node))
    assert meta_data == {"instance-id": f"{settings.cluster_name}-{node.name}", "local-hostname": node.name}
    network_config = yaml.safe_load(cloud_init.network_config(node=node, network=settings.network_cidr))
    _VALIDATORS["network-config"].validate(network_config)
    (interface,) = network_config["ethernets"].values()
    assert interface["match"] == {"macaddress": node.mac}
    (address,) = map(IPv4Interface, interface["addresses"])
    assert (address.ip, address.network) == (node.address, settings.network_cidr)
    (route,) = interface["routes"]
    gateway = IPv4Address(route["via"])
    assert gateway in address.network
    assert gateway != address.ip


def _check_kubeadm(settings: Settings, nodes: list[Node]) -> None:
    init = list(yaml.safe_load_all(kubeadm.init_documents(settings, nodes[0])))
    assert [document["kind"] for document in init] == [
        "InitConfiguration",
        "ClusterConfiguration",
        "KubeletConfiguration",
    ]
    assert init[1]["clusterName"] == settings.cluster_name
    join = yaml.safe_load(kubeadm.join_document(settings, nodes[0], nodes[-1]))
    assert join["nodeRegistration"]["name"] == nodes[-1].name
    network = json.loads(flannel.network_configuration(settings))["Network"]
    assert network == init[1]["networking"]["podSubnet"]
    assert 2 ** (24 - settings.pod_cidr.prefixlen) >= len(nodes), "a /24 for each"


def check_sources(settings: Settings) -> None:
    """Asserts that apt, containerd and a shell read every URL and path as what it is."""
    for url in filter(None, (settings.apt_mirror, settings.kubernetes_repository)):
        line = f"deb [signed-by=/etc/apt/keyrings/a.asc] {url} trixie main"
        assert line.split() == ["deb", "[signed-by=/etc/apt/keyrings/a.asc]", url, "trixie", "main"], "apt reads words"
        assert not set(url) & set('"[]#'), "apt reads them as its own"
        assert "$(" not in unquote(url), "apt has variables"
        assert unquote(url).isprintable(), "it is the name of a file"
    for registry, url in settings.image_mirrors.items():
        assert registry.strip(".") == registry, "it is a directory's name"
        assert "/" not in registry
        assert f"{registry} {url}".split() == [registry, url], "prepare-node.sh reads words"
        assert tomllib.loads(f'[host."{url}"]\n') == {"host": {url: {}}}, "containerd's hosts.toml"
    assert shlex.split(str(settings.storage_directory)) == [str(settings.storage_directory)]
