"""Whether AppArmor would keep QEMU from the machines' disks."""

from __future__ import annotations

from pathlib import Path

from components.host_libvirt import Libvirt
from components.host_report import Report
from components.settings import Settings

LOCAL_RULES = Path("/etc/apparmor.d/local/abstractions/libvirt-qemu")
"""What Debian's and Ubuntu's profile of every machine includes, for the administrator's own rules."""


def app_armor(settings: Settings, libvirt: Libvirt) -> Report:
    """Whether the rules let QEMU read a disk's base image.

    libvirt makes a profile for each machine from the files that its definition names. A disk in a pool is none of them
    (seen up to libvirt 10: dmacvicar/terraform-provider-libvirt#1163), nor is what such a disk grows from (#1354).
    A warning, for the profile may have been widened elsewhere.
    """
    subject, directory = "AppArmor: leaves the disks alone", settings.storage_directory
    if "apparmor" not in libvirt.security:
        return Report(subject)
    try:
        rules = LOCAL_RULES.read_text(errors="replace")
    except OSError:
        rules = ""
    if any(f"{place}/**" in rules for place in (directory, *directory.parents[:-1])):
        return Report(subject)
    line = (
        "AppArmor confines QEMU, and libvirt may leave disks in pools out of its rules, so that no machine starts: "
        "Permission denied (dmacvicar/terraform-provider-libvirt#1163). Add a rule: "
        f"echo '  \"{directory}/**\" rwk,' | sudo tee --append {LOCAL_RULES}"
    )
    return Report(subject, warnings=[line])
