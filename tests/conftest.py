"""The whole program, run once applied and once in preview, for all tests that look at what it registered."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components import host, verification
from components.project import PROJECT
from components.settings import Settings
from tests.configuration import REPOSITORY, as_pulumi_hands_it_over, default_values
from tests.fake_host import FakeHost
from tests.fake_virsh import Hypervisor
from tests.qcow2 import qcow2
from tests.recording import Run, run
from tests.sandbox import Sandbox

RunProgram = Callable[..., Run]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local base image, so that no test downloads one."""
    path = tmp_path_factory.mktemp("image") / "debian.qcow2"
    path.write_bytes(qcow2())
    return path


@pytest.fixture(scope="session")
def run_program(image: Path) -> RunProgram:
    """Runs __main__.py as Pulumi does, on a host that lacks nothing, with nodes that answer HTTP at once.

    run_program(preview=True, workers=1): keyword arguments are configuration keys. Names of resources are added to
    `registered` while they are registered, for a program that fails. `remembered` is what earlier runs have stashed.
    """

    def run_main(
        *,
        preview: bool = False,
        registered: list[str] | None = None,
        remembered: Mapping[str, Any] | None = None,
        check_host: Callable[[Settings], None] = lambda settings: None,
        **overrides: Any,
    ) -> Run:
        values = {**default_values(), "image": str(image), "imageSha512": "", **overrides}
        config = {f"{PROJECT}:{key}": as_pulumi_hands_it_over(value) for key, value in values.items()}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(host, "check_host", check_host)
            patch.setattr(verification, "_status", lambda url: "200")
            main = str(REPOSITORY / "__main__.py")
            return run(
                lambda: runpy.run_path(main),
                config=config,
                preview=preview,
                registered=registered,
                remembered=remembered,
            )

    return run_main


@pytest.fixture(scope="session")
def applied(run_program: RunProgram) -> Run:
    """The whole program with the default configuration, all made."""
    return run_program()


@pytest.fixture(scope="session")
def previewed(run_program: RunProgram) -> Run:
    """The whole program with the default configuration, before anything is made."""
    return run_program(preview=True)


UNUSUAL: dict[str, Any] = {
    "clusterName": "blue",
    "kubernetesVersion": "1.36.4",
    "containerRuntime": "containerd",
    "podCidr": "10.32.0.0/14",
    "serviceCidr": "10.112.0.0/16",
    "controlPlaneCpus": 4,
    "controlPlaneMemory": 4096,
    "workers": 1,
    "workerCpus": 1,
    "workerMemory": 1536,
    "diskSize": 9,
    "systemUpgrade": False,
    "virtualization": "qemu",
    "networkCidr": "10.50.0.0/24",
    "storagePath": "/srv/disks",
    "timeoutFactor": 3,
    "aptMirror": "http://10.50.0.1/debian",
    "aptMirrorKey": "http://10.50.0.1/debian/key.asc",
    "kubernetesAptRepository": "http://10.50.0.1/kubernetes",
    "imageMirrors": '{"ghcr.io": "http://10.50.0.1:5000", "docker.io": "https://10.50.0.1"}',
    "webServerImage": "docker.io/library/nginx:1.27",
    "webServerReplicas": 5,
    "nodePort": 31000,
}


@pytest.fixture(scope="session")
def unusual(run_program: RunProgram) -> Run:
    """The whole program with every key other than its default."""
    return run_program(**UNUSUAL)


@pytest.fixture(params=["applied", "previewed"])
def program(request: pytest.FixtureRequest) -> Run:
    """Both of them: for what must hold in either."""
    recorded: Run = request.getfixturevalue(request.param)
    return recorded


@pytest.fixture
def machine(tmp_path: Path) -> Sandbox:
    """A machine to run scripts on, with stand-ins for its commands."""
    return Sandbox(tmp_path / "machine")


@pytest.fixture
def hypervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hypervisor:
    """A hypervisor without anything, behind the virsh on PATH."""
    made = Hypervisor(tmp_path / "virsh")
    monkeypatch.setenv("PATH", f"{made.directory}:/usr/bin:/bin")
    return made


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHost]:
    """A host that lacks nothing."""
    host = FakeHost(monkeypatch)
    try:
        yield host
    finally:
        host.close()
