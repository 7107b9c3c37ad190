"""The web server of the tutorial: an nginx Deployment and a NodePort Service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import apps, core, meta, policy

from components.cluster import KubernetesCluster
from components.replica_rules import MEBIBYTES, MILLICPUS
from components.settings import Settings

NAME = "nginx"
NAMESPACE = "default"
LABELS = {"app": NAME}
PORT = 80
WITHDRAWAL_SECONDS, MOST_WITHDRAWAL_SECONDS = 10, 60
"""How long a pod that goes serves on, before `timeoutFactor`, and at most. Emulated nodes that have nothing else to do
send it requests for up to 8 s more; beside a fourth machine one request met no answer after 10 s. A node with next to
no processor time did for 160 s, which no wait covers."""
FAILURES = 3
"""Kubernetes' own failureThreshold of a probe, before `timeoutFactor`. A node that is short of processor time answers
probes late for minutes; with its pods counted out, and no others, every node refuses requests at once."""
GRACE_SECONDS = 30
"""How long it then has to answer what it has begun: as long as Kubernetes gives to both together by default."""


@dataclass(frozen=True, kw_only=True)
class WebServerArgs:
    """What the web server is made from."""

    settings: Settings
    cluster: KubernetesCluster
    after: Sequence[pulumi.Resource]
    """What must be there first: pods made before their node's network back off for minutes."""


class WebServer(pulumi.ComponentResource):
    """Pods that serve HTTP, and a port on every node that leads to them."""

    deployment: apps.v1.Deployment
    service: core.v1.Service

    def __init__(self, name: str, args: WebServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:WebServer", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions.merge(
            args.cluster.inside(self),
            # Pods made before their node's network is up back off for minutes.
            pulumi.ResourceOptions(depends_on=list(args.after)),
        )

        self.deployment = apps.v1.Deployment(
            f"{name}-deployment",
            metadata=meta.v1.ObjectMetaArgs(name=NAME, namespace=NAMESPACE, labels=LABELS),
            spec=apps.v1.DeploymentSpecArgs(
                replicas=settings.web_server_replicas,
                selector=meta.v1.LabelSelectorArgs(match_labels=LABELS),
                template=core.v1.PodTemplateSpecArgs(
                    metadata=meta.v1.ObjectMetaArgs(labels=LABELS), spec=_pod(settings)
                ),
            ),
            opts=child,
        )
        self.service = core.v1.Service(
            f"{name}-service",
            metadata=meta.v1.ObjectMetaArgs(name=NAME, namespace=NAMESPACE, labels=LABELS),
            spec=core.v1.ServiceSpecArgs(
                type="NodePort",
                selector=LABELS,
                # The API's own defaults, which decide whether every node leads to the pods. Stated, for a refresh sees
                # what somebody has changed with kubectl only in fields that the program states. What the API server
                # leaves out of its answers, such as a false publishNotReadyAddresses, would be missing in every run.
                external_traffic_policy="Cluster",
                internal_traffic_policy="Cluster",
                session_affinity="None",
                ports=[
                    core.v1.ServicePortArgs(
                        name="http", port=PORT, target_port="http", protocol="TCP", node_port=settings.node_port
                    )
                ],
            ),
            opts=child,
        )
        # A drain moves the pods one at a time, each after the one before serves elsewhere; a single one may go.
        policy.v1.PodDisruptionBudget(
            f"{name}-disruption-budget",
            metadata=meta.v1.ObjectMetaArgs(name=NAME, namespace=NAMESPACE, labels=LABELS),
            spec=policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1, selector=meta.v1.LabelSelectorArgs(match_labels=LABELS)
            ),
            opts=child,
        )
        self.register_outputs({"deployment": self.deployment.id, "service": self.service.id})


def _pod(settings: Settings) -> core.v1.PodSpecArgs:
    withdrawal = min(WITHDRAWAL_SECONDS * settings.timeout_factor, MOST_WITHDRAWAL_SECONDS)
    return core.v1.PodSpecArgs(
        termination_grace_period_seconds=withdrawal + GRACE_SECONDS,
        containers=[
            core.v1.ContainerArgs(
                name=NAME,
                image=settings.web_server_image,
                image_pull_policy="IfNotPresent",  # a registry that is away must not keep a node from what it has
                ports=[core.v1.ContainerPortArgs(name="http", container_port=PORT, protocol="TCP")],
                readiness_probe=_probe(settings, period=5),
                liveness_probe=_probe(settings, period=20),
                # Nodes learn seconds after the fact that a pod goes, and send it requests until then.
                lifecycle=core.v1.LifecycleArgs(
                    pre_stop=core.v1.LifecycleHandlerArgs(sleep=core.v1.SleepActionArgs(seconds=withdrawal))
                ),
                resources=core.v1.ResourceRequirementsArgs(
                    requests={"cpu": f"{MILLICPUS}m", "memory": f"{MEBIBYTES}Mi"}
                ),
            )
        ],
        # One replica a node where there is room, so that a node that goes takes only its share.
        topology_spread_constraints=[
            core.v1.TopologySpreadConstraintArgs(
                max_skew=1,
                topology_key="kubernetes.io/hostname",
                when_unsatisfiable="ScheduleAnyway",
                label_selector=meta.v1.LabelSelectorArgs(match_labels=LABELS),
            )
        ],
    )


def _probe(settings: Settings, *, period: int) -> core.v1.ProbeArgs:
    return core.v1.ProbeArgs(
        http_get=core.v1.HTTPGetActionArgs(path="/", port="http"),
        period_seconds=period,
        timeout_seconds=10,  # the default of 1 s fails on a busy emulated machine
        failure_threshold=FAILURES * settings.timeout_factor,
    )
