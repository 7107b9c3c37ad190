"""What the machines share in libvirt."""

from __future__ import annotations

import os
from pathlib import Path

from components.network import Network, NetworkArgs, bridge_name
from tests.configuration import make_settings
from tests.recording import Run, run


def base_volume(image: Path, **overrides: str) -> str:
    """The name of the base image's volume."""
    settings = make_settings(image=str(image), **{"imageSha512": "", **overrides})
    recorded = run(lambda: Network("test", NetworkArgs(settings=settings, base_image=image)))
    return str(recorded.one(":Volume").plain("name"))


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


def test_the_base_volume_is_made_from_the_verified_image(applied: Run, image: Path) -> None:
    base = applied.one(":Volume", "k8s-base")
    assert base.plain("source") == str(image)
    assert base.plain("pool") == "k8s"
    assert base.plain("format") == "qcow2"


def test_another_image_is_another_base_volume(tmp_path: Path) -> None:
    image = tmp_path / "debian.qcow2"
    image.write_bytes(b"one")
    first = base_volume(image)
    os.utime(image, ns=(0, 1))
    assert base_volume(image) == first, "a file that was only copied would replace all machines"
    image.write_bytes(b"two")
    assert base_volume(image) != first, "a file that was rebuilt in place would not reach the machines"


def test_an_image_with_a_checksum_is_known_by_it_alone(tmp_path: Path) -> None:
    here, there = tmp_path / "here.qcow2", tmp_path / "there.qcow2"  # not there: a preview has not downloaded it yet
    assert base_volume(here, imageSha512="a" * 128) == base_volume(there, imageSha512="a" * 128)
    assert base_volume(here, imageSha512="a" * 128) != base_volume(here, imageSha512="b" * 128)
