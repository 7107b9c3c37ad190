"""Fills the storage of the lab's image registry, by running the registry itself for that time."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.paths import LAB, LOGS, REGISTRY
from lab.steps import Step, StepFailed, sh

HOST_PACKAGES = ("docker-registry", "skopeo")

CONFIGURATION = LAB / "registry.yml"
_PATIENCE = 60  # seconds for the registry to answer


def fill_step(archives: Sequence[Path], *, of: Step) -> Step:
    """The step that puts `archives`, which the step `of` writes, into REGISTRY."""
    return Step(
        name="registry",
        run=lambda: _fill(archives),
        results=[REGISTRY / "docker" / "registry" / "v2" / "repositories"],
        inputs=[of.digest(), CONFIGURATION, Path(__file__)],
        needs=["host-packages", of.name],
    )


def path_in_registry(image: str) -> str:
    """The image's path without its registry's host: containerd asks a mirror for `library/nginx`, not for its host."""
    return image.partition("/")[2]


def image_name(archive: Path) -> str:
    """The name and tag that a docker-archive carries."""
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        if manifest is None:
            raise StepFailed(f"{archive} is not a container image")
        return str(json.load(manifest)[0]["RepoTags"][0])


def _fill(archives: Sequence[Path]) -> None:
    REGISTRY.mkdir(parents=True, exist_ok=True)
    # No signature policy: the images were made here. The machines decompress under emulation, where zstd costs them
    # a fraction of what gzip does.
    copy = ("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", "--format=oci")
    compression = ("--dest-compress-format=zstd", "--dest-compress-level=9")
    with _serving() as address:
        for archive in archives:
            target = f"docker://{address}/{path_in_registry(image_name(archive))}"
            sh(*copy, *compression, f"docker-archive:{archive}", target, log="registry")


@contextmanager
def _serving() -> Iterator[str]:
    """Runs the registry on a free port of the loopback interface; its storage may be that of the running lab."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    environment = {
        **os.environ,
        "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(REGISTRY),
        "REGISTRY_HTTP_ADDR": address,
    }
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "registry-daemon.log").open("a") as log:
        server = subprocess.Popen(
            ["docker-registry", "serve", str(CONFIGURATION)], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _PATIENCE
    last: object = "no answer"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise StepFailed(f"docker-registry ended with {server.returncode}; see {LOGS / 'registry-daemon.log'}")
        try:
            with direct.open(f"http://{address}/v2/", timeout=5):
                return
        except (urllib.error.URLError, OSError) as error:
            last = error
            time.sleep(0.1)
    raise StepFailed(f"docker-registry did not answer on {address} in {_PATIENCE} s: {last}")
