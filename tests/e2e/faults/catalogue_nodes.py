"""What people do on the machines of a finished cluster, with kubeadm, apt and rm."""

from __future__ import annotations

from tests.e2e.faults.catalogue_cluster import damage
from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import on


def sign_the_api_servers_certificate_anew(life: str) -> str:
    """A root shell script; `life` are options of openssl x509. The API server takes a new file at once."""
    return (
        "cd /etc/kubernetes/pki\n"
        f"openssl x509 -in apiserver.crt -CA ca.crt -CAkey ca.key {life} -out /run/new.crt\n"
        "mv /run/new.crt apiserver.crt"
    )


DAMAGES = [
    damage(
        "settings-removed",
        "A worker's kernel settings, the hold of its kubelet and its swap were changed back by hand",
        "worker-1",
        "sysctl --write net.bridge.bridge-nf-call-iptables=0\nrm /etc/sysctl.d/99-kubernetes.conf\n"
        "apt-mark unhold kubelet\necho '/swap none swap sw 0 0' >>/etc/fstab",
        "worker-1: /etc/sysctl.d/99-kubernetes.conf is gone or empty",
    ),
    damage(
        "docker-removed",
        "Docker was removed from a worker with apt",
        "worker-2",
        "apt-get --quiet=2 remove --yes docker.io",
        "worker-2: docker is inactive; it is prepared again",
    ),
    damage(
        "kubeconfig-removed",
        "The login user's kubeconfig was removed from the control plane",
        "control-plane-1",
        "rm --recursive /home/debian/.kube",
        "control-plane-1: debian has no kubeconfig",
    ),
    damage(
        "node-files-deleted",
        "What makes a worker a node was deleted under its kubelet, which runs on without it",
        "worker-1",
        "rm --recursive /etc/kubernetes /var/lib/kubelet/config.yaml",
        "worker-1: it lacks files that make it a node",
    ),
    damage(
        "certificates-deleted",
        "The API server's certificate and the scheduler's kubeconfig were deleted",
        "control-plane-1",
        "rm /etc/kubernetes/pki/apiserver.crt /etc/kubernetes/pki/apiserver.key /etc/kubernetes/scheduler.conf",
        "control-plane-1: /etc/kubernetes/scheduler.conf is gone",
    ),
    damage(
        "certificate-ending",
        "The API server's certificate has a day left",
        "control-plane-1",
        sign_the_api_servers_certificate_anew("-days 1"),
        "control-plane-1: these certificates are damaged or end within 60 days: pki/apiserver.crt",
    ),
    damage(
        "certificate-ended",
        "The API server's certificate has ended",
        "control-plane-1",
        sign_the_api_servers_certificate_anew("-not_before 20200101000000Z -not_after 20210101000000Z"),
        "control-plane-1: these certificates are damaged or end within 60 days: pki/apiserver.crt",
    ),
    damage(
        "kubelet-configuration-deleted",
        "The kubelet's configuration was deleted on the control plane",
        "control-plane-1",
        "rm /var/lib/kubelet/config.yaml",
        "control-plane-1: it lacks files that make it a node",
    ),
    damage(
        "worker-reset",
        "kubeadm reset was run on a worker",
        "worker-1",
        "kubeadm reset --force",
        "worker-1: .*it joins again",
    ),
    damage(
        "control-plane-reset",
        "kubeadm reset was run on the control plane",
        "control-plane-1",
        "kubeadm reset --force",
        "control-plane-1: its cluster is gone, as after kubeadm reset",
    ),
    damage(
        "manifests-deleted",
        "The manifests of the control plane's static pods were deleted",
        "control-plane-1",
        "rm /etc/kubernetes/manifests/*.yaml\n"
        "timeout 110 bash -c 'while pgrep -x kube-apiserver; do sleep 1; done' >&2",
        "write anew what is missing or damaged in /etc/kubernetes",
    ),
    damage(
        "scheduler-deleted",
        "The manifests of the scheduler and of the controller manager were deleted",
        "control-plane-1",
        "rm /etc/kubernetes/manifests/kube-{scheduler,controller-manager}.yaml",
        "control-plane-1: /etc/kubernetes/manifests/kube-controller-manager.yaml is gone",
    ),
    damage(
        "swap-on",
        "Swap was made and switched on, on a worker",
        "worker-1",
        "dd if=/dev/zero of=/swapfile bs=1M count=64\nchmod 0600 /swapfile\nmkswap /swapfile\nswapon /swapfile\n"
        "echo '/swapfile none swap sw 0 0' >>/etc/fstab",
        "worker-1: swap is on",
    ),
    Fault(
        name="login-key-removed",
        what="The login key was removed from a worker",
        inject=on("worker-1", "rm /home/debian/.ssh/authorized_keys"),
        message="worker-1: it has its host key, and refuses this stack's login key",
        user="follows the message, `make up REPLACE=worker-1`",
        variables=("REPLACE=worker-1",),
    ),
]
