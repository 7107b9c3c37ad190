"""SSH key pairs, made once and kept in the stack as secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_command import local

from components.nodes import Node
from components.remote import script_text


@dataclass(frozen=True, kw_only=True)
class SshKey:
    """An ed25519 key pair."""

    private: pulumi.Output[str]
    """OpenSSH's private key format, with its closing newline; a secret."""
    public: pulumi.Output[str]
    """The line of the .pub file, without a comment."""


@dataclass(frozen=True, kw_only=True)
class SshKeysArgs:
    """Who needs a key."""

    nodes: Sequence[Node]


class SshKeys(pulumi.ComponentResource):
    """One key to log in with, and a host key for each machine, known before the machine first boots."""

    login: SshKey
    hosts: dict[str, SshKey]
    """Host keys by node name."""

    def __init__(self, name: str, args: SshKeysArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kubeadm-libvirt:index:SshKeys", name, None, opts)
        self.login = self._key(f"{name}-login-key")
        self.hosts = {node.name: self._key(f"{name}-{node.name}-host-key") for node in args.nodes}
        self.register_outputs({"login": self.login.public})

    def _key(self, name: str) -> SshKey:
        command = local.Command(
            name,
            create=script_text("make-ssh-key.sh"),
            interpreter=["bash", "-c"],
            logging=local.Logging.NONE,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(
                parent=self,
                additional_secret_outputs=["stdout"],
                # Any changed input would run `create` again: a comment edited in the script would make new keys, and
                # with them replace every machine.
                ignore_changes=["create", "interpreter", "logging", "addPreviousOutputInEnv"],
            ),
        )
        return SshKey(
            private=command.stdout.apply(lambda text: text.rsplit("\n", 1)[0] + "\n"),
            public=pulumi.Output.unsecret(command.stdout.apply(lambda text: text.rsplit("\n", 1)[1])),
        )
