"""The plugins, the CLI and the servers that the contract tests need; each test skips where its tool is not there.

OFFICIAL_PLUGINS=DIRECTORY (with DIRECTORY/command/pulumi-resource-command and so on) also compares the official
plugins' state with the stand-ins', and runs against them every test that asks for `plugin_directory` by parameter.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.paths import BIN, CACHE
from lab.plugin_steps import ENVIRONMENT, PYTHON_PLUGINS, install, make_package
from lab.versions import VERSIONS
from tests.configuration import REPOSITORY
from tests.lab.api_server import NEEDED as CONTROL_PLANE
from tests.lab.api_server import ApiServer
from tests.lab.checkout import Checkout
from tests.lab.engine import NEEDED
from tests.lab.plugin_client import Plugin
from tests.lab.ssh_server import SshServer

OFFICIAL = os.environ.get("OFFICIAL_PLUGINS")
FLAVOURS = ["stand-in", *(["official"] if OFFICIAL else [])]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that start plugins, servers or machines."""
    for item in items:
        if isinstance(item, pytest.Function) and not {"stand_ins", "api_server", "checkout"}.isdisjoint(
            item.fixturenames
        ):
            item.add_marker("lab")


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory a plugin, made from the sources as they are now."""
    python = ENVIRONMENT / "bin" / "python"
    _skip_without([] if python.exists() else ["the plugins' environment"], "plugin-environment")
    directory = tmp_path_factory.mktemp("plugins")
    for name in PYTHON_PLUGINS:
        make_package(name, directory / name, python)
    return directory


@pytest.fixture(scope="session", params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    """Which plugins a test talks to."""
    return str(request.param)


@pytest.fixture(scope="session")
def plugins(flavour: str, stand_ins: Path) -> Path:
    """The directory of the plugins under test."""
    return Path(OFFICIAL) if flavour == "official" and OFFICIAL else stand_ins


@pytest.fixture(scope="session")
def pulumi_homes(stand_ins: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A PULUMI_HOME for each flavour, with its plugins installed."""
    missing = [name for name in NEEDED if not (BIN / name).exists()]
    _skip_without(missing, "pulumi-cli pulumi-language-host pulumi-language-exec")
    homes = {}
    for name, source in zip(FLAVOURS, [stand_ins, Path(OFFICIAL or "")], strict=False):
        homes[name] = tmp_path_factory.mktemp("pulumi-home")
        for plugin in PYTHON_PLUGINS:
            if not (source / plugin / f"pulumi-resource-{plugin}").exists():
                continue  # OFFICIAL_PLUGINS need not have all of them
            install(plugin, VERSIONS["plugins"][plugin], source / plugin, homes[name])
    return homes


@pytest.fixture(scope="session")
def pulumi_home(flavour: str, pulumi_homes: dict[str, Path]) -> Path:
    """The PULUMI_HOME with the plugins under test."""
    return pulumi_homes[flavour]


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An sshd that stays for all tests."""
    server = SshServer(tmp_path_factory.mktemp("ssh"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def api_server(flavour: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """An API server that stays for all tests of a flavour, which use the same names."""
    missing = [name for name in CONTROL_PLANE if not (BIN / name).exists()]
    _skip_without(missing, "kubernetes etcd")
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl: `apt-get install openssl`")
    server = ApiServer(tmp_path_factory.mktemp("api-server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def kubernetes(plugins: Path, api_server: ApiServer) -> Iterator[Plugin]:
    """The kubernetes plugin under test, one process for all tests that leave it as it was."""
    with Plugin(plugins / "kubernetes" / "pulumi-resource-kubernetes") as running:
        running.configure({"kubeconfig": api_server.kubeconfig()})
        yield running


@pytest.fixture(scope="session")
def kubernetes_process(stand_ins: Path) -> Iterator[Plugin]:
    with Plugin(stand_ins / "kubernetes" / "pulumi-resource-kubernetes") as running:
        yield running


@pytest.fixture
def kubernetes_stand_in(kubernetes_process: Plugin, api_server: ApiServer) -> Plugin:
    """The stand-in, for what the official plugin does otherwise or not at all; a test may configure it anew."""
    kubernetes_process.log.lines.clear()
    kubernetes_process.configure({"kubeconfig": api_server.kubeconfig()})
    return kubernetes_process


@pytest.fixture
def own_kubernetes(stand_ins: Path, api_server: ApiServer) -> Iterator[Plugin]:
    """A stand-in that a test may leave unusable."""
    with Plugin(stand_ins / "kubernetes" / "pulumi-resource-kubernetes") as running:
        running.configure({"kubeconfig": api_server.kubeconfig()})
        yield running


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """A checkout whose cluster has a name that no other test and nobody else uses."""
    _skip_without([name for name in NEEDED if not (BIN / name).exists()], "pulumi-home pulumi-language-host")
    if subprocess.run([REPOSITORY / "lab/enter", "virsh", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the lab is not running: `lab/start` would start it")
    made = Checkout(tmp_path, f"t{abs(hash(tmp_path)) % 10**8}")
    yield made
    made.clean()


def _skip_without(missing: list[str], steps: str) -> None:
    if missing:
        makers = f"`make up STACK=lab` or `python3 -m lab.build {steps}`"
        pytest.skip(f"{', '.join(missing)} not in {CACHE}; {makers} would make it")
