"""The kubernetes plugin under the real engine: what a whole run does and what it leaves."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.api_server import ApiServer
from tests.lab.cluster_objects import play_deployment_controller
from tests.lab.engine import Outcome, Project
from tests.lab.plugin_client import eventually

PROGRAM = Path(__file__).parent / "programs" / "objects.py"
TOKEN = "abcdef.0123456789abcdef"


class Objects:
    """The stack of programs/objects.py."""

    def __init__(self, directory: Path, pulumi_home: Path, server: ApiServer, namespace: str) -> None:
        self.project = Project(directory / "project", pulumi_home, PROGRAM.read_text())
        self.server = server
        self.namespace = namespace
        self.deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"

    def run(self, *words: str, stage: str = "first", comment: str = "", identifier: str = "one") -> Outcome:
        environment = {
            "CLUSTER": self.server.kubeconfig() + comment,
            "CONTRACT_NAMESPACE": self.namespace,
            "IDENTIFIER": identifier,
            "STAGE": stage,
            "TOKEN": TOKEN,
        }
        return self.project.run(*words, **environment)

    @contextmanager
    def deployment_controller(self) -> Iterator[None]:
        """Brings the deployment up while something else runs."""

        def play() -> None:
            live = self.server.get(self.deployment)
            if live and not live.get("status", {}).get("readyReplicas"):
                play_deployment_controller(self.server, self.deployment)

        with self._repeatedly(play):
            yield

    @contextmanager
    def garbage_collector(self) -> Iterator[None]:
        """Finishes deletions while something else runs."""
        namespaced = f"namespaces/{self.namespace}"
        core = [f"/api/v1/{namespaced}/{kind}" for kind in ("configmaps", "secrets", "serviceaccounts", "services")]
        listings = [*core, f"/apis/apps/v1/{namespaced}/deployments"]
        rbac = "/apis/rbac.authorization.k8s.io/v1"
        others = [f"{rbac}/clusterrolebindings/{self.namespace}", f"{rbac}/clusterroles/{self.namespace}"]

        def play() -> None:
            for listing in listings:
                for item in (self.server.get(listing) or {}).get("items", []):
                    if "deletionTimestamp" in item["metadata"]:
                        self.server.collect_garbage(f"{listing}/{item['metadata']['name']}")
            for path in (*others, f"/api/v1/{namespaced}"):
                self.server.collect_garbage(path)

        with self._repeatedly(play):
            yield

    @contextmanager
    def _repeatedly(self, play: Callable[[], None]) -> Iterator[None]:
        stop = threading.Event()

        def loop() -> None:
            while not stop.wait(0.3):
                play()
            self.server.disconnect()

        with ThreadPoolExecutor() as pool:
            done = pool.submit(loop)
            try:
                yield
            finally:
                stop.set()
                done.result(30)


def test_a_stack_of_objects_lives_as_it_should(
    flavour: str, pulumi_home: Path, api_server: ApiServer, tmp_path: Path
) -> None:
    objects = Objects(tmp_path, pulumi_home, api_server, f"life-{flavour}")

    late = objects.run("up")
    assert late.code != 0
    assert "failed to fully initialize or become live" in late.output
    state = objects.project.state()
    assert state["web"]["initErrors"], "what exists and is not ready stays in the state"
    assert TOKEN not in late.output + late.events + json.dumps(state)

    with objects.deployment_controller():
        healed = objects.run("up")
    assert healed.code == 0, healed.output
    assert "update web" in healed.operations()
    assert "initErrors" not in objects.project.state()["web"]

    assert objects.run("up", "--expect-no-changes").code == 0

    # With another kubeconfig of the same cluster: the provider is updated, and nothing on it changes for that.
    with objects.garbage_collector():
        changed = objects.run("up", stage="second", comment="# renewed\n")
    assert changed.code == 0, changed.output
    assert [step for step in changed.operations() if not step.startswith("replace")] == [
        "delete-replaced named",
        "create-replacement named",
    ], "changed data is a new config map, and one with a fixed name goes before it comes"

    unknown = objects.run("preview", stage="unknown")
    assert "create kubeconfig" in unknown.operations()
    assert not [step for step in unknown.operations() if "replace" in step], "it is the same cluster all the same"
    rebuilt = objects.run("preview", stage="second", identifier="two")
    # The official plugin asks the server, which has all of them still, and may go no further than the first.
    first = "namespace" if flavour == "official" else "web"
    assert f"create-replacement {first}" in rebuilt.operations(), "what was in another cluster is made anew"

    with objects.garbage_collector():
        destroyed = objects.run("destroy", stage="second")
    assert destroyed.code == 0, destroyed.output
    eventually(lambda: api_server.get(f"/api/v1/namespaces/{objects.namespace}") is None, "the namespace is gone")


@pytest.mark.skipif(
    "OFFICIAL_PLUGINS" not in os.environ, reason="OFFICIAL_PLUGINS=DIRECTORY compares with the official"
)
def test_the_state_is_the_official_plugins(
    pulumi_homes: dict[str, Path], api_server: ApiServer, tmp_path: Path
) -> None:
    states = {}
    for name, home in pulumi_homes.items():
        (tmp_path / name).mkdir()
        objects = Objects(tmp_path / name, home, api_server, "compared")
        with objects.deployment_controller():
            created = objects.run("up")
        assert created.code == 0, created.output
        states[name] = objects.project.comparable_state(str(tmp_path / name))
        with objects.garbage_collector():
            assert objects.run("destroy").code == 0
    assert states["stand-in"] == states["official"]
