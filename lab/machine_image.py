"""The machines' disk image: a bootable Debian made from packages, to be used as Debian's own genericcloud image is."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.host import KEYRING, apt_options, debian_sources
from lab.paths import CACHE, LAB, MACHINE_IMAGE
from lab.steps import Step, sh
from lab.versions import VERSIONS

HOST_PACKAGES = (
    "debian-archive-keyring",
    "e2fsprogs",
    "grub-common",
    "grub-pc-bin",
    "mmdebstrap",
    "parted",
    "qemu-utils",
)

SUITE: str = VERSIONS["debian"]["suite"]
DPKG_STATUS = CACHE / "machine" / "dpkg-status"
"""What is installed in the image, for working out what the offline repository has to carry beyond it."""

_FILES = LAB / "machine"  # copied over the tree as they are
# Not libpam-systemd: it starts a service manager at each login, which costs an emulated machine some seconds.
_PACKAGES = (
    "ca-certificates",
    "cloud-guest-utils",
    "cloud-init",
    "curl",
    "dbus",
    "e2fsprogs",
    "fdisk",
    "initramfs-tools",
    "iproute2",
    "iputils-ping",
    "kmod",
    "linux-image-cloud-amd64",
    "netbase",
    "netplan.io",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
    "udev",
    "zstd",
)
_PATH_EXCLUDES = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
_MASKED_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "modprobe@configfs.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@fuse.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
)
_MASKED_GENERATORS = (
    "systemd-debug-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-rc-local-generator",
    "systemd-run-generator",
    "systemd-ssh-generator",
    "systemd-system-update-generator",
    "systemd-tpm2-generator",
)
_SIZE = "3G"  # virtual, as the official image's; growpart makes it as large as the volume
_PARTITION_START = 1 << 20
_SECTOR = 512


def _make_image() -> None:
    work = MACHINE_IMAGE.parent / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    tree = work / "tree"
    _make_tree(tree)
    shutil.copy(tree / "var/lib/dpkg/status", work / "status")
    _make_disk(tree, work / "disk.raw")
    # Uncompressed: every machine reads it through its own disk, and would decompress it again and again.
    _log("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", work / "disk.raw", work / "image.qcow2")
    (work / "status").rename(DPKG_STATUS)
    (work / "image.qcow2").rename(MACHINE_IMAGE)
    shutil.rmtree(work)


def _make_tree(tree: Path) -> None:
    options = [f"--dpkgopt=path-exclude={path}" for path in _PATH_EXCLUDES]
    options += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", "--dpkgopt=force-unsafe-io"]
    options += [f"--aptopt={line}" for line in apt_options()]
    sources = [item for line in debian_sources(SUITE) for item in ("-", line)]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", f"--keyring={KEYRING}", *options]
    # The initramfs is made while packages are configured, so its settings must be there before.
    command += [
        f"--essential-hook=copy-in {_FILES / 'etc'} /",
        f"--include={','.join(_PACKAGES)}",
        f"--customize-hook=copy-in {_FILES / 'etc'} {_FILES / 'boot'} /",
    ]
    _log(*command, SUITE, tree, *sources[1::2])
    _make_first_boot(tree)


def _make_first_boot(tree: Path) -> None:
    """Leaves the tree as an image that never ran: without an identity, and with little to do at its first boot."""
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (tree / "etc/machine-id").write_text("")
    (tree / "var/lib/dbus/machine-id").unlink(missing_ok=True)
    (tree / "etc/hostname").unlink(missing_ok=True)
    (tree / "etc/apt/apt.conf.d/99mmdebstrap").unlink(missing_ok=True)
    (tree / "etc/apt/sources.list").write_text("")
    resolv = tree / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    for unit in _MASKED_UNITS:
        _mask(tree / "etc/systemd/system" / unit)
    for generator in _MASKED_GENERATORS:
        _mask(tree / "etc/systemd/system-generators" / generator)
    # Without these stamps systemd takes the first boot for one after an update and rebuilds its caches.
    (tree / "etc/.updated").touch()
    (tree / "var/.updated").touch()


def _mask(link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to("/dev/null")


def _make_disk(tree: Path, disk: Path) -> None:
    """Writes partition table, file system and boot loader into a plain file: no loop device, mount or device mapper."""
    _log("truncate", "--size", _SIZE, disk)
    _log("parted", "--script", disk, "mklabel", "msdos", "mkpart", "primary", "ext4", f"{_PARTITION_START}B", "100%")
    _log("parted", "--script", disk, "set", "1", "boot", "on")
    blocks = (disk.stat().st_size - _PARTITION_START) // 4096
    # The features left out are ones that the boot loader of an older host cannot read.
    features = "^metadata_csum_seed,^orphan_file"
    extended = f"offset={_PARTITION_START},lazy_itable_init=1,lazy_journal_init=1"
    file_system = ("-b", "4096", "-L", "root", "-O", features, "-E", extended, "-d", tree)
    _log("mkfs.ext4", "-q", "-F", *file_system, disk, str(blocks))
    core = disk.with_name("core.img")
    modules = ("biosdisk", "part_msdos", "ext2", "linux", "normal", "configfile", "search", "echo", "test")
    _log("grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub", *modules)
    boot = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()[:440]
    if core.stat().st_size > _PARTITION_START - _SECTOR:
        raise AssertionError("the boot loader must fit before the first partition")
    with disk.open("r+b") as file:
        file.write(boot)
        file.seek(_SECTOR)
        file.write(core.read_bytes())


def _log(*command: str | Path) -> None:
    sh(*command, log="machine-image")


IMAGE_INPUTS = [Path(__file__), *sorted(path for path in _FILES.rglob("*") if path.is_file())]

STEPS = [
    Step(
        name="machine-image",
        run=_make_image,
        results=[MACHINE_IMAGE, DPKG_STATUS],
        inputs=IMAGE_INPUTS,
        needs=["host-packages"],
        lane="fetch",  # mostly downloads and one processor: it goes on beside the compilers
    )
]
