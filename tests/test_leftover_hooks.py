"""Before something is made in libvirt, what lies there under its name is asked for, by its kind."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pulumi
import pulumi_libvirt as libvirt
import pytest

from components.leftover_hooks import remove_leftovers
from components.leftovers import RefusedError
from tests.fake_virsh import DIRECTORY, OURS, Hypervisor
from tests.recording import run


@pytest.fixture
def hypervisor(hypervisor: Hypervisor, monkeypatch: pytest.MonkeyPatch) -> Hypervisor:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": "qemu+ssh://host/system"}))
    return hypervisor


def create(kind: str, **inputs: Any) -> None:
    """Runs the hook as the engine does before a creation."""

    async def hook() -> None:
        (function,) = remove_leftovers(OURS).before_create or []
        inputs["name"] = pulumi.Output.secret(inputs["name"])  # as a name is that was made from a secret
        ran = function(pulumi.ResourceHookArgs(urn="", id="", name="made", type=kind, new_inputs=inputs))
        assert ran is not None
        await ran

    asyncio.run(hook())


def test_each_kind_is_removed_by_its_name_with_a_warning(
    hypervisor: Hypervisor, capsys: pytest.CaptureFixture[str]
) -> None:
    hypervisor.network("k8s", active=False)
    hypervisor.pool("k8s", DIRECTORY, "k8s-worker-1.qcow2")
    hypervisor.domain("k8s-worker-1", running=True, description=OURS)
    create("libvirt:index/network:Network", name="k8s", bridge="br-k8s")
    create("libvirt:index/volume:Volume", name="k8s-worker-1.qcow2", pool="k8s")
    create("libvirt:index/domain:Domain", name="k8s-worker-1")
    create("libvirt:index/pool:Pool", name="k8s", target={"path": DIRECTORY})
    assert [change.split(" --")[0] for change in hypervisor.changes()] == [
        "net-undefine",
        "vol-delete",
        "destroy",
        "undefine",
        "pool-destroy",
        "pool-undefine",
    ]
    assert capsys.readouterr().err.splitlines() == [
        "warning: Removed the network k8s, a leftover: no running domain of anybody else used it.",
        f"warning: Removed the volume {DIRECTORY}/k8s-worker-1.qcow2, a leftover: "
        "no running domain of anybody else used it.",
        "warning: Removed the domain k8s-worker-1, a leftover: it has our mark.",
        f"warning: Removed the storage pool k8s, a leftover, but not the files in {DIRECTORY}.",
    ]


def test_the_hypervisor_that_is_asked_is_the_providers(hypervisor: Hypervisor) -> None:
    hypervisor.domain("k8s-worker-1", running=True)
    with pytest.raises(RefusedError, match=r"remove it: virsh --connect qemu\+ssh://host/system destroy"):
        create("libvirt:index/domain:Domain", name="k8s-worker-1")


def test_a_kind_that_nothing_is_known_of_is_a_mistake_of_the_program(hypervisor: Hypervisor) -> None:
    with pytest.raises(TypeError, match="libvirt:index/ignition:Ignition is nothing that leftovers are known of"):
        create("libvirt:index/ignition:Ignition", name="k8s")


def test_one_binding_serves_many_resources() -> None:
    def program() -> None:
        opts = pulumi.ResourceOptions(hooks=remove_leftovers(pulumi.Output.from_input(OURS)))
        for name in ("first", "second"):
            libvirt.Network(name, name=name, opts=opts)

    hooks = [resource.hooks["before_create"] for resource in run(program).resources.values()]
    assert len(hooks) == len({name for names in hooks for name in names}) == 2
