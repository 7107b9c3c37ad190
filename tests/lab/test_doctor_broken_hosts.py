"""`make doctor` against hosts that are broken for real: one fault each, named with its fix, and nothing else named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.broken_host import Diagnosis, diagnose, require_lab, survivors

pytestmark = pytest.mark.lab
SOCKET = "/var/run/libvirt/libvirt-sock"
AS_NOBODY = (
    "setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search"
)
"""Nobody who may read everything, for the repository may lie in a closed directory; writing is as for anybody."""
NETWORK = 'virsh --quiet net-define <(echo "<network><name>mine</name>{}</network>") >/dev/null'
MAKE_ROOM = "Make room, or choose another: pulumi config set storagePath DIRECTORY"
EMULATE = "or accept software emulation: pulumi config set virtualization qemu"


@pytest.fixture(autouse=True)
def leaves_nothing_behind(tmp_path: Path) -> Iterator[None]:
    require_lab()
    yield
    assert survivors(tmp_path) == []


def refused(diagnosis: Diagnosis, *faults: str) -> None:
    """Exactly these faults were found."""
    *lines, verdict = diagnosis.lines
    assert lines == [f"fault    {fault}" for fault in faults]
    assert re.fullmatch(r"This host is not ready: 1 fault; nothing was made \(1[0-9] checks in [0-9.]+ s\)\.", verdict)
    assert diagnosis.code == 1


def test_a_host_that_lacks_nothing_is_ready_in_less_than_three_seconds(tmp_path: Path) -> None:
    diagnosis = diagnose(tmp_path)
    (verdict,) = diagnosis.lines
    seconds = re.fullmatch(r"This host is ready \(19 checks in ([0-9.]+) s\)\.", verdict)
    assert seconds, diagnosis.lines
    assert float(seconds[1]) < 3
    assert diagnosis.code == 0


@pytest.mark.parametrize(("tool", "package"), [("ssh-keygen", "openssh-client"), ("virsh", "libvirt-clients")])
def test_without_a_tool(tmp_path: Path, tool: str, package: str) -> None:
    refused(
        diagnose(tmp_path, f"over /dev/null $(command -v {tool})"),
        f"{tool} is not on PATH. Install it: sudo apt-get install {package}",
    )


def test_with_other_packages_than_the_pinned(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("pydantic==1.0 # another\n")
    (line, _) = diagnose(tmp_path, f"over {tmp_path}/requirements.txt requirements.txt").lines
    assert re.fullmatch(
        r"fault    Python's package pydantic is [0-9.]+, and requirements.txt says 1.0. "
        r"Install it: .venv/bin/pip install --requirement requirements.txt",
        line,
    )


def test_without_a_place_for_temporary_files(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "mount -t tmpfs -o ro tmpfs /mnt", variables={"TMPDIR": "/mnt"}),
        "no file can be made in /mnt: Read-only file system. Make room there, or set TMPDIR",
    )


def test_without_the_image(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, image="/nowhere/debian.qcow2"),
        "image = '/nowhere/debian.qcow2' is refused: there is no such file. "
        "Way out: give the path of a qcow2 file, or a URL",
    )


def test_with_a_proxy_for_everything(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, variables={"https_proxy": "http://proxy.example:3128"}),
        "https_proxy = 'http://proxy.example:3128' would be asked for the machines, which only this host can reach. "
        'Leave them out: export NO_PROXY="$NO_PROXY,10.199.200.0/24"',
    )


def test_without_libvirt(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, 'kill "$daemon"; wait "$daemon" || true; rm --force /run/libvirt/libvirt-sock'),
        f"libvirt is not running: there is no {SOCKET}. Install and start it: "
        "sudo apt-get install libvirt-daemon-system && sudo systemctl start libvirtd",
    )


def test_with_a_libvirtd_that_was_killed(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, 'kill -KILL "$daemon"; wait "$daemon" 2>/dev/null || true'),
        f"libvirt does not answer on {SOCKET} ([Errno 111] Connection refused). "
        "Restart it: sudo systemctl restart libvirtd",
    )


def test_with_a_libvirtd_that_hangs(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, 'kill -STOP "$daemon"'),
        f"libvirt does not answer on {SOCKET} within 4 s. Restart it: sudo systemctl restart libvirtd",
    )


def test_with_single_daemons_and_no_proxy_for_them(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "mv /run/libvirt/libvirt-sock /run/libvirt/virtqemud-sock"),
        f"libvirt runs as virtqemud, and the provider asks on {SOCKET}, which is virtproxyd's. "
        "Start that: sudo systemctl enable --now virtproxyd.socket",
    )


def test_as_a_user_outside_the_group(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "chmod 0660 /run/libvirt/libvirt-sock", run_as=AS_NOBODY),
        f"you may not use {SOCKET}. Join its group, then log in again: sudo usermod -aG libvirt $USER",
    )


def test_without_an_emulator(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, before="for each in $(type -ap qemu-system-x86_64); do over /dev/null $each; done"),
        "libvirt has no emulator for qemu machines (internal error: Cannot find suitable emulator for x86_64). "
        "Install it: sudo apt-get install qemu-system-x86 && sudo systemctl restart libvirtd",
    )


def test_without_nested_virtualization(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu hypervisor\n")
    refused(
        diagnose(tmp_path, f"over {tmp_path}/cpuinfo /proc/cpuinfo", virtualization="kvm"),
        "there is no /dev/kvm: this host is a virtual machine itself. Turn nested virtualization on where it runs "
        f"(kvm_intel.nested=1 or kvm_amd.nested=1, and the CPU mode host-passthrough), {EMULATE}",
    )


def test_in_a_network_with_the_machines_addresses(tmp_path: Path) -> None:
    refused(
        diagnose(
            tmp_path,
            "ip link add lan0 type bridge; ip address add 10.199.200.129/25 dev lan0; ip link set lan0 up",
        ),
        "networkCidr = '10.199.200.0/24' is taken: lan0 of this host has 10.199.200.128/25. Choose another: "
        "pulumi config set networkCidr 10.77.3.0/24",
    )


def test_with_the_machines_addresses_in_another_network_of_libvirt(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, NETWORK.format("<bridge name='virbr7'/><ip address='10.199.200.1' prefix='24'/>")),
        "networkCidr = '10.199.200.0/24' is taken: libvirt's network mine has 10.199.200.0/24. Choose another: "
        "pulumi config set networkCidr 10.77.3.0/24",
    )


def test_with_the_bridge_in_another_network_of_libvirt(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, NETWORK.format("<bridge name='br-doctor'/>")),
        "the bridge br-doctor belongs to libvirt's network mine. Choose another: pulumi config set clusterName k8s2",
    )


def test_with_a_bridge_that_somebody_left(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "ip link add br-doctor type bridge"),
        "there is an interface br-doctor, and libvirt did not make it. If nothing uses it, remove it: "
        "sudo ip link delete br-doctor; or choose another name: pulumi config set clusterName k8s2",
    )


def test_without_dnsmasq(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "over /dev/null $(command -v dnsmasq)"),
        "dnsmasq is missing, which libvirt runs in each network. Install it: sudo apt-get install dnsmasq-base",
    )


def test_without_a_firewall_tool(tmp_path: Path) -> None:
    (line, _) = diagnose(tmp_path, "for tool in iptables nft; do over /dev/null $(command -v $tool); done").lines
    assert re.fullmatch(
        "fault    (iptables is|iptables and nft are) missing, which libvirt sets up address translation with. "
        "Install it: sudo apt-get install iptables && sudo systemctl restart libvirtd",
        line,
    )


def test_without_room_for_the_disks(tmp_path: Path) -> None:
    images = "/var/lib/libvirt/images"
    refused(
        diagnose(tmp_path, f"mkdir {images}; mount -t tmpfs -o size=1g tmpfs {images}"),
        f"{images} has 1.0 GiB free and the disks need 6.0 GiB. {MAKE_ROOM}",
    )


def test_with_a_file_where_the_disks_are_to_be(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "touch /var/lib/libvirt/images"),
        "storagePath = '/var/lib/libvirt/images/doctor': /var/lib/libvirt/images is not a directory. "
        "Choose another: pulumi config set storagePath DIRECTORY",
    )


def test_without_memory_for_the_machines(tmp_path: Path) -> None:
    refused(
        diagnose(tmp_path, "echo 'MemAvailable: 2097152 kB' >/run/spoilt/meminfo"),
        "this host has 2048 MiB of memory available and the machines need 7168 MiB. "
        "Free 5120 MiB, or make them smaller: pulumi config set workerMemory 1024",
    )


def test_with_a_closed_directory_on_the_way_to_the_disks_there_is_a_warning(tmp_path: Path) -> None:
    diagnosis = diagnose(tmp_path, "sed -i '/^user/d' /etc/libvirt/qemu.conf; chmod 0700 /var/lib/libvirt")
    warning, verdict = diagnosis.lines
    assert warning == (
        "warning  QEMU runs as libvirt-qemu, who may not pass through /var/lib/libvirt, so no machine may start. "
        "Let it: sudo setfacl --modify user:libvirt-qemu:x /var/lib/libvirt"
    )
    assert verdict.startswith("This host is ready ")
    assert diagnosis.code == 0
