"""The pod that flannel runs on every node. Follows Documentation/kube-flannel.yml of flannel v0.28.9."""

from __future__ import annotations

import pulumi
from pulumi_kubernetes import core

from components.kubeadm import API_PORT
from components.nodes import Node
from components.replica_rules import FLANNELS_MEBIBYTES, FLANNELS_MILLICPUS

IMAGE = "ghcr.io/flannel-io/flannel:v0.28.10"
CNI_PLUGIN_IMAGE = "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1-flannel3"
FLANNEL_IMAGES = (IMAGE, CNI_PLUGIN_IMAGE)


def flannel_pod(account: pulumi.Input[str], config: pulumi.Input[str], control_plane: Node) -> core.v1.PodSpecArgs:
    """The pod of a node; `account` and `config` are the names of its service account and its ConfigMap."""
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
