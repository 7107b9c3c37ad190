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
