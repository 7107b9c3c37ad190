"""The pod network: flannel, as typed resources. Follows Documentation/kube-flannel.yml of flannel v0.28.9."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import apps, core, meta, rbac

from components.cluster import KubernetesCluster
from components.flannel_pod import flannel_pod
from components.settings import Settings

NAMESPACE = "kube-flannel"
LABELS = {"tier": "node", "app": "flannel"}


@dataclass(frozen=True, kw_only=True)
class FlannelArgs:
    """What flannel is made from."""

    settings: Settings
    cluster: KubernetesCluster


class Flannel(pulumi.ComponentResource):
    """A VXLAN between the nodes, one /24 of the pod CIDR each."""

    daemon_set: apps.v1.DaemonSet

    def __init__(self, name: str, args: FlannelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:Flannel", name, None, opts)
        child = args.cluster.inside(self)

        namespace = core.v1.Namespace(
            f"{name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(
                name=NAMESPACE,
                # flannel changes the node's network, which the namespace must allow.
                labels={"k8s-app": "flannel", "pod-security.kubernetes.io/enforce": "privileged"},
            ),
            opts=child,
        )
        in_namespace = namespace.metadata.name
        account = core.v1.ServiceAccount(
            f"{name}-service-account",
            metadata=meta.v1.ObjectMetaArgs(name="flannel", namespace=in_namespace, labels={"k8s-app": "flannel"}),
            opts=child,
        )
        role = rbac.v1.ClusterRole(
            f"{name}-cluster-role",
            metadata=meta.v1.ObjectMetaArgs(name="flannel", labels={"k8s-app": "flannel"}),
            rules=[
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["get"]),
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["nodes"], verbs=["get", "list", "watch"]),
                rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["nodes/status"], verbs=["patch"]),
            ],
            opts=child,
        )
        binding = rbac.v1.ClusterRoleBinding(
            f"{name}-cluster-role-binding",
            metadata=meta.v1.ObjectMetaArgs(name="flannel", labels={"k8s-app": "flannel"}),
            role_ref=rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role.metadata.name
            ),
            subjects=[rbac.v1.SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=in_namespace)],
            opts=child,
        )
        config = core.v1.ConfigMap(
            f"{name}-config",
            metadata=meta.v1.ObjectMetaArgs(
                name="kube-flannel-cfg", namespace=in_namespace, labels={**LABELS, "k8s-app": "flannel"}
            ),
            data={"cni-conf.json": cni_configuration(), "net-conf.json": network_configuration(args.settings)},
            opts=child,
        )
        self.daemon_set = apps.v1.DaemonSet(
            f"{name}-daemon-set",
            metadata=meta.v1.ObjectMetaArgs(
                name="kube-flannel-ds", namespace=in_namespace, labels={**LABELS, "k8s-app": "flannel"}
            ),
            spec=apps.v1.DaemonSetSpecArgs(
                selector=meta.v1.LabelSelectorArgs(match_labels={"app": "flannel"}),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=LABELS),
                    spec=flannel_pod(account.metadata.name, config.metadata.name, args.cluster.control_plane.node),
                ),
            ),
            # Without its rights the first pods fail and back off.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[binding])),
        )
        self.register_outputs({"daemonSet": self.daemon_set.id})


def cni_configuration() -> str:
    """What the kubelet's runtime reads: flannel for the pod's interface, portmap for host ports."""
    plugins = [
        {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    return json.dumps({"name": "cbr0", "cniVersion": "0.3.1", "plugins": plugins}, indent=2)


def network_configuration(settings: Settings) -> str:
    """What flanneld reads; its network is kubeadm's pod CIDR, or no pod would reach another."""
    return json.dumps(
        {"Network": str(settings.pod_cidr), "EnableNFTables": False, "Backend": {"Type": "vxlan"}}, indent=2
    )
