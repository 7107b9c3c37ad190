"""What earlier runs, other clusters and people have left behind."""

from __future__ import annotations

from tests.e2e.faults.catalogue_killed import PHASES
from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import (
    AS_ADMINISTRATOR,
    both,
    cut_state_off,
    delete_machine,
    empty_attributes,
    kill_run,
    libvirt_defines,
    libvirt_has,
    on,
)
from tests.e2e.faults.machines import POOL
from tests.e2e.faults.moments import begins, ends

LEFTOVERS = [
    Fault(
        name="stale-files-worker",
        what="A worker has /etc/kubernetes of another cluster",
        start="prepared",
        inject=on(
            "worker-1",
            "mkdir -p /etc/kubernetes/pki /etc/kubernetes/manifests\n"
            "cd /etc/kubernetes\n"
            "openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=other -out pki/ca.crt\n"
            "echo 'apiVersion: v1' >/etc/kubernetes/kubelet.conf",
        ),
    ),
    Fault(
        name="stale-files-control-plane",
        what="The control plane has /etc/kubernetes of an init that never ended",
        start="prepared",
        inject=on(
            "control-plane-1",
            "mkdir -p /etc/kubernetes/pki /etc/kubernetes/manifests /var/lib/etcd/member\n"
            "echo other >/etc/kubernetes/pki/ca.crt\necho 'kind: Pod' >/etc/kubernetes/manifests/kube-apiserver.yaml",
        ),
    ),
    Fault(
        name="stale-node",
        what="The cluster has a Ready Node object of a worker that never joined",
        start="initialised",
        inject=on(
            "control-plane-1",
            f"{AS_ADMINISTRATOR}"
            "echo '{apiVersion: v1, kind: Node, metadata: {name: worker-2}}' | kubectl create -f -\n"
            "kubectl patch node worker-2 --subresource=status --type=merge --patch "
            '\'{"status": {"conditions": [{"type": "Ready", "status": "True", "reason": "Stale"}]}}\'',
        ),
    ),
    Fault(
        name="orphan-domain",
        what="libvirt has a domain of a worker's name that the state does not know",
        start="nothing",
        inject=libvirt_defines(
            "define",
            "<domain type='qemu'><name>k8s-worker-1</name><memory>65536</memory><os><type>hvm</type></os></domain>",
        ),
    ),
    Fault(
        name="orphan-volume",
        what="libvirt has a disk of a worker's name that the state does not know",
        start="nothing",
        when=ends("k8s-pool"),
        inject=libvirt_has("vol-create-as", "k8s", "k8s-worker-1.qcow2", "1M", "--format", "qcow2"),
    ),
    Fault(
        name="orphan-network",
        what="libvirt has a network of our name that the state does not know",
        start="nothing",
        inject=libvirt_defines("net-define", "<network><name>k8s</name><bridge name='br-k8s'/></network>"),
    ),
    Fault(
        name="orphan-pool",
        what="libvirt has a pool of our name that the state does not know",
        start="nothing",
        inject=libvirt_defines(
            "pool-define", f"<pool type='dir'><name>k8s</name><target><path>{POOL}</path></target></pool>"
        ),
    ),
    Fault(
        name="machine-deleted",
        what="A worker's domain was deleted by hand",
        inject=delete_machine("worker-2"),
    ),
    Fault(
        name="machine-paused",
        what="A worker's domain was paused by hand",
        inject=libvirt_has("suspend", "k8s-worker-1"),
        message="Resumed the domain k8s-worker-1",
    ),
    Fault(
        name="network-stopped",
        what="The libvirt network was stopped by hand, under the running machines",
        inject=libvirt_has("net-destroy", "k8s"),
        message="Started the network k8s again",
    ),
    Fault(
        name="network-stopped-preparing",
        what="The libvirt network was stopped by hand while machines were prepared, and the run killed",
        start=PHASES["prepare"][0],
        when=PHASES["prepare"][1],
        inject=both(libvirt_has("net-destroy", "k8s"), kill_run),
        message="Switched the domain k8s-worker-1 off: it was cut off when the network stopped",
    ),
    Fault(
        name="state-torn",
        what="A run was killed while Pulumi wrote the file of attributes beside its state, which is empty",
        inject=empty_attributes,
    ),
    Fault(
        name="state-cut-off",
        what="Pulumi's state was cut off in its middle, as by a power cut of the host",
        inject=cut_state_off,
        message="is as it was one step earlier",
    ),
    Fault(
        name="lock-left",
        what="A killed run has left its lock, and nothing else",
        when=begins("kubeadm-libvirt-lab"),
        inject=kill_run,
        message=r"\block",
    ),
]
