"""What the configuration may not say, and what the user is told: key, value, rule and way out."""

from __future__ import annotations

from typing import Any

import pytest

from components.rules import RULES
from components.settings import SettingsError, load_settings
from tests.configuration import default_values, make_settings

CLUSTER_NAME = "it must be 1 to 11 lower-case letters, digits and dashes, a letter first"
VERSION = "it must be a whole version X.Y.Z, 1.31.0 or newer"
NETWORK = "it must be an IPv4 network without host bits"
CONTROL_PLANES = (
    "it must be an odd number, because etcd needs a majority, and only 1 is built so far (README, non-goals)"
)
CPUS = "it must be 2 to 64, because kubeadm refuses a control plane with less than 2"
MEMORY = "it must be MiB, 1700 to 1048576, because kubeadm refuses less than 1700"
WORKERS = "it must be 1 to 100, because the control plane runs no pods of yours"
IMAGE = "it must be the http(s) URL or the absolute path of a qcow2 file"
CHECKSUM = "it must be 128 hexadecimal digits in lower case, or empty for a local file"
MACHINES = "it must map names of machines to cpus, memory, diskSize, image or imageSha512, each as for all machines"
URL = "it must be an http(s) URL, or empty"
MIRRORS = "it must map registries to http(s) URLs"
WHOLE_IMAGE = "it must be a whole image name: registry, path and tag"
NODE_PORT = "it must be 30000 to 32767, the range Kubernetes gives to node ports"
STORAGE = "it must be an absolute path without blanks, or empty"

REFUSED = [
    ("clusterName", "", CLUSTER_NAME, "k8s"),
    ("clusterName", "Prod", CLUSTER_NAME, "k8s"),
    ("clusterName", "1st", CLUSTER_NAME, "k8s"),
    ("clusterName", "ends-", CLUSTER_NAME, "k8s"),
    ("clusterName", "twelve-chars", CLUSTER_NAME, "k8s"),  # br-twelve-chars would be one too long for Linux
    ("clusterName", "a/b", CLUSTER_NAME, "k8s"),
    ("kubernetesVersion", "1.37", VERSION, "1.37.2"),
    ("kubernetesVersion", "v1.37.2", VERSION, "1.37.2"),
    ("kubernetesVersion", "latest", VERSION, "1.37.2"),
    ("kubernetesVersion", "1.30.9", VERSION, "1.37.2"),
    ("containerRuntime", "cri-o", "it must be docker or containerd", "docker"),
    ("containerRuntime", "Docker", "it must be docker or containerd", "docker"),
    ("podCidr", "10.244.0.1/16", NETWORK, "10.244.0.0/16"),
    ("podCidr", "fd00::/48", NETWORK, "10.244.0.0/16"),
    ("podCidr", "lots", NETWORK, "10.244.0.0/16"),
    ("serviceCidr", "10.96.0.0/33", NETWORK, "10.96.0.0/12"),
    ("networkCidr", "10.17.3.5/24", NETWORK, "10.17.3.0/24"),
    ("controlPlanes", "0", CONTROL_PLANES, "1"),
    ("controlPlanes", "2", CONTROL_PLANES, "1"),
    ("controlPlanes", "3", CONTROL_PLANES, "1"),
    ("controlPlanes", "-1", CONTROL_PLANES, "1"),
    ("controlPlaneCpus", "1", CPUS, "2"),
    ("controlPlaneMemory", "1699", MEMORY, "3072"),
    ("controlPlaneMemory", "2G", MEMORY, "3072"),
    ("workers", "0", WORKERS, "2"),
    ("workers", "101", WORKERS, "2"),
    ("workers", "two", WORKERS, "2"),
    ("workers", "1.5", WORKERS, "2"),
    ("workerCpus", "0", "it must be 1 to 64", "2"),
    ("workerMemory", "1023", "it must be MiB, 1024 to 1048576", "2048"),
    ("diskSize", "7", "it must be GiB, 8 to 4096", "20"),
    ("image", "", IMAGE, "/var/lib/libvirt/boot/debian-13.qcow2"),
    ("image", "debian.qcow2", IMAGE, "/var/lib/libvirt/boot/debian-13.qcow2"),
    ("image", "ftp://images.example/debian.qcow2", IMAGE, "/var/lib/libvirt/boot/debian-13.qcow2"),
    ("imageSha512", "abc", CHECKSUM, "$(sha512sum FILE)"),
    ("imageSha512", "A" * 128, CHECKSUM, "$(sha512sum FILE)"),
    ("machines", "[]", MACHINES, '\'{"worker-2": {"memory": 4096}}\''),
    ("machines", '{"worker-1": {"disk": 9}}', MACHINES, '\'{"worker-2": {"memory": 4096}}\''),
    ("machines", '{"worker-1": {"memory": 512}}', MACHINES, '\'{"worker-2": {"memory": 4096}}\''),
    ("machines", '{"worker-1": 4096}', MACHINES, '\'{"worker-2": {"memory": 4096}}\''),
    ("systemUpgrade", "maybe", "it must be true or false", "true"),
    ("virtualization", "xen", "it must be kvm or qemu", "kvm"),
    ("storagePath", "disks", STORAGE, "/srv/kubernetes"),
    ("storagePath", "/srv/my disks", STORAGE, "/srv/kubernetes"),
    ("timeoutFactor", "0", "it must be a whole number, 1 to 60", "1"),
    ("timeoutFactor", "61", "it must be a whole number, 1 to 60", "1"),
    ("aptMirror", "mirror.example/debian", URL, "http://mirror.example/debian"),
    ("aptMirrorKey", "/etc/key.asc", URL, "http://mirror.example/debian/archive-key.asc"),
    ("kubernetesAptRepository", "file:///srv", URL, "http://mirror.example/kubernetes/v1.37/deb/"),
    ("imageMirrors", '{"docker.io": "10.0.0.5:5000"}', MIRRORS, '\'{"docker.io": "http://10.0.0.5:5000"}\''),
    ("imageMirrors", '{"docker.io/library": "http://a"}', MIRRORS, '\'{"docker.io": "http://10.0.0.5:5000"}\''),
    ("imageMirrors", '["docker.io"]', MIRRORS, '\'{"docker.io": "http://10.0.0.5:5000"}\''),
    ("imageMirrors", "{docker.io", MIRRORS, '\'{"docker.io": "http://10.0.0.5:5000"}\''),
    ("webServerImage", "nginx", WHOLE_IMAGE, "docker.io/library/nginx:1.26.3"),
    ("webServerImage", "nginx:1.26.3", WHOLE_IMAGE, "docker.io/library/nginx:1.26.3"),
    ("webServerReplicas", "0", "it must be 1 to 100", "2"),
    ("nodePort", "29999", NODE_PORT, "30080"),
    ("nodePort", "32768", NODE_PORT, "30080"),
    ("nodePort", "80", NODE_PORT, "30080"),
]


def faults(**overrides: Any) -> list[str]:
    """The lines after the heading that a configuration is refused with."""
    with pytest.raises(SettingsError) as refusal:
        make_settings(**overrides)
    heading, *lines = str(refusal.value).split("\n")
    number = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    assert heading == f"The configuration has {number}; nothing was made."
    return lines


@pytest.mark.parametrize(("key", "value", "rule", "example"), REFUSED)
def test_a_refusal_names_key_value_rule_and_way_out(key: str, value: str, rule: str, example: str) -> None:
    shown = f"{value[:80]}…" if len(value) > 80 else value
    assert faults(**{key: value}) == [
        f"- {key} = '{shown}' is refused: {rule}. Way out: set it with: pulumi config set {key} {example}"
    ]


def test_every_key_has_a_refusal_in_the_table() -> None:
    assert {key for key, *_ in REFUSED} == set(RULES)


@pytest.mark.parametrize("key", sorted(RULES))
def test_what_a_refusal_proposes_is_accepted(key: str) -> None:
    example = RULES[key].example
    if example.startswith("$("):
        example = "0" * 128
    make_settings(**{"aptMirror": "http://mirror.example", key: example.strip("'")})


def test_all_faults_come_in_one_message() -> None:
    lines = faults(workers="0", nodePort="80", podCidr="10.17.0.0/16", kubernetesVersion="latest", worker="2")
    assert [line.split(" = ")[0] for line in lines] == [
        "- kubernetesVersion",
        "- workers",
        "- nodePort",
        "- worker",
        "- podCidr",
    ], "a user who mends one fault a run gives up before the last"


@pytest.mark.parametrize("key", sorted(RULES))
def test_a_missing_key_is_named_with_the_command_that_sets_it(key: str) -> None:
    values = default_values()
    del values[key]
    with pytest.raises(SettingsError) as refusal:
        load_settings(values)
    rule = RULES[key]
    line = f"- {key} is missing: it {rule.rule}. Set it with: pulumi config set {key} {rule.example}"
    assert line in str(refusal.value).split("\n")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("worker", "workers"),
        ("node_port", "nodePort"),
        ("podCIDR", "podCidr"),
        ("kubernetes_version", "kubernetesVersion"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(key: str, meant: str) -> None:
    assert faults(**{key: "1"}) == [
        f"- {key} = '1': there is no such key. Did you mean {meant}? Remove it with: pulumi config rm {key}"
    ]


def test_an_unknown_key_that_resembles_none_is_refused_without_a_guess() -> None:
    assert faults(zzz="1") == ["- zzz = '1': there is no such key. Remove it with: pulumi config rm zzz"]


@pytest.mark.parametrize("value", [None, [], {}, 1.5, {"a": "b"}])
@pytest.mark.parametrize("key", sorted(RULES))
def test_a_value_of_another_type_is_refused_and_not_a_traceback(key: str, value: object) -> None:
    if key in ("imageMirrors", "machines") and value == {}:
        return  # the default
    lines = faults(**{key: value})
    assert lines[0].startswith(f"- {key} = "), lines


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            {"podCidr": "10.17.0.0/16"},
            "- podCidr = '10.17.0.0/16' is refused: it overlaps networkCidr 10.17.3.0/24. "
            "Way out: choose networks that are apart",
        ),
        (
            {"serviceCidr": "10.17.3.0/24"},
            "- serviceCidr = '10.17.3.0/24' is refused: it overlaps networkCidr 10.17.3.0/24. "
            "Way out: choose networks that are apart",
        ),
        (
            {"podCidr": "10.96.0.0/16"},
            "- serviceCidr = '10.96.0.0/12' is refused: it overlaps podCidr 10.96.0.0/16. "
            "Way out: choose networks that are apart",
        ),
        (
            {"networkCidr": "10.17.3.0/28"},
            "- networkCidr = '10.17.3.0/28' is refused: it is too small for 3 machines. Way out: take a /24",
        ),
        (
            {"podCidr": "10.244.0.0/23"},
            "- podCidr = '10.244.0.0/23' is refused: it has not a /24 for each of 3 nodes. "
            "Way out: take a /16, for example 10.244.0.0/16",
        ),
        (
            {"podCidr": "10.244.0.0/25", "workers": "1"},
            "- podCidr = '10.244.0.0/25' is refused: it has not a /24 for each of 2 nodes. "
            "Way out: take a /16, for example 10.244.0.0/16",
        ),
        (
            {"serviceCidr": "10.96.0.0/25"},
            "- serviceCidr = '10.96.0.0/25' is refused: kube-apiserver takes a /12 at most and the cluster's own "
            "services want a /24 at least. Way out: take 10.96.0.0/12",
        ),
        (
            {"imageSha512": ""},
            "- imageSha512 = '' is refused: an image from a URL is only used when its checksum is known. "
            "Way out: copy it from the SHA512SUMS file beside the image",
        ),
        (
            {"aptMirrorKey": "http://mirror.example/key.asc"},
            "- aptMirrorKey = 'http://mirror.example/key.asc' is refused: there is no aptMirror that it could sign. "
            "Way out: set aptMirror as well, or remove the key",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_refused(overrides: dict[str, str], line: str) -> None:
    assert faults(**overrides) == [line]


@pytest.mark.parametrize(
    ("machines", "line"),
    [
        (
            '{"worker-3": {"memory": 4096}}',
            "- machines.worker-3 = '{'memory': 4096}' is refused: there is no such machine among control-plane-1 to "
            "worker-2. Way out: correct the name, or remove it",
        ),
        (
            '{"control-plane-1": {"memory": 1699}}',
            "- machines.control-plane-1 = '{'memory': 1699}' is refused: kubeadm refuses a control plane with less "
            "than 2 CPUs or 1700 MiB. Way out: give it more, or remove it",
        ),
        (
            '{"worker-1": {"image": "http://a.example/b.qcow2"}}',
            "- machines.worker-1 = '{'image': 'http://a.example/b.qcow2'}' is refused: an image from a URL is only "
            "used when its checksum is known. Way out: add imageSha512, from the SHA512SUMS file beside the image",
        ),
        (
            '{"worker-1": {"imageSha512": "%s"}}' % ("a" * 128),
            "- machines.worker-1 = '{'imageSha512': '" + "a" * 63 + "…' is refused: there is no image of its own that "
            "imageSha512 could belong to. Way out: add image, or remove imageSha512",
        ),
    ],
)
def test_what_a_single_machine_cannot_have_is_refused_with_its_name(machines: str, line: str) -> None:
    assert faults(machines=machines) == [line]
