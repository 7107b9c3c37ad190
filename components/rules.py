"""What the user is told about a refused key: the rule and the way out, for every key of Pulumi.yaml."""

from __future__ import annotations

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """Why a value is refused, and a value that is not."""

    rule: str
    example: str


RULES: dict[str, Rule] = {
    "clusterName": Rule("must be 1 to 11 lower-case letters, digits and dashes, a letter first", "k8s"),
    "kubernetesVersion": Rule("must be a whole version X.Y.Z, 1.31.0 or newer", "1.37.2"),
    "containerRuntime": Rule("must be docker or containerd", "docker"),
    "podCidr": Rule("must be an IPv4 network without host bits", "10.244.0.0/16"),
    "serviceCidr": Rule("must be an IPv4 network without host bits", "10.96.0.0/12"),
    "controlPlanes": Rule(
        "must be an odd number, because etcd needs a majority, and only 1 is built so far (README, non-goals)", "1"
    ),
    "controlPlaneCpus": Rule("must be 2 to 64, because kubeadm refuses a control plane with less than 2", "2"),
    "controlPlaneMemory": Rule("must be MiB, 1700 to 1048576, because kubeadm refuses less than 1700", "3072"),
    "workers": Rule("must be 1 to 100, because the control plane runs no pods of yours", "2"),
    "workerCpus": Rule("must be 1 to 64", "2"),
    "workerMemory": Rule("must be MiB, 1024 to 1048576", "2048"),
    "diskSize": Rule("must be GiB, 8 to 4096", "20"),
    "image": Rule(
        "must be the http(s) URL or the absolute path of a qcow2 file", "/var/lib/libvirt/boot/debian-13.qcow2"
    ),
    "imageSha512": Rule("must be 128 hexadecimal digits in lower case, or empty for a local file", "$(sha512sum FILE)"),
    "machines": Rule(
        "must map names of machines to cpus, memory, diskSize, image or imageSha512, each as for all machines",
        '\'{"worker-2": {"memory": 4096}}\'',
    ),
    "systemUpgrade": Rule("must be true or false", "true"),
    "virtualization": Rule("must be kvm or qemu", "kvm"),
    "networkCidr": Rule("must be an IPv4 network without host bits", "10.17.3.0/24"),
    "storagePath": Rule("must be an absolute path without blanks, or empty", "/srv/kubernetes"),
    "timeoutFactor": Rule("must be a whole number, 1 to 60", "1"),
    "aptMirror": Rule("must be an http(s) URL, or empty", "http://mirror.example/debian"),
    "aptMirrorKey": Rule("must be an http(s) URL, or empty", "http://mirror.example/debian/archive-key.asc"),
    "kubernetesAptRepository": Rule("must be an http(s) URL, or empty", "http://mirror.example/kubernetes/v1.37/deb/"),
    "imageMirrors": Rule("must map registries to http(s) URLs", '\'{"docker.io": "http://10.0.0.5:5000"}\''),
    "webServerImage": Rule("must be a whole image name: registry, path and tag", "docker.io/library/nginx:1.26.3"),
    "webServerReplicas": Rule("must be 1 to 100", "2"),
    "nodePort": Rule("must be 30000 to 32767, the range Kubernetes gives to node ports", "30080"),
}


def key_fault(key: str, value: object, *, missing: bool = False) -> str:
    """One line: key, value, rule and way out."""
    if key not in RULES:
        names = {name.lower(): name for name in RULES}
        near = difflib.get_close_matches(key.lower(), names, n=1)
        meant = f" Did you mean {names[near[0]]}?" if near else ""
        return f"- {key} = {_shown(value)}: there is no such key.{meant} Remove it with: pulumi config rm {key}"
    rule = RULES[key]
    if missing:
        return f"- {key} is missing: it {rule.rule}. Set it with: pulumi config set {key} {rule.example}"
    return fault(key, value, f"it {rule.rule}", f"set it with: pulumi config set {key} {rule.example}")


def fault(key: str, value: object, rule: str, way_out: str) -> str:
    """One line for a rule that depends on more than the key itself."""
    return f"- {key} = {_shown(value)} is refused: {rule}. Way out: {way_out}"


def _shown(value: object) -> str:
    text = str(value)
    return f"'{text[:80]}…'" if len(text) > 80 else f"'{text}'"
