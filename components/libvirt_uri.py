"""Which libvirt may be used: libvirt:uri, the one key of a provider that is read here too."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv6Address
from urllib.parse import unquote

from components.addresses import LABEL, LAST_PORT, check_server
from components.fault_lines import fault
from components.pulumi_command import config

LIBVIRT_URI = "libvirt:uri"
SET_LIBVIRT_URI = config(f"set {LIBVIRT_URI} qemu:///system")

TRANSPORTS = ("ssh", "tcp", "tls")
"""To another host: those that the libvirt provider has; virsh has more, and refuses a host with unix."""
_HOST = rf"(?P<name>{LABEL}(\.{LABEL})*)\.?|\[(?P<ipv6>[0-9A-Fa-f:.]+)\]"
_SERVER = rf"([A-Za-z0-9._][A-Za-z0-9._-]*@)?({_HOST})(:(?P<port>[1-9][0-9]{{0,4}}))?"
_QUERY = r"(\?(?P<query>[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*))?"
_URI = re.compile(rf"((?P<here>qemu(\+unix)?:///system)|qemu\+({'|'.join(TRANSPORTS)})://{_SERVER}/system){_QUERY}")


def uri_fault(value: object) -> str | None:
    """The line that refuses a value of libvirt:uri. The session of a user has neither networks nor pools of its own."""
    with suppress(ValueError):
        if isinstance(value, str) and (match := _URI.fullmatch(value)) and int(match["port"] or 1) <= LAST_PORT:
            check_server(match["name"] or "")
            IPv6Address(match["ipv6"] or "::1")
            if "name" not in _query_keys(match):  # which stands for another path: name=qemu:///session
                return None
    rule = (
        "it must be qemu:///system or qemu+TRANSPORT://HOST/system, as a text, "
        f"where TRANSPORT is {', '.join(TRANSPORTS[:-1])} or {TRANSPORTS[-1]}, and without name= behind it"
    )
    return fault(LIBVIRT_URI, value, rule, f"set it with: {SET_LIBVIRT_URI}")


def is_this_hosts(uri: str) -> bool:
    """Whether an accepted URI is that of this host's own libvirt, on the socket where it always is."""
    match = _URI.fullmatch(uri)
    return bool(match and match["here"] and "socket" not in _query_keys(match))


def _query_keys(match: re.Match[str]) -> set[str]:
    pairs = re.split("[&;]", match["query"] or "")
    return {unquote(pair.partition("=")[0]).lower() for pair in pairs}
