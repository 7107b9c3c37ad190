"""The Kubernetes cluster: every machine prepared at once, `kubeadm init`, joins, and the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_command import remote

from components import kubeadm
from components.cluster_scripts import initialisation, kubeconfig_reading, membership, preparation
from components.machine import Machine
from components.rebuild import say_what_is_made_anew
from components.remote import RemoteScript, run_script
from components.settings import Settings


@dataclass(frozen=True, kw_only=True)
class KubernetesClusterArgs:
    """What the cluster is made from."""

    settings: Settings
    control_plane: Machine
    workers: Sequence[Machine]
    early_images: Sequence[str]
    """Images that will run on every node; pulled while machines are prepared, before anything waits for them."""


class KubernetesCluster(pulumi.ComponentResource):
    """A cluster whose API server answers and whose workers have joined. Nodes are Ready only once flannel runs."""

    control_plane: Machine
    machines: list[Machine]
    """The control plane, then the workers."""
    kubeconfig: pulumi.Output[str]
    """The administrator's kubeconfig; a secret."""
    provider: kubernetes.Provider
    joins: list[remote.Command]
    """One a worker; done when its node has registered."""
    join_token: pulumi.Output[str]
    """The token that the first worker joined with; deleted since, and a secret all the same."""
    join_command: pulumi.Output[str]

    def __init__(self, name: str, args: KubernetesClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:KubernetesCluster", name, None, opts)
        self._name, self._settings, self._early_images = name, args.settings, args.early_images
        self.control_plane, self.machines = args.control_plane, [args.control_plane, *args.workers]

        prepared = {machine: self._prepare(machine) for machine in self.machines}
        initialised = self._initialise(prepared[args.control_plane])
        self.kubeconfig = self._read_kubeconfig(initialised).stdout
        self.joins = [self._join(worker, prepared[worker], initialised) for worker in args.workers]
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig=self.kubeconfig,
            # While a preview does not know the kubeconfig, this tells it that the cluster is still the same one;
            # without it every resource in the cluster would be shown as replaced.
            cluster_identifier=args.control_plane.made.id,
            # A run that was killed may have made an object that the state does not know; it is taken over.
            upsert_existing_objects=True,
            # What somebody has changed by hand, with kubectl scale for example, is theirs since; `up` takes it back.
            enable_patch_force=True,
            kube_client_settings=_patience(args.settings.timeout_factor),
            opts=pulumi.ResourceOptions(parent=self),
        )
        result = self.joins[0].stdout
        self.join_token = result.apply(lambda text: text.split("\n")[0])
        self.join_command = pulumi.Output.concat(
            f"kubeadm join {args.control_plane.node.address}:{kubeadm.API_PORT} --token ",
            self.join_token,
            " --discovery-token-ca-cert-hash ",
            result.apply(lambda text: text.split("\n")[1]),
        )
        self.register_outputs({"kubeconfig": self.kubeconfig, "rebuilt": say_what_is_made_anew(args.control_plane)})

    def inside(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        """Options of a resource that lives in this cluster."""
        limit = f"{10 * self._settings.timeout_factor}m"
        return pulumi.ResourceOptions(
            parent=parent,
            provider=self.provider,
            # Nobody must ask the API server of a cluster that goes anyway: destroy would hang where it is dead, and
            # where the cluster is built anew, one with another certificate answers in its place. The provider is that
            # of one cluster. The machine would not do: it is deleted before it is replaced, which the engine forgets.
            deleted_with=self.provider,
            # The provider's 10 minutes are too short under emulation.
            custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit),
        )

    def _prepare(self, machine: Machine) -> remote.Command:
        script = preparation(self._settings, machine.node, self._early_images)
        return self._run(f"{machine.node.name}-prepare", script, machine, triggers=[machine.domain.id])

    def _initialise(self, prepared: remote.Command) -> remote.Command:
        machine = self.control_plane
        script = initialisation(self._settings, machine.node)
        # After prepare: without kubeadm and a container runtime there is nothing to run.
        return self._run(f"{machine.node.name}-init", script, machine, triggers=[machine.domain.id], after=[prepared])

    def _read_kubeconfig(self, initialised: remote.Command) -> remote.Command:
        machine = self.control_plane
        # After init: the file is not there before.
        return self._run(
            f"{machine.node.name}-kubeconfig",
            kubeconfig_reading(self._settings),
            machine,
            triggers=[machine.domain.id],
            after=[initialised],
        )

    def _join(self, worker: Machine, prepared: remote.Command, initialised: remote.Command) -> remote.Command:
        control_plane = self.control_plane
        return self._run(
            f"{worker.node.name}-join",
            membership(self._settings, control_plane.node, worker.node, worker.host_public_key),
            control_plane,
            # A control plane that keeps its disk keeps its nodes; a worker leaves whenever its machine goes.
            triggers=[control_plane.made.id, worker.domain.id],
            # After prepare: kubeadm must be on the worker. After init: only a living API server takes nodes.
            after=[prepared, initialised],
            # A worker that is replaced leaves (drained, its Node deleted) before its machine goes and joins anew
            # after; the other way round the new node would be deleted.
            delete_before_replace=True,
        )

    def _run(
        self,
        name: str,
        script: RemoteScript,
        machine: Machine,
        *,
        triggers: Sequence[pulumi.Input[str]],
        after: Sequence[pulumi.Resource] = (),
        delete_before_replace: bool = False,
    ) -> remote.Command:
        """Runs `script` on `machine`, anew when one of the `triggers` changes, and gone with `machine`."""
        return run_script(
            f"{self._name}-{name}",
            script,
            connection=machine.connection,
            timeout_factor=self._settings.timeout_factor,
            triggers=triggers,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(after),
                # Destroy must not log in to a machine that goes anyway; it would hang where the machine is dead.
                # Not with its domain: a refresh forgets one that is gone, and that anything was to go with it.
                deleted_with=machine.made,
                delete_before_replace=delete_before_replace or None,
            ),
        )


def _patience(timeout_factor: int) -> kubernetes.KubeClientSettingsArgs | None:
    """The provider's time limit for one request, where it is not its own.

    An API server's schema is the first thing that the provider asks for. In the 32 s that it waits for it, a slow API
    server that workers join at the same time has not worked it out, and the cluster counts as unreachable.
    """
    return kubernetes.KubeClientSettingsArgs(timeout=32 * timeout_factor) if timeout_factor > 1 else None
