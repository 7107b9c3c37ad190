"""The table of refused configurations: directories that destroy must not remove, and images in them."""

from __future__ import annotations

from tests.refused import row

OWN = "Way out: choose a directory of its own, for example /srv/kubernetes"
SYSTEM = "it is a directory of the system, and destroy would remove it"
SYSTEMS = [
    *("/", "/home", "/root", "/srv", "/tmp", "/mnt", "/opt", "/run", "/var", "/var/lib", "/var/lib/libvirt"),
    *("/var/lib/libvirt/images", "/var/lib/libvirt/boot", "/var/tmp", "/var/log", "/var/mail", "/var/opt"),
    *("/var/local", "/var/crash", "/var/backups", "/var/lock", "/lost+found", "/srv/lost+found"),
    *("/var/lib/misc", "/var/lib/private", "/var/lib/libvirt/secrets", "/var/lib/libvirt/swtpm"),
]
INSIDE = {"/etc/disks": "/etc", "/usr": "/usr", "/dev/shm": "/dev", "/boot/a/b": "/boot", "/sys/x": "/sys"}
REMOVED = (
    "where the disks will be, and destroy would remove it. "
    "Way out: move it elsewhere, for example to /var/lib/libvirt/boot"
)

STORAGE = [
    row(
        "- image = '/var/lib/libvirt/images/blue/a.qcow2' is refused: it is in /var/lib/libvirt/images/blue, "
        f"{REMOVED}",
        image="/var/lib/libvirt/images/blue/a.qcow2",
        clusterName="blue",
    ),
    row(
        "- machines.worker-1.image = '/var/lib/libvirt/images/k8s/a.qcow2' is refused: it is in "
        f"/var/lib/libvirt/images/k8s, {REMOVED}",
        machines='{"worker-1": {"image": "/var/lib/libvirt/images/k8s/a.qcow2"}}',
    ),
    *(row(f"- storagePath = '{path}' is refused: {SYSTEM}. {OWN}", storagePath=path) for path in SYSTEMS),
    row(f"- storagePath = '/home' is refused: {SYSTEM}. {OWN}", storagePath="/home/"),
    *(
        row(f"- storagePath = '{path}' is refused: what is in {tree} is the system's own. {OWN}", storagePath=path)
        for path, tree in INSIDE.items()
    ),
    *(
        row(
            f"- storagePath = '{path}' is refused: what is in {tree} is lost when this host starts anew. {OWN}",
            storagePath=path,
        )
        for path, tree in {
            "/run/lock": "/run",
            "/run/a/b": "/run",
            "/var/run/disks": "/var/run",
            "/var/lock/disks": "/var/lock",
        }.items()
    ),
    row(
        "- storagePath = '/srv/os' is refused: image /srv/os/../os/./a.qcow2 is in it, and destroy would remove it. "
        f"{OWN}",
        storagePath="/srv/os",
        image="/srv/os/../os/./a.qcow2",
    ),
    row(
        "- storagePath = '/srv/os' is refused: image /srv/x/../os/a.qcow2 is in it, and destroy would remove it. "
        f"{OWN}",
        storagePath="/srv/os",
        image="/srv/x/../os/a.qcow2",
    ),
    row(
        "- image = '/var/lib/libvirt/images/x/../k8s/a.qcow2' is refused: it is in /var/lib/libvirt/images/k8s, "
        f"{REMOVED}",
        image="/var/lib/libvirt/images/x/../k8s/a.qcow2",
    ),
    row(
        "- storagePath = '/srv/os' is refused: image /srv/os/debian.qcow2 is in it, and destroy would remove it. "
        f"{OWN}",
        storagePath="/srv/os",
        image="/srv/os/debian.qcow2",
    ),
    row(
        f"- storagePath = '/srv/os' is refused: image /srv/os/own.qcow2 is in it, and destroy would remove it. {OWN}",
        storagePath="/srv/os",
        machines='{"worker-1": {"image": "/srv/os/own.qcow2"}}',
    ),
]
