"""The image of each machine must be one that its disk can be made from; what is wrong is named with its key and fix."""

from __future__ import annotations

import json

from components.base_image import download_path
from tests.fake_host import GIB, FakeHost
from tests.qcow2 import qcow2

GIVE = "Way out: give the path of a qcow2 file, or a URL"


def test_an_image_that_is_not_there_is_refused(ready: FakeHost) -> None:
    image = ready.directory / "debian.qcow2"
    assert ready.faults(image=str(image), imageSha512="") == [
        f"- image = '{image}' is refused: there is no such file. {GIVE}"
    ]


def test_an_image_in_another_format_is_refused_by_the_name_that_the_machine_has_it_by(ready: FakeHost) -> None:
    image = ready.file("debian.img", "raw bytes")
    assert ready.faults(machines=json.dumps({"worker-1": {"image": str(image)}})) == [
        f"- machines.worker-1.image = '{image}' is refused: it is not a qcow2 file. {GIVE}"
    ]


def test_an_image_that_is_a_layer_on_another_file_is_refused(ready: FakeHost) -> None:
    image = ready.file("layer.qcow2")
    image.write_bytes(qcow2(backing=0x68))
    assert ready.faults(image=str(image), imageSha512="") == [
        f"- image = '{image}' is refused: it is a layer on another file, which is not copied with it. "
        "Way out: give a whole one: qemu-img convert -O qcow2 layer.qcow2 whole.qcow2"
    ]


def test_a_downloaded_image_is_looked_at_too(ready: FakeHost) -> None:
    settings = ready.settings()
    downloaded = download_path(settings.image, settings.image_sha512)
    downloaded.parent.mkdir(parents=True)
    downloaded.write_text("<html>")
    (line,) = ready.faults()
    assert line.startswith("- image = 'https://cloud.debian.org/")
    assert line.endswith(f" is refused: it is not a qcow2 file. {GIVE}")


def test_a_disk_that_is_smaller_than_the_image_is_refused_once_a_key(ready: FakeHost) -> None:
    image = ready.file("big.qcow2")
    image.write_bytes(qcow2(size=20 * GIB + 1))
    own = json.dumps({"worker-1": {"diskSize": 9}, "worker-2": {"diskSize": 21}})
    rule = "is refused: the image has a disk of 21 GiB, and no machine's may be smaller. Way out: set it with"
    assert ready.faults(image=str(image), imageSha512="", machines=own) == [
        f"- diskSize = '20' {rule}: pulumi config set diskSize 21",
        f"- machines.worker-1.diskSize = '9' {rule}: pulumi config set --path machines.worker-1.diskSize 21",
    ]
    image.write_bytes(qcow2(size=20 * GIB))
    ready.accepted(image=str(image), imageSha512="")
