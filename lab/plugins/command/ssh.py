"""One SSH connection to a machine, whose host key is pinned when it is given."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh

from lab.plugins.command.dial import NoRetryError, reason
from lab.plugins.common.errors import PluginError

KEEPALIVE_SECONDS = 15
# A machine that is gone is noticed after five minutes, one that was rebooted at once. Less would take an emulated one,
# which is silent for a minute when three boot at a time, for gone.
KEEPALIVE_COUNT = 20
# perDialTimeout bounds the TCP connection only, as in the official plugin: a booting machine needs longer for the rest.
HANDSHAKE_SECONDS = 120
_OTHER_HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a command runs, and who runs it."""

    host: str
    port: int
    user: str
    dial_error_limit: int
    per_dial_timeout: int
    keys: tuple[asyncssh.SSHKey, ...] = ()
    password: str | None = None
    host_key: asyncssh.SSHKey | None = None

    def __str__(self) -> str:
        return f"ssh {self.user}@{self.host} port {self.port}"

    @classmethod
    def of(cls, connection: Mapping[str, Any]) -> Target:
        """The `connection` input, checked and with its defaults."""
        keys: tuple[asyncssh.SSHKey, ...] = ()
        if connection.get("privateKey"):
            try:
                keys = (asyncssh.import_private_key(connection["privateKey"], connection.get("privateKeyPassword")),)
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
                raise PluginError(f"connection.privateKey: {error}") from error
        host_key = None
        if connection.get("hostKey") is not None:
            try:
                host_key = asyncssh.import_public_key(connection["hostKey"])
            except asyncssh.KeyImportError as error:
                raise PluginError(f"failed to parse connection.hostKey: {error}") from error
        return cls(
            host=connection["host"],
            port=int(connection["port"]),
            user=connection["user"],
            dial_error_limit=int(connection["dialErrorLimit"]),
            per_dial_timeout=int(connection["perDialTimeout"]),
            keys=keys,
            password=connection.get("password"),
            host_key=host_key,
        )


class _Client(asyncssh.SSHClient):
    """Remembers the host key that was refused: asyncssh's own error does not tell it."""

    refused: asyncssh.SSHKey | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        """Called for a key that is not the expected one."""
        self.refused = key
        return False


async def dial(target: Target) -> asyncssh.SSHClientConnection:
    """Dials once. Raises NoRetryError when the machine shows another host key than the expected one."""
    sock = await asyncio.wait_for(_connect(target), target.per_dial_timeout or None)
    client = _Client()
    expected = target.host_key
    try:
        connection: asyncssh.SSHClientConnection = await asyncio.wait_for(
            asyncssh.connect(
                target.host,
                target.port,
                sock=sock,
                config=None,
                username=target.user,
                client_keys=list(target.keys) or None,  # an empty list would mean the user's own keys
                password=target.password,
                agent_path=None,
                known_hosts=None if expected is None else ([expected], [], []),
                # The expected type first: sshd then shows that key if it has it, or another one for the message.
                server_host_key_algs=None if expected is None else _host_key_algorithms(expected),
                client_factory=lambda: client,
                keepalive_interval=KEEPALIVE_SECONDS,
                keepalive_count_max=KEEPALIVE_COUNT,
            ),
            HANDSHAKE_SECONDS,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        seen = client.refused.get_fingerprint() if client.refused else reason(error)
        wanted = expected.get_fingerprint() if expected else "none"
        raise NoRetryError(
            f"{target}: the host key is not the expected one: expected {wanted}, seen {seen}. "
            "Another machine answers at this address, or the machine was rebuilt with another key."
        ) from error
    except asyncssh.Error as error:
        sock.close()
        raise PluginError(reason(error)) from error
    except BaseException:
        sock.close()
        raise
    return connection


async def _connect(target: Target) -> socket.socket:
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    last: OSError = ConnectionError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            last = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise last


def _host_key_algorithms(expected: asyncssh.SSHKey) -> list[str]:
    names = [name.decode() for name in expected.sig_algorithms]
    return list(dict.fromkeys([*names, *_OTHER_HOST_KEYS]))
