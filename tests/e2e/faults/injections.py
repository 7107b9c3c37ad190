"""Ways to break a running cluster, for the catalogues. Each makes a function that takes the scene."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from tests.e2e.cluster import STATE, changed, run, stop_libvirtd
from tests.e2e.faults.fault import Scene
from tests.e2e.faults.machines import ADDRESSES, CLUSTER, Freezer, names, power_off, virsh

Injection = Callable[[Scene], None]
AS_ADMINISTRATOR = "export KUBECONFIG=/etc/kubernetes/admin.conf\n"
"""How a script on the control plane begins that uses kubectl."""


def kill_run(scene: Scene) -> None:
    """SIGKILL to Pulumi and all that it has started."""
    assert scene.run is not None
    scene.run.kill_tree()


def interrupt_run(scene: Scene) -> None:
    """The user presses Ctrl-C, and once more after a while; the run has to end."""
    assert scene.run is not None
    assert scene.run.press_ctrl_c(), "the run goes on, in spite of Ctrl-C"


def both(first: Injection, second: Injection) -> Injection:
    """One after the other."""

    def do(scene: Scene) -> None:
        first(scene)
        second(scene)

    return do


def off(*machines: str) -> Injection:
    """A power cut of these machines."""

    def cut(_: Scene) -> None:
        for machine in machines:
            power_off(machine)

    return cut


def on(machine: str, script: str) -> Injection:
    """A root shell script on a machine, which has ended when the run goes on."""

    def do(scene: Scene) -> None:
        scene.machines.on(machine, script)

    return do


def later(*machines: str, script: str) -> Injection:
    """A root shell script that goes on in the background of these machines."""

    def start(scene: Scene) -> None:
        for machine in machines:
            scene.machines.later(machine, script)

    return start


def once(machine: str, condition: str, script: str) -> Injection:
    """A root shell script on a machine, as soon as a shell condition holds there."""

    def wait_and_start(scene: Scene) -> None:
        scene.machines.on(
            machine, f"timeout 600 bash -c 'until {condition}; do sleep 0.1; done'\n{script}", seconds=660
        )

    return wait_and_start


def until_the_run_ends(outage: Callable[[], AbstractContextManager[None]]) -> Injection:
    """An outage that is over when the run is."""

    def begin(scene: Scene) -> None:
        scene.ends_with_the_run.enter_context(outage())

    return begin


def for_seconds(seconds: float, outage: Callable[[], AbstractContextManager[None]]) -> Injection:
    """An outage of this length, in the middle of the run."""

    def hold(_: Scene) -> None:
        with outage():
            time.sleep(seconds)  # the outage is made of time

    return hold


def libvirt_defines(kind: str, xml: str) -> Injection:
    """Something in libvirt that the state does not know; `kind` is a virsh command such as `net-define`."""

    def define(scene: Scene) -> None:
        file = scene.directory / "orphan.xml"
        file.write_text(xml)
        virsh(kind, file)

    return define


def libvirt_has(*words: str) -> Injection:
    """The same, made by one virsh command."""

    def make(_: Scene) -> None:
        virsh(*words)

    return make


def delete_machine(machine: str) -> Injection:
    """What somebody does by hand: the domain stopped and undefined, its disk left."""

    def delete(_: Scene) -> None:
        power_off(machine)
        virsh("undefine", f"{CLUSTER}-{machine}", "--nvram")

    return delete


def freeze(_: Scene) -> None:
    """Every machine's process is stopped where it is: it answers nobody, and does not heed a polite request to end."""
    Freezer().freeze()


def remove_network(_: Scene) -> None:
    """What somebody does by hand."""
    virsh("net-destroy", CLUSTER)
    virsh("net-undefine", CLUSTER)


STACKS = STATE / ".pulumi" / "stacks" / "kubeadm-libvirt"


def empty_attributes(_: Scene) -> None:
    """What SIGKILL leaves when it comes between the creation of a file and its first byte; seen in a real run."""
    (STACKS / "lab.json.attrs").write_text("")


def cut_state_off(_: Scene) -> None:
    """What a power cut of the host leaves of a file that is being written."""
    file = STACKS / "lab.json"
    whole = file.read_text()
    file.write_text(whole[: len(whole) // 2])


def restart_libvirtd(_: Scene) -> None:
    """The daemon ends and another one starts; machines run on."""
    stop_libvirtd()
    run("lab/start")


def configure(**values: object) -> Injection:
    """Other values in the stack's configuration, until the run has ended."""
    return until_the_run_ends(lambda: changed(**values))


def all_off(_: Scene) -> None:
    """A power cut of the whole host, as the machines see it."""
    for machine in ADDRESSES:
        if f"{CLUSTER}-{machine}" in names("list"):
            power_off(machine)
