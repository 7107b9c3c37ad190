"""The lab's libvirt starts QEMU as the lab wants it."""

from __future__ import annotations

import subprocess
from xml.etree import ElementTree

import pytest

from lab.paths import CACHE
from tests.configuration import REPOSITORY
from tests.lab.broken_host import require_lab

pytestmark = pytest.mark.lab


def test_machines_run_in_a_qemu_that_asks_for_huge_pages_and_is_in_no_clone() -> None:
    require_lab()
    said = subprocess.run([REPOSITORY / "lab/enter", "virsh", "domcapabilities"], capture_output=True, check=True)
    path = CACHE / "run/bin/qemu-system-x86_64"
    assert ElementTree.fromstring(said.stdout).findtext("path") == str(path)
    assert path.read_text() == (REPOSITORY / "lab/libvirt/qemu-system-x86_64").read_text()
    assert "export GLIBC_TUNABLES=glibc.malloc.hugetlb=1" in path.read_text()
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("QEMU emulator version")
