"""States that `make destroy` has to end in."""

from __future__ import annotations

from tests.e2e.faults.catalogue_killed import HALF_DESTROYED, in_each_phase
from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import (
    Injection,
    all_off,
    both,
    cut_state_off,
    delete_machine,
    freeze,
    interrupt_run,
    kill_run,
    libvirt_defines,
    libvirt_has,
    off,
    on,
    remove_network,
)
from tests.e2e.faults.machines import ADDRESSES
from tests.e2e.faults.moments import begins


def _of_a_cluster(name: str, what: str, inject: Injection) -> Fault:
    return Fault(name=f"destroy-{name}", what=f"Destroy: {what}", inject=inject, verb="destroy")


def nothing(_: object) -> None:
    """A healthy cluster is a state too."""


STATES = [
    _of_a_cluster("healthy", "nothing is wrong", nothing),
    _of_a_cluster(
        "api-server-dead",
        "the API server is dead",
        on("control-plane-1", "systemctl stop kubelet\npkill -KILL -x kube-apiserver"),
    ),
    *(_of_a_cluster(f"off-{name}", f"{name} is off", off(name)) for name in ADDRESSES),
    _of_a_cluster("all-off", "all machines are off", all_off),
    _of_a_cluster("machine-deleted", "a worker's domain was deleted by hand", delete_machine("worker-1")),
    _of_a_cluster(
        "control-plane-deleted",
        "the control plane's domain was deleted by hand",
        delete_machine("control-plane-1"),
    ),
    _of_a_cluster("frozen", "all machines hang", freeze),
    _of_a_cluster(
        "undefined-running",
        "a worker's domain was undefined by hand while it ran",
        libvirt_has("undefine", "k8s-worker-1", "--nvram"),
    ),
    _of_a_cluster(
        "saved",
        "a worker was saved to disk with virsh managedsave, and another one paused",
        both(libvirt_has("managedsave", "k8s-worker-1"), libvirt_has("suspend", "k8s-worker-2")),
    ),
    _of_a_cluster(
        "disk-deleted",
        "a worker's domain and disk were deleted by hand",
        both(delete_machine("worker-1"), libvirt_has("vol-delete", "k8s-worker-1.qcow2", "--pool", "k8s")),
    ),
    _of_a_cluster("network-gone", "the libvirt network was deleted by hand", remove_network),
    _of_a_cluster(
        "orphan-domain",
        "libvirt has a domain with our names that the state does not know",
        libvirt_defines(
            "define",
            "<domain type='qemu'><name>k8s-worker-3</name><memory>65536</memory><os><type>hvm</type></os></domain>",
        ),
    ),
    _of_a_cluster(
        "orphan-volume",
        "the pool has a disk that the state does not know",
        libvirt_has("vol-create-as", "k8s", "k8s-worker-3.qcow2", "1M", "--format", "qcow2"),
    ),
    _of_a_cluster("state-cut-off", "Pulumi's state was cut off in its middle, as by a power cut", cut_state_off),
    Fault(
        name="destroy-killed",
        what="Destroy: another `make destroy` was killed with SIGKILL half-way",
        when=HALF_DESTROYED,
        into="destroy",
        inject=kill_run,
        verb="destroy",
    ),
    Fault(
        name="destroy-interrupted",
        what="Destroy: the user has pressed Ctrl-C half-way through another `make destroy`",
        when=HALF_DESTROYED,
        into="destroy",
        inject=interrupt_run,
        verb="destroy",
        message="Interrupted; the same command goes on from here",
    ),
    Fault(
        name="destroy-lock-left",
        what="Destroy: a killed run has left its lock",
        when=begins("kubeadm-libvirt-lab"),
        inject=kill_run,
        verb="destroy",
    ),
    *in_each_phase(
        "destroy-half",
        "Destroy: Pulumi was killed with SIGKILL half-way through `make up`",
        kill_run,
        verb="destroy",
    ),
]
