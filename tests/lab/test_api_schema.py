"""What the control plane waits for before it hands out the kubeconfig, asked of a real API server."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import yaml

from components.remote import script_text
from tests.lab.api_server import ApiServer

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""The form that the Kubernetes provider reads the schema in; the API server works each form out by itself."""


def test_the_schema_is_there_in_the_form_that_the_provider_reads(api_server: ApiServer, tmp_path: Path) -> None:
    kubeconfig = yaml.safe_load(api_server.kubeconfig())
    words = []
    for option, name, holder in (
        ("--cacert", "certificate-authority", kubeconfig["clusters"][0]["cluster"]),
        ("--cert", "client-certificate", kubeconfig["users"][0]["user"]),
        ("--key", "client-key", kubeconfig["users"][0]["user"]),
    ):
        (tmp_path / name).write_bytes(base64.b64decode(holder[f"{name}-data"]))
        words += [option, str(tmp_path / name)]
    header = re.search("'(Accept: .*)'", script_text("read-kubeconfig.sh"))
    assert header
    asked = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", "/dev/null", *words]
    shown = ["--write-out", "%{content_type} %{size_download}", "--header", header[1]]
    url = f"https://127.0.0.1:{api_server.port}/openapi/v2"
    answer = subprocess.run([*asked, *shown, url], capture_output=True, text=True, check=True, timeout=120)
    form, size = answer.stdout.split()
    assert form == PROTOBUF
    assert int(size) > 100_000
