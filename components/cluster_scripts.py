"""What the cluster runs on its machines, with the inputs of each script; time limits in them have `timeoutFactor`."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components import cloud_init, kubeadm
from components.nodes import Node
from components.remote import RemoteScript, script_text
from components.settings import Settings

TOKEN_MINUTES = 15
"""Life of a join token before `timeoutFactor`, should the join that deletes it be killed."""


def preparation(settings: Settings, node: Node, early_images: Sequence[str]) -> RemoteScript:
    """Makes a machine ready for kubeadm and pulls what will run on it, `early_images` among it."""
    images = [*kubeadm.early_images(settings, node), *early_images]
    mirrors = [f"{registry} {url}" for registry, url in sorted(settings.image_mirrors.items())]
    return RemoteScript(
        file="prepare-node.sh",
        seconds=1200,
        inputs={
            "ROLE": node.role,
            "CONTAINER_RUNTIME": settings.container_runtime,
            "SYSTEM_UPGRADE": str(settings.system_upgrade),
            "KUBERNETES_VERSION": settings.kubernetes_version,
            "KUBERNETES_REPOSITORY": settings.kubernetes_repository,
            "APT_MIRROR": settings.apt_mirror,
            "APT_MIRROR_KEY": settings.apt_mirror_key,
            "IMAGE_MIRRORS": "\n".join(mirrors),
            "SANDBOX_IMAGE": kubeadm.SANDBOX_IMAGE,
            "IMAGES": "\n".join(images),
            "PATIENCE_SECONDS": str(300 * settings.timeout_factor),
        },
    )


def initialisation(settings: Settings, control_plane: Node) -> RemoteScript:
    """Makes the control plane, or brings one that is there to what is wanted."""
    return RemoteScript(
        file="init-control-plane.sh",
        seconds=900,
        inputs={
            "KUBEADM_CONFIGURATION": kubeadm.init_documents(settings, control_plane).rstrip("\n"),
            "LOGIN_USER": cloud_init.LOGIN_USER,
            "PATCHES": kubeadm.PATCHES,
            "LIVENESS_FAILURES": str(kubeadm.LIVENESS_FAILURES * settings.timeout_factor),
            "READINESS_PERIOD": str(kubeadm.READINESS_PERIOD * settings.timeout_factor),
            "ELECTION_TIMEOUT": str(kubeadm.election_timeout(settings)),
            "MONITOR_GRACE": str(kubeadm.monitor_grace(settings)),
            "API_SECONDS": str(240 * settings.timeout_factor),
            "RENEWAL_DAYS": str(kubeadm.RENEWAL_DAYS),
            "CONTROL_PLANE_FILES": "\n".join(kubeadm.CONTROL_PLANE_FILES),
            "ADDONS": " ".join(kubeadm.ADDONS),
            "RECORDS": " ".join(kubeadm.RECORDS),
        },
    )


def kubeconfig_reading(settings: Settings) -> RemoteScript:
    """Prints the administrator's kubeconfig once the API server answers."""
    limit = {"API_SECONDS": str(180 * settings.timeout_factor)}
    return RemoteScript(file="read-kubeconfig.sh", seconds=300, inputs=limit, secret_result=True)


def membership(
    settings: Settings, control_plane: Node, worker: Node, host_public_key: pulumi.Input[str]
) -> RemoteScript:
    """Joins a worker, and has it leave; runs on the control plane, which checks the worker's host key."""
    factor = settings.timeout_factor
    return RemoteScript(
        file="worker-membership.sh",
        seconds=1200,
        inputs={
            "WORKER_NAME": worker.name,
            "WORKER_ADDRESS": str(worker.address),
            "WORKER_HOST_KEY": host_public_key,
            "LOGIN_USER": cloud_init.LOGIN_USER,
            "JOIN_SCRIPT": script_text("common.sh") + script_text("join-worker.sh"),
            "JOIN_CONFIGURATION": kubeadm.join_document(settings, control_plane, worker),
            "TOKEN_MINUTES": str(TOKEN_MINUTES * factor),
            "REACH_SECONDS": str(300 * factor),
            "API_SECONDS": str(60 * factor),
            "REGISTER_SECONDS": str(120 * factor),
            "DRAIN_SECONDS": str(120 * factor),
        },
        delete_argument="leave",
        secret_result=True,
    )
