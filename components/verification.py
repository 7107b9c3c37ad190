"""The end state, checked and not assumed: nodes Ready, DNS answering in a pod, HTTP answering on every node."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_command import remote

from components import web_server
from components.cluster import KubernetesCluster
from components.machine import Machine
from components.remote import RemoteScript, run_script
from components.settings import Settings

HTTP_SECONDS = 120
"""How long a node may take to answer HTTP, before `timeoutFactor`."""
IN_A_ROW = 8
"""How often. Each connection goes to any of the service's pods, also on other nodes: one answer would be luck."""


@dataclass(frozen=True, kw_only=True)
class CheckArgs:
    """What a check on the control plane needs."""

    settings: Settings
    cluster: KubernetesCluster
    after: Sequence[pulumi.Resource]
    """What must be there for the check to come true."""


class NodesReady(pulumi.ComponentResource):
    """Every node is Ready at the wanted version."""

    check: remote.Command

    def __init__(self, name: str, args: CheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:NodesReady", name, None, opts)
        machines = args.cluster.machines
        script = RemoteScript(
            file="wait-for-nodes.sh",
            seconds=720,
            inputs={
                "NODES": "\n".join(machine.node.name for machine in machines),
                "KUBERNETES_VERSION": args.settings.kubernetes_version,
                "READY_SECONDS": str(600 * args.settings.timeout_factor),
            },
        )
        self.check = _on_control_plane(f"{name}-check", script, args, machines, parent=self)
        self.register_outputs({})


class ClusterDns(pulumi.ComponentResource):
    """CoreDNS has answered a lookup from one of the web server's pods."""

    check: remote.Command

    def __init__(self, name: str, args: CheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:ClusterDns", name, None, opts)
        script = RemoteScript(
            file="check-cluster-dns.sh",
            seconds=360,
            inputs={
                "NAMESPACE": web_server.NAMESPACE,
                "WORKLOAD": f"deployment/{web_server.NAME}",
                "DNS_SECONDS": str(300 * args.settings.timeout_factor),
            },
        )
        self.check = _on_control_plane(f"{name}-check", script, args, [args.cluster.control_plane], parent=self)
        self.register_outputs({})


def answering(
    urls: Sequence[str], settings: Settings, after: Sequence[pulumi.CustomResource]
) -> pulumi.Output[list[str]]:
    """The URLs, once each of them has answered 200 IN_A_ROW times in this very run. A preview asks nobody.

    The run fails, with the last thing seen, when one does not answer within HTTP_SECONDS times `timeoutFactor`.
    """

    async def ask(_: object) -> list[str]:
        if not pulumi.runtime.is_dry_run():
            limit = HTTP_SECONDS * settings.timeout_factor
            await asyncio.gather(*(_answers(url, limit) for url in urls))
        return list(urls)

    return pulumi.Output.all(*(resource.id for resource in after)).apply(ask)


async def _answers(url: str, seconds: float) -> None:
    deadline, answers = time.monotonic() + seconds, 0
    while answers < IN_A_ROW:
        if (seen := await asyncio.to_thread(_status, url)) == "200":
            answers += 1
            continue
        answers = 0
        if time.monotonic() > deadline:
            raise pulumi.RunError(
                f"{url} did not answer 200 within {seconds:.0f} s. Last seen: {seen}. The cluster is there: look at "
                "its pods (README, troubleshooting), then run pulumi up again."
            )
        await asyncio.sleep(1)


def _status(url: str) -> str:
    # No proxy: the machines are on this host's own network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return str(error)


def _on_control_plane(
    name: str, script: RemoteScript, args: CheckArgs, machines: Sequence[Machine], *, parent: pulumi.Resource
) -> remote.Command:
    return run_script(
        name,
        script,
        connection=args.cluster.control_plane.connection,
        timeout_factor=args.settings.timeout_factor,
        triggers=[machine.domain.id for machine in machines],
        opts=pulumi.ResourceOptions(
            parent=parent,
            # Before them the check could only run out of time.
            depends_on=list(args.after),
            # Destroy must not log in to a machine that goes anyway; it would hang where the machine is dead.
            deleted_with=args.cluster.control_plane.made,
        ),
    )
