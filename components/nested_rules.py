"""What the user is told about a refused value inside `machines` and `imageMirrors`: its own name, rule and way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from components.fault_lines import fault, nearest, no_such_key
from components.image_names import is_dockers_hub, mirrored_registry
from components.pulumi_command import config
from components.rules import RULES, URL_SIGNS, Rule

MACHINE = {
    "cpus": RULES["workerCpus"],
    "memory": RULES["workerMemory"],
    **{key: RULES[key] for key in ("diskSize", "image", "imageSha512")},
}
"""What a single machine may have of its own."""
CONTROL_PLANE = {**MACHINE, "cpus": RULES["controlPlaneCpus"], "memory": RULES["controlPlaneMemory"]}
"""What a control plane may; it needs more (machine_rules.py)."""
MIRROR = Rule("must be an http(s) URL without user name and query", "http://10.0.0.5:5000", signs=URL_SIGNS)

_PLAIN = r"[A-Za-z0-9_-]+"
"""What a path of `pulumi config set --path` takes without quotes."""


def nested_fault(location: Sequence[int | str], value: object) -> str | None:
    """One line for the value at pydantic's `location`; None where only the whole object can be named."""
    match tuple(location):
        case ("machines", str(machine), str(key)) if re.fullmatch(_PLAIN, machine) and re.fullmatch(_PLAIN, key):
            path = f"machines.{machine}.{key}"
            if key not in MACHINE:
                known = f"; a machine has {', '.join(MACHINE)}"
                return no_such_key(path, value, meant=nearest(key, MACHINE), removal=f"--path {path}", known=known)
            rules = CONTROL_PLANE if machine.startswith("control-plane") else MACHINE
            return _refused(path, value, rules[key], path)
        case ("imageMirrors", str(registry), "[key]"):
            rule = "no name of an image begins with it, but with a HOST or HOST:PORT in lower case"
            return fault("imageMirrors", registry, rule, f"call it {_meant(registry)}")
        case ("imageMirrors", str(registry)) if re.fullmatch(r"[a-z0-9.:-]+", registry):
            return _refused(f"imageMirrors.{registry}", value, MIRROR, f"'imageMirrors[\"{registry}\"]'")
    return None


def _meant(registry: str) -> str:
    """How the images of a registry begin that was written in another way."""
    host = re.sub("^[a-z]+://", "", registry.lower()).partition("/")[0]
    if host == "docker" or is_dockers_hub(host):
        return "docker.io"
    with suppress(ValueError):
        return mirrored_registry(host)
    return "as the names of its images begin, for example docker.io or 10.0.0.5:5000"


def _refused(name: str, value: object, rule: Rule, path: str) -> str:
    way_out = f"set it with: {config(f'set --path {path} {rule.example}')}"
    return fault(name, value, f"it {rule.rule}", way_out, form=rule)
