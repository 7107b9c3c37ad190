"""What hypothesis sets configuration keys to: anything, nearly valid values, and valid ones."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.configuration import as_pulumi_hands_it_over, default_values
from tests.conftest import UNUSUAL

Values = dict[str, Any]


def examples(number: int) -> settings:
    """The same examples in every run, however slow the machine is."""
    unhealthy = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
    return settings(
        max_examples=number, derandomize=True, deadline=None, database=None, suppress_health_check=unhealthy
    )


TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
VALID: dict[str, list[str]] = {
    key: [as_pulumi_hands_it_over(value), as_pulumi_hands_it_over(UNUSUAL.get(key, value))]
    for key, value in default_values().items()
}
SIGNS = [*" \t\n\r\x00\x1b'\"\\$`;&|<>{}[]()#%?@:/.,-_+=*~!^0٢aAä\u00a0\u200b\u2028\ud800", "..", "//"]
NASTY = st.sampled_from(SIGNS)


@st.composite
def nearly_valid(draw: st.DrawFn, key: str) -> str:
    """A valid value with one to three mistakes in it."""
    value = draw(st.sampled_from(VALID[key]))
    for _ in range(draw(st.integers(1, 3))):
        at, until = sorted((draw(st.integers(0, len(value))), draw(st.integers(0, len(value)))))
        middle = {"insert": value[at:until] + draw(NASTY), "drop": "", "double": value[at:until] * 2}
        value = value[:at] + middle[draw(st.sampled_from(sorted(middle)))] + value[until:]
    return value


@st.composite
def broken_configurations(draw: st.DrawFn) -> Values:
    """The defaults with some values that are anything or nearly valid."""
    keys = draw(st.lists(st.sampled_from(sorted(VALID)), min_size=1, max_size=6, unique=True))
    return {**default_values(), **{key: draw(ANYTHING | nearly_valid(key)) for key in keys}}


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True)
HOST = (
    st.lists(LABEL, min_size=1, max_size=3)
    .map(".".join)
    .filter(lambda host: not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.split(".")[-1]))
)
PORT = st.just("") | st.integers(1, 65535).map(lambda port: f":{port}")
PATH = st.from_regex(r"(/[A-Za-z0-9._~!$&'()*+,;=:@-]{1,8}){0,3}/?", fullmatch=True).filter(
    lambda path: "$(" not in path
)
URL = st.builds("{}://{}{}{}".format, st.sampled_from(["http", "https"]), HOST, PORT, PATH)


def numbers(least: int, most: int) -> st.SearchStrategy[str]:
    """Whole numbers as Pulumi hands them over."""
    return st.integers(least, most).map(str)


FIRST_OCTETS = sorted({*range(1, 224)} - {127, 169, 172})


@st.composite
def three_networks(draw: st.DrawFn) -> Values:
    """Networks that are apart and big enough for a hundred workers."""
    octets = draw(st.lists(st.sampled_from(FIRST_OCTETS), min_size=3, max_size=3, unique=True))
    prefixes = {"networkCidr": (8, 16, 24, 25), "podCidr": (8, 14, 16, 17), "serviceCidr": (12, 16, 20, 24)}
    values = {}
    for octet, (key, lengths) in zip(octets, prefixes.items(), strict=True):
        address = (octet << 24) + draw(st.integers(0, 2**24 - 1))
        values[key] = str(IPv4Network((address, draw(st.sampled_from(lengths))), strict=False))
    return values


SENSIBLE: dict[str, st.SearchStrategy[str]] = {
    "clusterName": st.from_regex(r"[a-z]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True) | st.sampled_from(["y", "n", "on"]),
    "kubernetesVersion": st.builds("1.{}.{}".format, st.integers(32, 99), st.integers(0, 99)),
    "containerRuntime": st.sampled_from(["docker", "containerd"]),
    "controlPlanes": st.just("1"),
    "controlPlaneCpus": numbers(2, 64),
    "controlPlaneMemory": numbers(1900, 1048576),
    "workers": numbers(1, 100),
    "workerCpus": numbers(1, 64),
    "workerMemory": numbers(1024, 1048576),
    "diskSize": numbers(8, 4096),
    "image": st.builds("{}{}".format, URL.map(lambda url: url.rstrip("/")), st.just("/debian.qcow2")),
    "imageSha512": st.from_regex("[0-9a-f]{128}", fullmatch=True),
    "systemUpgrade": st.sampled_from(["true", "false"]),
    "virtualization": st.sampled_from(["kvm", "qemu"]),
    "machines": st.dictionaries(
        st.sampled_from(["control-plane-1", "worker-1"]),
        st.fixed_dictionaries({"memory": st.integers(1900, 9999)}, optional={"cpus": st.integers(2, 9)}),
    ).map(json.dumps),
    "storagePath": st.just("") | st.from_regex(r"/srv(/[a-z0-9][a-z0-9._+@=-]{0,9}){1,3}", fullmatch=True),
    "timeoutFactor": numbers(1, 60),
    "aptMirror": URL,
    "aptMirrorKey": st.just("") | URL,
    "kubernetesAptRepository": st.just("") | URL,
    "imageMirrors": st.dictionaries(st.builds("reg.{}{}".format, HOST, PORT), URL, max_size=3).map(json.dumps),
    "webServerImage": st.builds(
        "reg.example{}/{}{}".format, PORT, LABEL, st.sampled_from([":1", f"@sha256:{'a' * 64}"])
    ),
    "webServerReplicas": numbers(1, 48),  # what one worker of 1 GiB holds
    "nodePort": numbers(30000, 32767),
}
sensible_configurations: st.SearchStrategy[Values] = st.builds(
    lambda values, networks: {**values, **networks}, st.fixed_dictionaries(SENSIBLE), three_networks()
)
"""Valid by construction."""
