"""Exits with 0 where the API server of a cluster answers: python -m tools.reachable <STATE.json

The state comes from `pulumi stack export`. Whether it is the right server is for those who then talk to it: Pulumi's
provider, which would take a cluster that does not answer for minutes of patience, checks its certificate.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Mapping
from typing import Any

from components.kubeadm import API_PORT
from tools.stack_resources import Stack

SECONDS = 5
"""How long it may take to begin to answer; an emulated one takes one."""


def control_plane(export: Mapping[str, Any]) -> str:
    """The address of the control plane of a cluster that `up` has finished, or nothing."""
    nodes = Stack.of(export).outputs.get("nodes") or []
    return next((str(node["address"]) for node in nodes if node.get("role") == "control-plane"), "")


def answers(address: str, port: int = API_PORT, seconds: float = SECONDS) -> bool:
    """Whether a server there completes a TLS handshake, and says that it is ready."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((address, port), timeout=seconds) as connection,
            context.wrap_socket(connection, server_hostname=address) as server,
        ):
            server.sendall(f"GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            return server.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


if __name__ == "__main__":
    there = control_plane(json.load(sys.stdin))
    sys.exit(0 if there and answers(there) else 1)
