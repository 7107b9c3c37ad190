"""KVM on this host: whether the machines can be virtualized, or how it comes that they cannot."""

from __future__ import annotations

from pathlib import Path

from components.host_report import Report
from components.pulumi_command import config
from components.settings import Settings

KVM = Path("/dev/kvm")
CPU = Path("/proc/cpuinfo")


def kvm_device(settings: Settings) -> Report:
    """Whether there is KVM, where the machines are to use it."""
    if settings.virtualization == "qemu":
        return Report("virtualization: qemu, in software")
    if KVM.exists():
        return Report(f"virtualization: {KVM}")
    flags = set(CPU.read_text().split()) if CPU.exists() else set()
    emulate = f"or accept software emulation: {config('set virtualization qemu')}"
    if flags & {"vmx", "svm"}:
        module = "kvm_intel" if "vmx" in flags else "kvm_amd"
        return Report("virtualization", [f"there is no {KVM}. Load its module: sudo modprobe {module}, {emulate}"])
    if "hypervisor" in flags:
        nested = (
            "this host is a virtual machine itself. Turn nested virtualization on where it runs "
            "(kvm_intel.nested=1 or kvm_amd.nested=1, and the CPU mode host-passthrough)"
        )
        return Report("virtualization", [f"there is no {KVM}: {nested}, {emulate}"])
    firmware = "Turn virtualization on in the firmware and load kvm_intel or kvm_amd"
    return Report("virtualization", [f"there is no {KVM}. {firmware}, {emulate}"])
