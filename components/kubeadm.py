"""Pure: settings -> kubeadm v1beta4 documents, the only dialect that kubeadm 1.32 to 1.37 share."""

from __future__ import annotations

import re
from typing import Any

import yaml

from components.nodes import Node
from components.settings import Settings

API_PORT = 6443
CRI_SOCKET = "unix:///run/containerd/containerd.sock"
"""Always named: where Docker is installed too, kubeadm must not guess."""
SANDBOX_IMAGE = "registry.k8s.io/pause:3.10.2"
"""What `kubeadm config images list` of 1.37 names; containerd must be told the same."""

PATCHES = "/etc/kubernetes/patches"
"""Where init-control-plane.sh puts its patches of the static pods."""
LIVENESS_FAILURES = 8
"""kubeadm's own failureThreshold of the static pods' liveness probes, every 10 s."""
CONTROL_PLANE_FILES = (
    *(f"manifests/{each}.yaml" for each in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")),
    *(f"{each}.conf" for each in ("admin", "controller-manager", "scheduler")),
    *("pki/ca.crt", "pki/etcd/ca.crt", "pki/front-proxy-ca.crt", "pki/sa.key", "pki/sa.pub"),
    *(
        f"pki/{each}.{kind}"
        for each in (
            *("apiserver", "apiserver-etcd-client", "apiserver-kubelet-client"),
            *("front-proxy-client", "etcd/server", "etcd/peer", "etcd/healthcheck-client"),
        )
        for kind in ("crt", "key")
    ),
)
"""What kubeadm makes in /etc/kubernetes for a control plane and can make anew while it has the keys of its CAs.

But pki/ca.crt and pki/sa.pub, which restore-certificates.sh makes anew from what else there is (kubeadm's
phases/certs/certs.go fails for want of the first, and does not miss the second); and no half of a pair, which goes
with the other.
"""
ADDONS = ("deployment/coredns", "service/kube-dns", "daemonset/kube-proxy", "configmap/coredns", "configmap/kube-proxy")
"""What `kubeadm init phase addon` puts into kube-system."""
RECORDS = ("configmap/kubeadm-config", "configmap/kubelet-config")
"""What `kubeadm init phase upload-config` puts there: a worker that joins reads them."""
RENEWAL_DAYS = 60
"""How long before their end the control plane's certificates, which live a year, are renewed."""
READINESS_PERIOD = 1
"""kubeadm's own periodSeconds of the static pods' readiness probes: how often they are asked."""

TOKEN_PLACEHOLDER = "@TOKEN@"  # noqa: S105 (filled in on the control plane by worker-membership.sh)
CA_CERT_HASH_PLACEHOLDER = "@CA_CERT_HASH@"


class _Dumper(yaml.SafeDumper):
    """Quotes y and n as well: they are true and false to kubeadm's reader, and may be a cluster's name."""


_Dumper.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN")
)


def init_documents(settings: Settings, control_plane: Node) -> str:
    """Init, Cluster and Kubelet configuration for `kubeadm init --config`."""
    endpoint = f"{control_plane.address}:{API_PORT}"
    init = {
        **_kind("InitConfiguration"),
        # Without this entry kubeadm makes a token that lives a day. Joins mint their own.
        "bootstrapTokens": [{"ttl": "1m0s", "description": "unused; kubeadm init insists on one"}],
        "localAPIEndpoint": {"advertiseAddress": str(control_plane.address), "bindPort": API_PORT},
        "nodeRegistration": _node_registration(control_plane),
        "patches": {"directory": PATCHES},
        "timeouts": _timeouts(settings),
    }
    alone = [{"name": "leader-elect", "value": "false"}]
    cluster = {
        **_kind("ClusterConfiguration"),
        "clusterName": settings.cluster_name,
        "kubernetesVersion": f"v{settings.kubernetes_version}",
        "controlPlaneEndpoint": endpoint,
        "networking": {"podSubnet": str(settings.pod_cidr), "serviceSubnet": str(settings.service_cidr)},
        # With one control plane there is nobody to elect; a lease lost on a slow machine would restart both.
        "controllerManager": {"extraArgs": alone},
        "scheduler": {"extraArgs": alone},
        "encryptionAlgorithm": "ECDSA-P256",
    }
    kubelet = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "serializeImagePulls": False,
    }
    return yaml.dump_all([init, cluster, kubelet], Dumper=_Dumper, sort_keys=False)


def join_document(settings: Settings, control_plane: Node, worker: Node) -> str:
    """The join configuration of one worker, with placeholders for the token and the CA's hash."""
    discovery = {
        "bootstrapToken": {
            "apiServerEndpoint": f"{control_plane.address}:{API_PORT}",
            "token": TOKEN_PLACEHOLDER,
            "caCertHashes": [CA_CERT_HASH_PLACEHOLDER],
        }
    }
    join = {
        **_kind("JoinConfiguration"),
        "discovery": discovery,
        "nodeRegistration": _node_registration(worker),
        "timeouts": _timeouts(settings),
    }
    return yaml.dump(join, Dumper=_Dumper, sort_keys=False)


def early_images(settings: Settings, node: Node) -> list[str]:
    """Images to pull while a node is prepared, besides what kubeadm itself lists for a control plane.

    Not the web server's: to prepare a machine is to touch it, and another web server must touch none.
    """
    if node.role == "control-plane":
        return []
    return [f"registry.k8s.io/kube-proxy:v{settings.kubernetes_version}", SANDBOX_IMAGE]


def election_timeout(settings: Settings) -> int:
    """etcd's own election timeout, multiplied by `timeoutFactor`, 10 s at most; milliseconds.

    With one member nobody is elected, but etcd gives a request up after 5 s and twice this
    (https://etcd.io/docs/latest/tuning). Its start takes up to this much longer.
    """
    return min(1000 * settings.timeout_factor, 10_000)


def monitor_grace(settings: Settings) -> int:
    """How long a node may be silent until its pods count as lost, multiplied by `timeoutFactor`; seconds, 600 at most.

    Kubernetes' own are 50 s since 1.32
    (https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager). Where everything is
    slow, nodes are late all the time, and each time all their pods are marked and unmarked, which makes it slower.
    """
    return min(50 * settings.timeout_factor, 600)


def _kind(kind: str) -> dict[str, Any]:
    return {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": kind}


def _node_registration(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "criSocket": CRI_SOCKET,
        "imagePullSerial": False,
        "kubeletExtraArgs": [{"name": "node-ip", "value": str(node.address)}],
    }


def _timeouts(settings: Settings) -> dict[str, str]:
    """kubeadm's own defaults, each multiplied by `timeoutFactor`."""
    minutes = {
        "controlPlaneComponentHealthCheck": 4,
        "kubeletHealthCheck": 4,
        "kubernetesAPICall": 1,
        "etcdAPICall": 2,
        "tlsBootstrap": 5,
        "discovery": 5,
    }
    return {name: f"{value * settings.timeout_factor}m0s" for name, value in minutes.items()}
