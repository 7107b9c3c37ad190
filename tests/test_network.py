"""What the machines share in libvirt."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from components.base_image import base_images
from components.cluster_identity import ClusterIdentity, ClusterIdentityArgs
from components.network import Network, NetworkArgs, bridge_name
from components.nodes import control_planes
from components.settings import SettingsError
from components.ssh_keys import SshKeys, SshKeysArgs
from tests.configuration import make_settings
from tests.conftest import RunProgram
from tests.qcow2 import qcow2
from tests.recording import Run, run
from tests.seeds import call


def networked(image: Path, **overrides: str) -> Run:
    """What a network for one node registers."""
    settings = make_settings(image=str(image), **{"imageSha512": "", **overrides})
    node = control_planes(settings)[0]

    def program() -> None:
        images = base_images([node], preview=True)
        args = ClusterIdentityArgs(settings=settings, control_plane=node, images=images)
        keys = SshKeys("test", SshKeysArgs(nodes=[node]))
        identity = ClusterIdentity("identity", args)
        Network("test", NetworkArgs(settings=settings, keys=keys, identity=identity, base_images=images))

    return run(program)


def base_volume(image: Path, **overrides: str) -> str:
    """The name of the base image's volume."""
    return str(networked(image, **overrides).one(":Volume").plain("name"))


def test_the_network_is_the_configured_one_with_a_name_server_and_without_dhcp(unusual: Run) -> None:
    network = unusual.one("/network:Network")
    assert network.plain("name") == "blue"
    assert network.plain("bridge") == "br-blue"
    assert network.plain("mode") == "nat"
    assert network.plain("addresses") == ["10.50.0.0/24"]
    assert network.plain("dhcp") == {"enabled": False}, "a lease could take a machine's static address"
    assert network.plain("dns") == {"enabled": True}, "without a name server CoreDNS exits"
    assert network.plain("autostart") is True


def test_the_longest_cluster_name_still_makes_a_bridge_name_that_linux_takes() -> None:
    assert len(bridge_name(make_settings(clusterName="a" * 11))) <= 15


def test_disks_live_in_a_directory_of_the_clusters_own(applied: Run, unusual: Run) -> None:
    pool = applied.one(":Pool")
    assert (pool.plain("name"), pool.plain("type")) == ("k8s", "dir")
    assert pool.plain("target") == {"path": "/var/lib/libvirt/images/k8s"}
    assert unusual.one(":Pool").plain("target") == {"path": "/srv/disks"}


def test_the_base_volume_is_made_from_the_verified_image(applied: Run, image: Path, tmp_path: Path) -> None:
    base = applied.one(":Volume", "k8s-base")
    path = tmp_path / "private" / "base.qcow2"
    asyncio.run(call(applied, "before_create", "k8s-base", path))
    assert path.resolve() == image
    asyncio.run(call(applied, "after_create", "k8s-base", path))
    assert not path.parent.exists(), "nothing is left where it was handed over"
    assert image.exists()
    assert base.plain("pool") == "k8s"
    assert base.plain("format") == "qcow2"


def test_another_image_is_another_base_volume(tmp_path: Path) -> None:
    image = tmp_path / "debian.qcow2"
    image.write_bytes(qcow2(b"one"))
    first = base_volume(image)
    os.utime(image, ns=(0, 1))
    assert base_volume(image) == first, "a file that was only copied would replace all machines"
    image.write_bytes(qcow2(b"two"))
    assert base_volume(image) != first, "a file that was rebuilt in place would not reach the machines"


def test_an_image_with_a_checksum_is_known_by_it_alone(tmp_path: Path) -> None:
    for path, content in ((tmp_path / "here.qcow2", qcow2(b"one")), (tmp_path / "there.qcow2", qcow2(b"two"))):
        path.write_bytes(content)
    here, there = (hashlib.sha512(content).hexdigest() for content in (qcow2(b"one"), qcow2(b"two")))
    assert base_volume(tmp_path / "here.qcow2", imageSha512=here) == f"base-{here[:12]}.qcow2"
    assert base_volume(tmp_path / "there.qcow2", imageSha512=there) == f"base-{there[:12]}.qcow2"


def test_an_image_that_only_moved_changes_nothing(tmp_path: Path) -> None:
    images = [tmp_path / "here" / "debian.qcow2", tmp_path / "there" / "debian.qcow2"]
    for image in images:
        image.parent.mkdir()
        image.write_bytes(qcow2(b"the same"))
    one, two = (networked(image).one(":Volume") for image in images)
    assert one.inputs == two.inputs
    assert one.ignore_changes == {"source"}, "a cache that moved would replace all machines"


def test_nothing_in_libvirt_is_touched_before_the_configuration_is_accepted(
    run_program: RunProgram, applied: Run
) -> None:
    earlier = {"cluster": {**applied.one(":Stash", "cluster").plain("input"), "podCidr": "10.1.0.0/16"}}
    for preview in (False, True):
        registered: list[str] = []
        with pytest.raises(SettingsError, match="podCidr"):
            run_program(preview=preview, registered=registered, remembered=earlier)
        made = {name for name in registered if name.startswith("k8s-")}
        assert {name for name in made if not name.endswith("-key")} <= {
            "k8s-control-plane-1",
            "k8s-worker-1",
            "k8s-worker-2",
        }, "something other than keys, which are there, and components was registered"
