"""The bridge of a network that libvirt calls active, and that somebody has taken away: libvirt does not look again."""

from __future__ import annotations

import json
import subprocess
from xml.etree import ElementTree

from components.libvirt_uri import is_this_hosts
from components.virsh import Virsh
from tools.stack_state import StateNetwork


def lost_bridge(virsh: Virsh, network: StateNetwork) -> str:
    """What keeps an active network's machines from being reached, in words; nothing where that is not sure.

    As after `ip link delete`, `ip link set … down` or `ip address flush`. Where libvirt is on another host, or its
    network is not the one of the state any more, which Pulumi sees, there is nothing to be said.
    """
    if not is_this_hosts(virsh.uri):
        return ""
    fault = _fault(network.bridge, str(network.addresses[1]))
    return fault if fault and _is_as_in_the_state(virsh, network) else ""


def _fault(bridge: str, address: str) -> str:
    # Not /sys/class/net: in the lab, that may show the devices of another network namespace.
    command = ["ip", "-json", "address", "show", "dev", bridge]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        if done.returncode != 0:
            return f"its bridge {bridge} is gone" if "does not exist" in done.stderr else ""
        # One that shows only what it was asked for leaves empty objects in place of the others.
        link = next(each for each in json.loads(done.stdout) if each.get("ifname") == bridge)
        if "UP" not in link["flags"]:
            return f"its bridge {bridge} is down"
        has = [each.get("local") for each in link["addr_info"]]
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, StopIteration):
        return ""
    return "" if address in has else f"its bridge {bridge} has lost its address {address}"


def _is_as_in_the_state(virsh: Virsh, network: StateNetwork) -> bool:
    xml = virsh("net-dumpxml", "--network", network.name)
    root = ElementTree.fromstring(xml)  # noqa: S314 (libvirt's own words)
    bridges = [each.get("name") for each in root.findall("bridge")]
    return network.bridge in bridges and str(network.addresses[1]) in [each.get("address") for each in root.iter("ip")]
