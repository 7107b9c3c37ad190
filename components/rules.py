"""The rule of every key of Pulumi.yaml, and a value that keeps to it: what the user is told about a refused one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """Why a value is refused, and a value that is not."""

    rule: str
    example: str
    path: str = ""
    """What `pulumi config set --path` sets to the example: a text is no object for Pulumi."""
    signs: str = ""
    """What a text may consist of, as a set of a regular expression: for a sign that is too far behind to be shown."""
    length: int = 0
    """How many signs a text must have, where they are too many to count."""


URL_SIGNS = r"A-Za-z0-9._~!$&'()*+,;=:@/?%-"


RULES: dict[str, Rule] = {
    "clusterName": Rule("must be 1 to 11 lower-case letters, digits and dashes, a letter first", "k8s"),
    "kubernetesVersion": Rule("must be a whole version X.Y.Z, 1.32.0 or newer", "1.37.2"),
    "containerRuntime": Rule("must be docker or containerd", "docker"),
    "podCidr": Rule("must be an IPv4 network without host bits", "10.244.0.0/16"),
    "serviceCidr": Rule("must be an IPv4 network without host bits", "10.96.0.0/12"),
    "controlPlanes": Rule(
        "must be an odd number, because etcd needs a majority, and only 1 is built so far (README, non-goals)", "1"
    ),
    "controlPlaneCpus": Rule(
        "must be a whole number, 2 to 64, because kubeadm refuses a control plane with less than 2", "2"
    ),
    "controlPlaneMemory": Rule(
        "must be a whole number of MiB, 1900 to 1048576, because kubeadm wants 1700 of what the kernel leaves", "3072"
    ),
    "workers": Rule("must be a whole number, 1 to 100, because the control plane runs no pods of yours", "2"),
    "workerCpus": Rule("must be a whole number, 1 to 64", "2"),
    "workerMemory": Rule("must be a whole number of MiB, 1024 to 1048576", "2048"),
    "diskSize": Rule("must be a whole number of GiB, 8 to 4096", "20"),
    "image": Rule(
        "must be the http(s) URL without user name, or the absolute path without % ? #, of a qcow2 file",
        "/var/lib/libvirt/boot/debian-13.qcow2",
    ),
    "imageSha512": Rule(
        "must be 128 hexadecimal digits in lower case, or empty for a local file",
        "$(sha512sum FILE | cut -c -128)",
        signs="0-9a-f",
        length=128,
    ),
    "machines": Rule(
        "must map names of machines to cpus, memory, diskSize, image or imageSha512, each as for all machines",
        "4096",
        "machines.worker-2.memory",
    ),
    "systemUpgrade": Rule("must be true or false", "true"),
    "virtualization": Rule("must be kvm or qemu", "kvm"),
    "networkCidr": Rule("must be an IPv4 network without host bits", "10.17.3.0/24"),
    "storagePath": Rule(
        "must be an absolute path of letters, digits and . _ + @ = - without .., 999 at most, or empty",
        "/srv/kubernetes",
        signs="A-Za-z0-9._+@=/-",
    ),
    "timeoutFactor": Rule("must be a whole number, 1 to 60", "1"),
    "aptMirror": Rule(
        "must be an http(s) URL without user name and query, or empty", "http://mirror.example/debian", signs=URL_SIGNS
    ),
    "aptMirrorKey": Rule(
        "must be an http(s) URL without user name, or empty",
        "http://mirror.example/debian/archive-key.asc",
        signs=URL_SIGNS,
    ),
    "kubernetesAptRepository": Rule(
        "must be an http(s) URL without user name and query, or empty",
        "http://mirror.example/kubernetes/v1.37/deb/",
        signs=URL_SIGNS,
    ),
    "imageMirrors": Rule(
        "must map registries to http(s) URLs without user name and query",
        "http://10.0.0.5:5000",
        'imageMirrors["docker.io"]',
    ),
    "webServerImage": Rule(
        "must be a whole image name: registry, path, and tag or sha256 digest",
        "docker.io/library/nginx:1.26.3",
        signs="A-Za-z0-9._:@/-",
    ),
    "webServerReplicas": Rule("must be a whole number, 1 to 100", "2"),
    "nodePort": Rule("must be a whole number, 30000 to 32767, the range Kubernetes gives to node ports", "30080"),
}

CONTROL_PLANE_CPUS = 2
"""Fewer are refused by kubeadm."""
CONTROL_PLANE_MEMORY = 1900
"""MiB. kubeadm compares 1700 with what the kernel has left (MemTotal), some 100 less than the machine has."""

IMAGES_OF_LIBVIRT = "/var/lib/libvirt/images"
"""Where libvirt keeps disks. Without a storagePath, those of a cluster are in a directory of its name there."""

ENCRYPTED = object()
"""Stands for the value of a key that was set with `pulumi config set --secret`."""

FIRST_CONTROL_PLANE_HOST = 11
FIRST_WORKER_HOST = 21
"""Host numbers inside the network: 1 is the host itself, 11 the first control plane, 21 the first worker."""
