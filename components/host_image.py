"""Whether the images that are on this host already can be used, and the machines' disks can hold them."""

from __future__ import annotations

from components.base_image import image_path
from components.host_program import is_there
from components.host_report import Report
from components.nodes import all_nodes
from components.qcow2 import disk_fault, image_fault
from components.settings import Settings


def image(settings: Settings) -> Report:
    """What is a path must be there; a URL's file may be. The checksum is compared when the image is used."""
    faults: dict[str, None] = {}
    for node in all_nodes(settings):
        path = image_path(node.image, node.image_sha512)
        if node.image.startswith("http") and not is_there(path):
            continue
        wrong = image_fault(path, source=node.image, key=node.key("image"))
        wrong = wrong or disk_fault(path, node.disk_size, key=node.key("diskSize"))
        if wrong:
            faults[wrong.removeprefix("- ")] = None
    return Report(f"image: {settings.image}", list(faults))
