"""Objects to make in a cluster, and the parts of the controllers that a test plays for them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.lab.api_server import ApiServer
from tests.lab.plugin_client import Created, Plugin, PluginFailure, eventually

Object = dict[str, Any]

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
NAMESPACE = "kubernetes:core/v1:Namespace"
SERVICE = "kubernetes:core/v1:Service"
SECRET = "kubernetes:core/v1:Secret"

SELECTOR = {"matchLabels": {"app": "w"}}
TEMPLATE = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def workload(kind: str, name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": SELECTOR, "template": TEMPLATE, **spec},
    }


def refusal(act: Callable[[], Any]) -> PluginFailure:
    with pytest.raises(PluginFailure) as caught:
        act()
    return caught.value


def delete(plugin: Plugin, api_server: ApiServer, made: Created, path: str) -> None:
    """Deletes, while the garbage collector's part is played here."""
    with ThreadPoolExecutor() as pool:
        done = pool.submit(plugin.delete, made, timeout=30)
        eventually(lambda: api_server.collect_garbage(path) or done.done(), "the object is being deleted")
        done.result(30)


def play_deployment_controller(api_server: ApiServer, path: str) -> None:
    """What the controller and its pods would bring about: a revision, its replica set, and the status."""
    change = {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}}}
    live = api_server.request("PATCH", path, change, "application/merge-patch+json")
    owner = {key: live["metadata"].get(key) for key in ("name", "uid")} | {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
    }
    name = f"{live['metadata']['name']}-{live['metadata']['uid']}"
    replica_set = {
        "metadata": {
            "name": name,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"replicas": 1, "selector": SELECTOR, "template": TEMPLATE},
    }
    sets = f"{path.rsplit('/', 2)[0]}/replicasets"
    api_server.request("POST", sets, replica_set)
    api_server.patch_status(f"{sets}/{name}", {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1})
    condition = {
        "lastUpdateTime": "2026-01-01T00:00:00Z",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "status": "True",
    }
    api_server.patch_status(
        path,
        {
            "observedGeneration": live["metadata"]["generation"],
            **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1),
            "conditions": [
                {**condition, "type": "Available", "reason": "MinimumReplicasAvailable", "message": "enough"},
                {**condition, "type": "Progressing", "reason": "NewReplicaSetAvailable", "message": "done"},
            ],
        },
    )
