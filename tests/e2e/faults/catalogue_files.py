"""What a power cut, a kill or a slip of rm makes of single files on the machines of a finished cluster."""

from __future__ import annotations

from tests.e2e.faults.catalogue_cluster import damage

DAMAGES = [
    damage(
        "kubelet-emptied",
        "The kubelet's configuration is empty on a worker, as after a power cut, and the kubelet ends again and again",
        "worker-1",
        ": >/var/lib/kubelet/config.yaml\nsystemctl restart kubelet",
        "worker-1: .*it joins again",
    ),
    damage(
        "kubelet-emptied-control-plane",
        "The same on the control plane",
        "control-plane-1",
        ": >/var/lib/kubelet/config.yaml\nsystemctl restart kubelet",
        "take from the kubelet what it cannot start with",
    ),
    damage(
        "authority-deleted",
        "The certificate of the cluster's authority and the public key of service accounts were deleted",
        "control-plane-1",
        "rm /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/sa.pub",
        "control-plane-1: /etc/kubernetes/pki/ca.crt is gone",
    ),
    damage(
        "certificates-emptied",
        "The API server's certificate is empty and one of etcd's keys is gone, and both were killed",
        "control-plane-1",
        "cd /etc/kubernetes/pki\n: >apiserver.crt\nrm etcd/peer.key\npkill -KILL -x 'etcd|kube-apiserver'",
        "write anew what is missing or damaged",
    ),
    damage(
        "etcd-authority-deleted",
        "All keys and certificates of etcd were deleted",
        "control-plane-1",
        "rm -r /etc/kubernetes/pki/etcd",
        "make /etc/kubernetes/pki/etcd/ca.crt anew",
    ),
    damage(
        "programs-deleted",
        "The kubelet's program and all plugins of the pod network were deleted on a worker",
        "worker-1",
        "rm -r /usr/bin/kubelet /opt/cni/bin",
        "worker-1: .*of the packages' programs .*; it is started anew around its disk",
    ),
    damage(
        "record-emptied",
        "The record of what the cluster was made with is empty, as after a power cut, and the kubelet is stopped",
        "control-plane-1",
        ": >/var/lib/kubeadm-libvirt/cluster.yaml\nsystemctl stop kubelet",
        "write the record of this cluster anew",
    ),
    damage(
        "dpkg-interrupted",
        "dpkg was stopped while it worked on a worker, as by a power cut, and the kubelet is stopped",
        "worker-2",
        # What dpkg has of a change until it is through, by which apt-get refuses everything.
        "dpkg-query --status docker.io >/var/lib/dpkg/updates/0001\nsystemctl stop kubelet",
        "mend what was stopped while it installed packages",
    ),
]
