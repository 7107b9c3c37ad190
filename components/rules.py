"""What the user is told about a refused key: the rule and the way out, for every key of Pulumi.yaml."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from components.one_line import foreign_sign, one_line
from components.pulumi_command import config


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
_URLS = ("image", "aptMirror", "aptMirrorKey", "kubernetesAptRepository", "imageMirrors", "webServerImage", "machines")
"""Keys whose values have an @ only behind a user, who may have a password."""

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


def key_fault(key: str, value: object, *, missing: bool = False) -> str:
    """One line: key, value, rule and way out."""
    if key not in RULES:
        return _misplaced(key, value) or no_such_key(key, value, meant=nearest(key, RULES), removal=_as_argument(key))
    rule = RULES[key]
    if missing:
        return f"- {key} is missing: it {rule.rule}. Set it with: {setting(key)}"
    if value is ENCRYPTED:
        plain = f"set it with: {setting(key, '--plaintext ')}"
        return (
            f"- {key} is encrypted and so is refused: it would be in the state in clear all the same. Way out: {plain}"
        )
    return fault(key, value, f"it {rule.rule}", f"set it with: {setting(key)}", form=rule)


def _misplaced(key: str, value: object) -> str | None:
    """One line for a key with dots, as `pulumi config set` without --path writes it, where a mapping's is meant."""
    match = re.fullmatch(r"(\w+)([.\[])(.+)", key, re.DOTALL)
    if not match or match[1] not in RULES or not RULES[match[1]].path:
        return None
    path = f'{match[1]}["{match[3]}"]' if (match[1], match[2]) == ("imageMirrors", ".") else key
    text = shlex.quote(one_line(str(value))) if isinstance(value, str | int) else "VALUE"
    commands = [f"rm {_as_argument(key)}", f"set --path {shlex.quote(path)} {text}"]
    way_out = " && ".join(config(one_line(command)) for command in commands)
    return fault(key, value, f"without --path it is not inside {match[1]}", way_out)


def setting(key: str, options: str = "") -> str:
    """The command that sets a key to its example."""
    rule = RULES[key]
    place = f"--path {shlex.quote(rule.path)}" if rule.path else key
    return config(f"set {options}{place} {rule.example}")


def no_such_key(key: str, value: object, *, meant: str, removal: str, known: str = "") -> str:
    """One line for a key that nothing reads. `removal` is what `pulumi config rm` is to remove."""
    question = f" Did you mean {meant}?" if meant else ""
    return f"- {_named(key)} = {_shown(key, value)}: there is no such key{known}.{question} {_removal(removal)}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of `names` that `name` may be a mistyping of, or nothing."""
    known = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return known[near[0]] if near else ""


def namespace_fault(key: str, value: object, *, meant: str) -> str:
    """One line for a key of a namespace that no program or provider of this project reads."""
    namespace = one_line(key.partition(":")[0])
    question = f" Did you mean {one_line(meant)}?" if meant else ""
    removal = _removal(_as_argument(key))
    return f"- {_named(key)} = {_shown(key, value)}: nothing here reads {namespace}.{question} {removal}"


def fault(key: str, value: object, rule: str, way_out: str, *, form: Rule | None = None) -> str:
    """One line for a rule that depends on more than the key itself; or for one of the value's own `form`."""
    return f"- {_named(key)} = {_shown(key, value, form)} is refused: {rule}. Way out: {way_out}"


def _as_argument(key: str) -> str:
    """A key as a shell and `pulumi config` read it: what begins with a dash would be an option."""
    return f"{'-- ' if key.startswith('-') else ''}{shlex.quote(key)}"


def _removal(key: str) -> str:
    return f"Remove it with: {config(f'rm {one_line(key)}')}"


def _named(key: str) -> str:
    return f"{one_line(key)}{foreign_sign(key)}"


def _shown(key: str, value: object, form: Rule | None = None) -> str:
    if value is ENCRYPTED:
        return "'[secret]'"
    try:
        text = json.dumps(value) if isinstance(value, dict | list | bool | None) else str(value)
    except ValueError:  # an integer of more digits than Python writes
        text = "a number too long to show"
    bare = key not in RULES or key in _URLS
    note = foreign_sign(text, allowed=form.signs if form else "", bare=bare)
    if form and form.length and text and len(text) != form.length:
        note = note or f" ({len(text)} signs)"
    return f"'{one_line(text, bare=bare)}'{note}"
