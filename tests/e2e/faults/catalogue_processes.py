"""Daemons and kubeadm that are killed or stopped on the machines, and the hypervisor's."""

from __future__ import annotations

from tests.e2e.faults.catalogue_killed import INSTALLS
from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import all_off, on, once, restart_libvirtd
from tests.e2e.faults.moments import begins, says

PROCESSES = [
    Fault(
        name="kubeadm-init-killed",
        what="`kubeadm init` is killed half-way",
        start="prepared",
        when=says("k8s-control-plane-1-init", "kubeadm init"),
        inject=once("control-plane-1", "test -e /etc/kubernetes/manifests/etcd.yaml", "pkill -KILL -x kubeadm"),
        message="control-plane-1: failed while: kubeadm init",
    ),
    Fault(
        name="kubeadm-join-killed",
        what="`kubeadm join` is killed half-way",
        start="initialised",
        when=says("k8s-worker-1-join", "kubeadm join"),
        inject=once("worker-1", "test -e /etc/kubernetes/bootstrap-kubelet.conf", "pkill -KILL -x kubeadm"),
        message="worker-1: failed while: kubeadm join",
    ),
    Fault(
        name="containerd-killed",
        what="containerd is killed on a worker that joins",
        start="initialised",
        when=says("k8s-worker-1-join", "kubeadm join"),
        inject=on("worker-1", "pkill -KILL -x containerd"),
    ),
    Fault(
        name="containerd-stopped",
        what="containerd is stopped on a worker",
        inject=on("worker-1", "systemctl stop containerd"),
    ),
    Fault(
        name="kubelet-killed",
        what="The kubelet is killed on a worker",
        inject=on("worker-1", "pkill -KILL -x kubelet"),
    ),
    Fault(
        name="kubelet-killed-joining",
        what="The kubelet is killed on a worker that joins",
        start="initialised",
        when=says("k8s-worker-1-join", "kubelet-start"),
        inject=once("worker-1", "pgrep -x kubelet", "pkill -KILL -x kubelet"),
    ),
    Fault(
        name="kubelet-stopped",
        what="The kubelet is stopped on a worker",
        inject=on("worker-2", "systemctl stop kubelet"),
    ),
    Fault(
        name="kubelet-stopped-control-plane",
        what="The kubelet and the API server are stopped on the control plane",
        inject=on("control-plane-1", "systemctl stop kubelet\npkill -KILL -x kube-apiserver"),
    ),
    Fault(
        name="docker-stopped",
        what="Docker is stopped on a worker",
        inject=on("worker-2", "systemctl stop docker.socket docker.service"),
        message="worker-2: docker is inactive; it is prepared again",
    ),
    Fault(
        name="all-off",
        what="All machines lose their power",
        inject=all_off,
    ),
    Fault(
        name="libvirtd-restarted-domains",
        what="libvirtd is restarted",
        start="nothing",
        when=begins("k8s-worker-1-domain"),
        inject=restart_libvirtd,
    ),
    Fault(
        name="libvirtd-restarted-prepare",
        what="libvirtd is restarted",
        start="booted",
        when=says("k8s-worker-1-prepare", INSTALLS),
        inject=restart_libvirtd,
    ),
]
