"""The lines about what is refused: key, value, rule and way out."""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterable

from components.one_line import foreign_sign, one_line
from components.pulumi_command import config
from components.rules import ENCRYPTED, RULES, Rule

_URLS = ("image", "aptMirror", "aptMirrorKey", "kubernetesAptRepository", "imageMirrors", "webServerImage", "machines")
"""Keys whose values have an @ only behind a user, who may have a password."""


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
    if not match or match[1] not in RULES or not RULES[match[1]].path or one_line(key) != key:
        return None
    path = f'{match[1]}["{match[3]}"]' if (match[1], match[2]) == ("imageMirrors", ".") else key
    whole = isinstance(value, str | int) and one_line(str(value)) == str(value)  # else there would be a part of it
    commands = [
        f"rm {_as_argument(key)}",
        f"set --path {shlex.quote(path)} {shlex.quote(str(value)) if whole else 'VALUE'}",
    ]
    way_out = " && ".join(map(config, commands))
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
