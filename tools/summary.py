"""Prints what `make up` made, from the stack's outputs as JSON on standard input; the URL last."""

from __future__ import annotations

import json
import sys
from typing import Any


def summary(outputs: dict[str, Any], stack: str) -> str:
    """What a person wants to know next: the nodes, the way in, and how to open the URL."""
    inside = "lab/enter " if stack == "lab" else ""
    nodes = "\n".join(f"  {node['name']:16} {node['address']:16} {node['ssh']}" for node in outputs["nodes"])
    secrets = ", ".join(sorted(key for key, value in outputs.items() if value == "[secret]"))
    browser = (
        "It is inside the lab's network: open a browser there with `lab/enter chromium --no-sandbox URL`."
        if stack == "lab"
        else "Open it in a browser on this machine."
    )
    version, count = outputs["kubernetes_version"], len(outputs["nodes"])
    return f"""
Kubernetes {version} on {count} nodes, all Ready; its DNS and its web server answer.

{nodes}

Secret outputs (tools/pulumi {stack} stack output NAME --show-secrets): {secrets}
Web server on every node: {" ".join(outputs["web_urls"])}
{browser}

  {inside}curl {outputs["web_url"]}

web_url: {outputs["web_url"]}"""


if __name__ == "__main__":
    print(summary(json.load(sys.stdin), sys.argv[1]))
