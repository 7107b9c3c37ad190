"""Runs that end before their end, in each phase: Pulumi is killed or interrupted, machines lose their power."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.e2e.faults.fault import Fault, Phase
from tests.e2e.faults.injections import Injection, interrupt_run, kill_run, off
from tests.e2e.faults.moments import Moment, begins, ends, prints, says

INSTALLS = "install docker"
"""prepare-node.sh is at its longest step."""

PHASES: dict[str, tuple[Phase, Moment]] = {
    "keys": ("nothing", begins("k8s-login-key")),
    "domains": ("nothing", begins("k8s-worker-1-domain")),
    "prepare": ("booted", says("k8s-worker-1-prepare", INSTALLS)),
    "init": ("prepared", says("k8s-control-plane-1-init", "kubelet-start")),
    "join": ("initialised", says("k8s-worker-1-join", "kubeadm join")),
    "flannel": ("joined", begins("flannel-daemon-set")),
    "web-server": ("networked", begins("web-deployment")),
}
"""Phase to where a run starts that goes through it, and a moment in its middle. While keys are made, the state is
written many times a second: a run that is killed then is killed while it writes."""


def in_each_phase(name: str, what: str, inject: Injection, phases: Iterable[str] = PHASES, **more: Any) -> list[Fault]:
    """The same fault in the middle of each of these phases; `more` is what else it has."""
    return [
        Fault(name=f"{name}-{phase}", what=what, start=PHASES[phase][0], when=PHASES[phase][1], inject=inject, **more)
        for phase in phases
    ]


HALF_DESTROYED = prints("k8s-worker-1-domain deleted")
KILLED = "Pulumi, its language host and plugins are killed with SIGKILL"

KILLED_RUNS = [
    *in_each_phase("kill", KILLED, kill_run),
    Fault(
        name="kill-destroy",
        what=f"{KILLED} half-way through `make destroy`",
        when=HALF_DESTROYED,
        into="destroy",
        inject=kill_run,
    ),
    Fault(
        name="kill-drain",
        what=KILLED,
        when=says("k8s-worker-1-join", "drain worker-1"),
        given=("REPLACE=worker-1",),
        inject=kill_run,
        message="worker-1: a drain was stopped half-way; pods may go there again",
    ),
]

INTERRUPTED_RUNS = in_each_phase(
    "interrupted",
    "The user presses Ctrl-C",
    interrupt_run,
    [phase for phase in PHASES if phase != "keys"],  # over before anybody could
    message="Interrupted; the same command goes on from here",
)

VICTIMS = {
    "domains": "worker-1",
    "prepare": "worker-1",
    "init": "control-plane-1",
    "join": "worker-1",
    "flannel": "worker-2",
    "web-server": "worker-1",
}
STARTED_AGAIN = ".* while this run needs it, and started again"

MACHINES_OFF = [
    Fault(
        name=f"off-{phase}",
        what=f"{VICTIMS[phase]} loses its power",
        start=start,
        # A domain that is not there yet cannot lose its power.
        when=ends("k8s-worker-1-domain") if phase == "domains" else when,
        inject=off(VICTIMS[phase]),
        message=f"{VICTIMS[phase]}: {STARTED_AGAIN}",
    )
    for phase, (start, when) in PHASES.items()
    if phase in VICTIMS
] + in_each_phase(
    "off-control-plane",
    "control-plane-1 loses its power",
    off("control-plane-1"),
    ("flannel", "web-server"),
    message=f"control-plane-1: {STARTED_AGAIN}",
)
