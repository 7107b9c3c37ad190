"""The table of refused configurations, second part: keys that contradict each other; and all of it."""

from __future__ import annotations

import json

from tests.refused import VALUES, Refused, row
from tests.refused_long import LONG_VALUES
from tests.refused_networks import NETWORKS
from tests.refused_sources import SOURCES
from tests.refused_storage import STORAGE

LOOKS_LIKE_WORKERS = {"w\u043erkers": "1"}
CHECKSUM = '{"imageSha512": "%s"}' % ("a" * 128)
ABSENT = "there is no such machine among control-plane-1 to worker-2. Way out: correct the name, or remove it"
MACHINES = [
    ("worker-3", '{"memory": 4096}', '{"memory": 4096}', ABSENT),
    ("Worker-1", "{}", "{}", ABSENT),
    ("", "{}", "{}", ABSENT),
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
SAME_FILE = (
    "is the same file with another SHA-512, and one file has one. "
    "Way out: correct it, or give each image a place of its own"
)


def own_image(image: str, digit: str) -> dict[str, str]:
    """What a machine has that has an image of its own."""
    return {"image": image, "imageSha512": digit * 128}


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
        "- imageSha512 = '' is refused: an image from a URL is only used when its checksum is known. "
        "Way out: copy it from the SHA512SUMS file beside the image",
        imageSha512="",
    ),
    row(
        "- aptMirrorKey = 'http://mirror.example/key.asc' is refused: there is no aptMirror that it could sign. "
        "Way out: set aptMirror as well, or remove the key",
        aptMirrorKey="http://mirror.example/key.asc",
    ),
    *(
        row(f"- machines.{name} = '{shown}' is refused: {rule}", machines=f'{{"{name}": {own}}}')
        for name, own, shown, rule in MACHINES
    ),
    *(
        row(
            f"- machines.{name}.imageSha512 = '{checksum * 80}…' is refused: {other} {SAME_FILE}",
            image="http://a.example/b.qcow2",
            imageSha512="a" * 128,
            machines=json.dumps(dict(zip(("worker-1", "worker-2"), own, strict=True))),
        )
        for name, checksum, other, own in (
            (
                *("worker-2", "b", "image"),
                (own_image("/srv/c", "c"), own_image("http://a.example/b.qcow2", "b")),
            ),
            (
                *("worker-2", "d", "machines.worker-1.image"),
                (own_image("/srv/c", "c"), own_image("/srv/c", "d")),
            ),
        )
    ),
    row(
        "- networkCidr = '10.244.0.0/28' is refused: it is too small for 3 machines. Way out: take a /24\n"
        "- networkCidr = '10.244.0.0/28' is refused: it overlaps podCidr 10.244.0.0/16. "
        "Way out: choose networks that are apart",
        networkCidr="10.244.0.0/28",
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
    *(
        row(
            f"- {key} = '{value}' is refused: without --path it is not inside {outer}. "
            f"Way out: pulumi config rm {removed} && pulumi config set --path {path} {value}",
            **{key: value},
        )
        for outer, key, value, removed, path in (
            ("machines", "machines.worker-1.memory", "4096", "machines.worker-1.memory", "machines.worker-1.memory"),
            (
                "imageMirrors",
                "imageMirrors.registry.k8s.io",
                "https://harbor.corp.example.com/v2/proxy-registry-k8s",
                "imageMirrors.registry.k8s.io",
                "'imageMirrors[\"registry.k8s.io\"]'",
            ),
            *(
                ("imageMirrors", key, "http://a", removed, "'imageMirrors[\"docker.io\"]'")
                for key, removed in (
                    ("imageMirrors.docker.io", "imageMirrors.docker.io"),
                    ('imageMirrors["docker.io"]', "'imageMirrors[\"docker.io\"]'"),
                )
            ),
        )
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

REFUSED = [*VALUES, *LONG_VALUES, *NETWORKS, *SOURCES, *STORAGE, *CONTRADICTIONS]
