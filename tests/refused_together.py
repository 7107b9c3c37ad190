"""The table of refused configurations, second part: keys that contradict each other; and all of it."""

from __future__ import annotations

from tests.refused import VALUES, Refused, row
from tests.refused_networks import NETWORKS
from tests.refused_sources import SOURCES

OWN = "Way out: choose a directory of its own, for example /srv/kubernetes"
SYSTEM = "it is a directory of the system, and destroy would remove it"
SYSTEMS = [
    *("/", "/home", "/root", "/srv", "/tmp", "/mnt", "/opt", "/run", "/var", "/var/lib", "/var/lib/libvirt"),
    *("/var/lib/libvirt/images", "/var/lib/libvirt/boot", "/var/tmp", "/var/log"),
]
INSIDE = {"/etc/disks": "/etc", "/usr": "/usr", "/dev/shm": "/dev", "/boot/a/b": "/boot", "/sys/x": "/sys"}
LOOKS_LIKE_WORKERS = {"w\u043erkers": "1"}
CHECKSUM = '{"imageSha512": "%s"}' % ("a" * 128)
ABSENT = "there is no such machine among control-plane-1 to worker-2. Way out: correct the name, or remove it"
MORE = (
    "kubeadm refuses a control plane with less than 2 CPUs or 1700 MiB of what the kernel leaves, which is "
    "less than 1900. Way out: give it more, or remove it"
)
MACHINES = [
    ("worker-3", '{"memory": 4096}', '{"memory": 4096}', ABSENT),
    ("Worker-1", "{}", "{}", ABSENT),
    ("", "{}", "{}", ABSENT),
    ("control-plane-1", '{"memory": 1899}', '{"memory": 1899}', MORE),
    ("control-plane-1", '{"cpus": 1}', '{"cpus": 1}', MORE),
    (
        "worker-1",
        '{"image": "http://a.example/b.qcow2"}',
        '{"image": "http://a.example/b.qcow2"}',
        "an image from a URL is only used when its checksum is known. "
        "Way out: add imageSha512, from the SHA512SUMS file beside the image",
    ),
    (
        "worker-1",
        CHECKSUM,
        f"{CHECKSUM[:80]}…",
        "there is no image of its own that imageSha512 could belong to. Way out: add image, or remove imageSha512",
    ),
]

REMOVED = (
    "where the disks will be, and destroy would remove it. "
    "Way out: move it elsewhere, for example to /var/lib/libvirt/boot"
)


def too_many(wanted: str, room: int, **machines: str) -> Refused:
    """A row of more replicas than the workers can hold."""
    rule = f"the workers have room for {room}, each of which asks for 10m CPU and 16 MiB"
    return row(
        f"- webServerReplicas = '{wanted}' is refused: {rule}. Way out: take fewer, or more or bigger workers",
        webServerReplicas=wanted,
        **machines,
    )


CONTRADICTIONS = [
    too_many("49", 48, workers="1", workerMemory="1024"),
    too_many("91", 90, workers="1", workerCpus="1", workerMemory="4096"),
    too_many("97", 96, workers="2", workerMemory="1024"),
    too_many("100", 99, workers="2", workerMemory="1024", machines='{"worker-2": {"memory": 1074}}'),
    row(
        "- clusterName = 'default' is refused: libvirt calls its own network and storage pool so. "
        "Way out: choose another name, for example k8s",
        clusterName="default",
    ),
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
    row(
        "- imageSha512 = '' is refused: an image from a URL is only used when its checksum is known. "
        "Way out: copy it from the SHA512SUMS file beside the image",
        imageSha512="",
    ),
    row(
        "- aptMirrorKey = 'http://mirror.example/key.asc' is refused: there is no aptMirror that it could sign. "
        "Way out: set aptMirror as well, or remove the key",
        aptMirrorKey="http://mirror.example/key.asc",
    ),
    *(row(f"- storagePath = '{path}' is refused: {SYSTEM}. {OWN}", storagePath=path) for path in SYSTEMS),
    row(f"- storagePath = '/home' is refused: {SYSTEM}. {OWN}", storagePath="/home/"),
    *(
        row(f"- storagePath = '{path}' is refused: what is in {tree} is the system's own. {OWN}", storagePath=path)
        for path, tree in INSIDE.items()
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
    *(
        row(f"- machines.{name} = '{shown}' is refused: {rule}", machines=f'{{"{name}": {own}}}')
        for name, own, shown, rule in MACHINES
    ),
    *(
        row(
            f"- {name} = '1': there is no such key. Did you mean {meant}? Remove it with: pulumi config rm {name}",
            **{name: "1"},
        )
        for name, meant in {
            "worker": "workers",
            "node_port": "nodePort",
            "podCIDR": "podCidr",
            "kubernetes_version": "kubernetesVersion",
        }.items()
    ),
    row("- zzz = '1': there is no such key. Remove it with: pulumi config rm zzz", zzz="1"),
    row(
        "- a\\nb c = '1': there is no such key. Remove it with: pulumi config rm 'a\\nb c'",
        **{"a\nb c": "1"},
    ),
    row("-  = '1': there is no such key. Remove it with: pulumi config rm ''", **{"": "1"}),
    row(
        "- w\u043erkers (sign 2 is CYRILLIC SMALL LETTER O) = '1': there is no such key. Did you mean workers? "
        "Remove it with: pulumi config rm 'w\u043erkers'",
        **LOOKS_LIKE_WORKERS,
    ),
    row("- -x = '1': there is no such key. Remove it with: pulumi config rm -- -x", **{"-x": "1"}),
    row(
        "- --all b = '1': there is no such key. Remove it with: pulumi config rm -- '--all b'",
        **{"--all b": "1"},
    ),
]

REFUSED = [*VALUES, *NETWORKS, *SOURCES, *CONTRADICTIONS]
