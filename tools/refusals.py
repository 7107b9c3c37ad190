"""What ends `make up` because of who answered at a machine's address; nothing that it does would put that right."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from components.cloud_init import LOGIN_USER
from tools.seen import Seen


def refuse_strangers(nodes: Sequence[Mapping[str, str]], seen: Mapping[str, Seen]) -> None:
    """Ends the run where a machine answers with another host key than the stack gave it."""
    addresses = {node["name"]: node["address"] for node in nodes}
    lines = [
        f"{name}: whoever answers at {addresses[name]} has another host key than the one that this stack gave {name}. "
        f"Nothing was sent there. Find out who it is; if it is {name} itself, make up REPLACE={name} gives it a new "
        "disk."
        for name, each in seen.items()
        if each.stranger and name in addresses
    ]
    _end_where_any(lines)


def refuse_locked(seen: Mapping[str, Seen]) -> None:
    """Ends the run where a machine does not let us in: starting it anew would change nothing, and take minutes."""
    lines = [
        f"{name}: it has its host key, and refuses this stack's login key, which "
        f"/home/{LOGIN_USER}/.ssh/authorized_keys should have. make up REPLACE={name} gives it a new disk, with "
        "the key."
        for name, each in seen.items()
        if each.locked
    ]
    _end_where_any(lines)


def refuse_barred(seen: Mapping[str, Seen]) -> None:
    """Ends the run where a machine knows the login key, and its user may do nothing there: no start changes that."""
    lines = [
        f"{name}: it accepts this stack's login key, and does not let {LOGIN_USER} work there as root; it says: "
        f"{each.barred.removesuffix('.')}. Look at the account, its shell, /etc/nologin and /etc/sudoers.d there; or "
        f"make up REPLACE={name} gives it a new disk"
        f"{', and builds the cluster anew' if name.startswith('control-plane') else ''}."
        for name, each in seen.items()
        if each.barred
    ]
    _end_where_any(lines)


def _end_where_any(lines: Sequence[str]) -> None:
    if lines:
        sys.exit("\n".join(lines))
