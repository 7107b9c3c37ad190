"""What people do to a finished cluster with kubectl."""

from __future__ import annotations

from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import AS_ADMINISTRATOR, on


def damage(name: str, what: str, machine: str, script: str, message: str = "") -> Fault:
    """A fault that a shell script does on a machine of a finished cluster."""
    return Fault(name=name, what=what, inject=on(machine, script), message=message)


DAMAGES = [
    damage(
        "deployment-deleted",
        "The web server's Deployment was deleted with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl delete deployment nginx",
        "No more in the cluster: Deployment web-deployment",
    ),
    damage(
        "deployment-scaled",
        "The web server was scaled to nothing with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl scale deployment nginx --replicas=0",
    ),
    damage(
        "service-changed",
        "The web server's node port was changed with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl patch service nginx --type=json "
        '--patch=\'[{"op": "replace", "path": "/spec/ports/0/nodePort", "value": 30099}]\'',
    ),
    damage(
        "flannel-deleted",
        "flannel's namespace was deleted with kubectl, and everything in it",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl delete namespace kube-flannel --timeout=580s",
        "No more in the cluster: DaemonSet flannel-daemon-set",
    ),
    damage(
        "dns-deleted",
        "CoreDNS was deleted with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl --namespace kube-system delete deployment coredns",
        "control-plane-1: deployment/coredns is not in the cluster",
    ),
    damage(
        "dns-scaled",
        "CoreDNS was scaled to nothing with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl --namespace kube-system scale deployment coredns --replicas=0",
        "control-plane-1: deployment/coredns is scaled to nothing",
    ),
    damage(
        "dns-service-deleted",
        "The DNS's Service was deleted with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl --namespace kube-system delete service kube-dns",
        "control-plane-1: service/kube-dns is not in the cluster",
    ),
    damage(
        "configuration-deleted",
        "The DNS's configuration was deleted with kubectl, and what kubeadm keeps for workers that join",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl --namespace kube-system delete configmap kubeadm-config kubelet-config coredns",
        "control-plane-1: configmap/coredns is not in the cluster, configmap/kubeadm-config is not in the cluster",
    ),
    damage(
        "discovery-deleted",
        "What a worker that joins asks the cluster first was deleted with kubectl, and a worker's Node object",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl --namespace kube-public delete configmap cluster-info\n"
        "kubectl delete node worker-2 --timeout=580s",
        "worker-2: its node is not in the cluster",
    ),
    damage(
        "node-deleted",
        "A worker's Node object was deleted with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl delete node worker-1 --timeout=580s",
        "worker-1: its node is not in the cluster",
    ),
    damage(
        "node-deleted-control-plane",
        "The control plane's own Node object was deleted with kubectl",
        "control-plane-1",
        f"{AS_ADMINISTRATOR}kubectl delete node control-plane-1 --timeout=580s",
        "control-plane-1: its node is not in the cluster",
    ),
]
