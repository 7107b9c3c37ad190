"""The pod network: flannel, as typed resources. Follows Documentation/kube-flannel.yml of flannel v0.28.9."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import apps, core, meta, rbac

from components.cluster import KubernetesCluster
from components.kubeadm import API_PORT
from components.nodes import Node
from components.replica_rules import FLANNELS_MEBIBYTES, FLANNELS_MILLICPUS
from components.settings import Settings

IMAGE = "ghcr.io/flannel-io/flannel:v0.28.10"
CNI_PLUGIN_IMAGE = "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3"
IMAGES = (IMAGE, CNI_PLUGIN_IMAGE)
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
                    spec=_pod(account.metadata.name, config.metadata.name, args.cluster.control_plane.node),
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


def _mount(name: str, path: str) -> core.v1.VolumeMountArgs:
    return core.v1.VolumeMountArgs(name=name, mount_path=path)


def _host_path(name: str, path: str, kind: str | None = None) -> core.v1.VolumeArgs:
    return core.v1.VolumeArgs(name=name, host_path=core.v1.HostPathVolumeSourceArgs(path=path, type=kind))


def _probe(path: str, *, delay: int, period: int) -> core.v1.ProbeArgs:
    return core.v1.ProbeArgs(
        http_get=core.v1.HTTPGetActionArgs(path=path, port="healthz"),
        initial_delay_seconds=delay,
        period_seconds=period,
        timeout_seconds=10,  # upstream's 1 s restarts flannel on a busy emulated machine
    )


def _field(name: str, path: str) -> core.v1.EnvVarArgs:
    reference = core.v1.ObjectFieldSelectorArgs(field_path=path)
    return core.v1.EnvVarArgs(name=name, value_from=core.v1.EnvVarSourceArgs(field_ref=reference))


def _pod(account: pulumi.Input[str], config: pulumi.Input[str], control_plane: Node) -> core.v1.PodSpecArgs:
    return core.v1.PodSpecArgs(
        host_network=True,
        priority_class_name="system-node-critical",
        node_selector={"kubernetes.io/os": "linux"},
        # It makes nodes Ready, so it must run on nodes that are not.
        tolerations=[core.v1.TolerationArgs(operator="Exists", effect="NoSchedule")],
        service_account_name=account,
        init_containers=[
            core.v1.ContainerArgs(
                name="install-cni-plugin",
                image=CNI_PLUGIN_IMAGE,
                command=["cp"],
                args=["-f", "/flannel", "/opt/cni/bin/flannel"],
                volume_mounts=[_mount("cni-plugin", "/opt/cni/bin")],
            ),
            core.v1.ContainerArgs(
                name="install-cni",
                image=IMAGE,
                command=["/opt/bin/install-conf"],
                args=["/etc/kube-flannel/cni-conf.json", "/etc/cni/net.d/10-flannel.conflist"],
                volume_mounts=[_mount("cni", "/etc/cni/net.d"), _mount("flannel-cfg", "/etc/kube-flannel/")],
            ),
        ],
        containers=[
            core.v1.ContainerArgs(
                name="kube-flannel",
                image=IMAGE,
                command=["/opt/bin/flanneld"],
                args=["--ip-masq", "--kube-subnet-mgr", "--healthz-port=8081"],
                ports=[core.v1.ContainerPortArgs(name="healthz", container_port=8081, protocol="TCP")],
                liveness_probe=_probe("/healthz", delay=10, period=30),
                readiness_probe=_probe("/readyz", delay=5, period=10),
                resources=core.v1.ResourceRequirementsArgs(
                    requests={"cpu": f"{FLANNELS_MILLICPUS}m", "memory": f"{FLANNELS_MEBIBYTES}Mi"}
                ),
                security_context=core.v1.SecurityContextArgs(
                    privileged=False, capabilities=core.v1.CapabilitiesArgs(add=["NET_ADMIN", "NET_RAW"])
                ),
                env=[
                    _field("POD_NAME", "metadata.name"),
                    _field("POD_NAMESPACE", "metadata.namespace"),
                    # Straight to the API server. Its cluster IP works only once kube-proxy has set it up on this node;
                    # where flannel was first it ended, and backed off for minutes.
                    core.v1.EnvVarArgs(name="KUBERNETES_SERVICE_HOST", value=str(control_plane.address)),
                    core.v1.EnvVarArgs(name="KUBERNETES_SERVICE_PORT", value=str(API_PORT)),
                    core.v1.EnvVarArgs(name="EVENT_QUEUE_DEPTH", value="5000"),
                    core.v1.EnvVarArgs(name="CONT_WHEN_CACHE_NOT_READY", value="false"),
                ],
                volume_mounts=[
                    _mount("run", "/run/flannel"),
                    _mount("flannel-cfg", "/etc/kube-flannel/"),
                    _mount("xtables-lock", "/run/xtables.lock"),
                ],
            )
        ],
        volumes=[
            _host_path("run", "/run/flannel"),
            _host_path("cni-plugin", "/opt/cni/bin"),
            _host_path("cni", "/etc/cni/net.d"),
            _host_path("xtables-lock", "/run/xtables.lock", "FileOrCreate"),
            core.v1.VolumeArgs(name="flannel-cfg", config_map=core.v1.ConfigMapVolumeSourceArgs(name=config)),
        ],
    )
