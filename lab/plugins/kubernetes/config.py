"""The provider's arguments and the kubeconfig in them. Pure.

Source: pulumi-kubernetes provider/pkg/provider/provider.go (CheckConfig, DiffConfig, Configure).
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.plugins.common.errors import PluginError, unsupported

_IGNORED = {
    "enableServerSideApply",  # always on
    "skipUpdateUnreachable",
    "suppressDeprecationWarnings",
    "suppressHelmHookWarnings",
    "helmReleaseSettings",
    "kubeClientSettings",
    "version",
    "pluginDownloadURL",
}
_NOT_HERE = {"renderYamlToDirectory", "alwaysRender", "cluster"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where the API server is, and how to show who asks."""

    server: str
    authority: bytes | None = None
    verify: bool = True
    certificate: bytes | None = None
    key: bytes | None = None
    token: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """The provider's arguments."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    delete_unreachable: bool = False
    patch_force: bool = False
    upsert: bool = False
    mutable_config_maps: bool = False
    mutable_secrets: bool = False

    @classmethod
    def of(cls, arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Config:
        """The arguments as the engine sends them (plain strings), with the environment's defaults."""

        def flag(name: str, variable: str) -> bool:
            value = arguments.get(name)
            if value in (None, ""):
                value = environment.get(f"PULUMI_K8S_{variable}", "")
            return str(value).lower() in ("true", "1")

        for name in sorted(_NOT_HERE & {name for name, value in arguments.items() if value not in (None, "", "false")}):
            raise unsupported(f"the provider argument {name}", "kubeconfig, context, namespace and clusterIdentifier")
        return cls(
            kubeconfig=str(arguments.get("kubeconfig") or ""),
            context=str(arguments.get("context") or ""),
            namespace=str(arguments.get("namespace") or ""),
            delete_unreachable=flag("deleteUnreachable", "DELETE_UNREACHABLE"),
            patch_force=flag("enablePatchForce", "ENABLE_PATCH_FORCE"),
            upsert=flag("upsertExistingObjects", "UPSERT_EXISTING_OBJECTS"),
            mutable_config_maps=flag("enableConfigMapMutable", "ENABLE_CONFIGMAP_MUTABLE"),
            mutable_secrets=flag("enableSecretMutable", "ENABLE_SECRET_MUTABLE"),
        )

    def cluster(self) -> Cluster:
        """The cluster that the kubeconfig, which is text or a path, names as the current one."""
        return parse_kubeconfig(self.kubeconfig, self.context)


def parse_kubeconfig(text: str, context: str = "") -> Cluster:
    """Reads a kubeconfig with client certificates or a token."""
    document = _load(text)
    name = context or document.get("current-context") or ""
    chosen = _entry(document, "contexts", "context", name)
    cluster = _entry(document, "clusters", "cluster", chosen.get("cluster", ""))
    user = _entry(document, "users", "user", chosen["user"]) if chosen.get("user") else {}
    for way in ("exec", "auth-provider", "username"):
        if way in user:
            raise unsupported(f"authentication by {way} in the kubeconfig", "client certificates and tokens")
    if not cluster.get("server"):
        raise PluginError("the kubeconfig names no server")
    return Cluster(
        server=str(cluster["server"]).rstrip("/"),
        authority=_data(cluster, "certificate-authority"),
        verify=not cluster.get("insecure-skip-tls-verify", False),
        certificate=_data(user, "client-certificate"),
        key=_data(user, "client-key"),
        token=user.get("token"),
        server_name=cluster.get("tls-server-name"),
    )


def active_cluster(text: str, context: str = "") -> Any:
    """The current cluster's part of a kubeconfig, or None: what tells two clusters apart when nothing better does."""
    try:
        document = _load(text)
        chosen = _entry(document, "contexts", "context", context or document.get("current-context") or "")
        return _entry(document, "clusters", "cluster", chosen.get("cluster", ""))
    except PluginError:
        return None


def _load(text: str) -> dict[str, Any]:
    if not text.strip():
        raise PluginError(
            "the Kubernetes provider has no kubeconfig: give `kubeconfig` to an explicit provider "
            "(the lab's stand-in never uses the one in your home directory)"
        )
    if "\n" not in text and not text.lstrip().startswith("{"):
        try:
            text = Path(text).expanduser().read_text()
        except OSError as error:
            raise PluginError(f"the kubeconfig {text!r} cannot be read: {error.strerror}") from error
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # Not the parser's text: it quotes the document, which holds a private key.
        raise PluginError("the kubeconfig is not YAML") from error
    if not isinstance(document, dict):
        raise PluginError("the kubeconfig is not a map")
    return document


def _entry(document: Mapping[str, Any], listing: str, kind: str, name: str) -> dict[str, Any]:
    for entry in document.get(listing) or []:
        if entry.get("name") == name:
            return dict(entry.get(kind) or {})
    raise PluginError(f"the kubeconfig has no {kind} named {name!r}")


def _data(values: Mapping[str, Any], name: str) -> bytes | None:
    if values.get(f"{name}-data"):
        try:
            return base64.b64decode(values[f"{name}-data"], validate=True)
        except binascii.Error as error:
            raise PluginError(f"the kubeconfig's {name}-data is not base64") from error
    if values.get(name):
        try:
            return Path(values[name]).read_bytes()
        except OSError as error:
            raise PluginError(f"the kubeconfig's {name} {values[name]!r} cannot be read: {error.strerror}") from error
    return None
