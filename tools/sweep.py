"""Removes everything in libvirt that has a cluster's names, or what of it the state does not have."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.leftovers import Leftovers, RefusedError
from components.network import bridge_name
from components.settings import Settings
from components.virsh import LeftoversError, Virsh
from tools.stack_state import StackState
from tools.stale_bridge import remove_stale_bridge


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster's names in libvirt."""

    name: str
    directory: Path

    @property
    def bridge(self) -> str:
        """The bridge of its network."""
        return bridge_name(Settings.model_construct(cluster_name=self.name))

    @property
    def own_directory(self) -> bool:
        """Whether the directory, too, is named after the cluster."""
        return self.directory == Settings.model_construct(cluster_name=self.name, storage_path="").storage_directory

    def owns_domain(self, name: str) -> bool:
        """Whether a domain of that name would be one of our machines."""
        return bool(re.fullmatch(rf"{re.escape(self.name)}-(control-plane|worker)-\d+", name))

    def owns_volume(self, name: str) -> bool:
        """Whether a file of that name in our directory would be one of our base images, disks or seeds."""
        machines = rf"{re.escape(self.name)}-(control-plane|worker)-\d+(\.qcow2|-seed(-[0-9a-f]{{12}})?\.iso)"
        return bool(re.fullmatch(rf"base-[0-9a-f]{{12}}\.qcow2|{machines}", name))


class Sweep:
    """Removes what is ours, says what it did, and remembers whether something of ours was left."""

    def __init__(self, virsh: Virsh, state: StackState, say: Callable[[str], None]) -> None:
        self._virsh, self._state, self._say = virsh, state, say
        self._leftovers = Leftovers(virsh, state.marks, say)
        self.left = False

    def all(self, cluster: Cluster, *, keep_state: bool) -> None:
        """Everything of a cluster; with `keep_state` only what the state does not have."""
        known = self._state.names if keep_state else frozenset()
        for domain in self._virsh.domains():
            if cluster.owns_domain(domain) and ("domain", domain) not in known:
                self._attempt(partial(self._leftovers.domain, domain))
        if ("network", cluster.name) not in known:
            self._attempt(partial(self._leftovers.network, cluster.name, cluster.bridge))
            self._attempt(partial(remove_stale_bridge, self._virsh, cluster.bridge, self._say))
        self._attempt(partial(self._pool, cluster, known))

    def _attempt(self, step: Callable[[], None]) -> None:
        try:
            step()
        except RefusedError as refusal:
            self._say(str(refusal))
        except LeftoversError as error:
            self._say(f"Something of ours is left: {error}")
            self.left = True

    def _pool(self, cluster: Cluster, known: frozenset[tuple[str, str]]) -> None:
        defined = cluster.name in self._virsh.pools()
        if defined and self._virsh.pool_directory(cluster.name) != cluster.directory:
            self._leftovers.pool(cluster.name, cluster.directory)  # refuses
        if not self._open_pool(cluster, defined=defined):
            if defined and ("pool", cluster.name) not in known:
                self._leftovers.pool(cluster.name, cluster.directory)
            return
        files = self._virsh.volumes(cluster.name, cluster.directory)
        ours = [name for name in files if cluster.owns_volume(name)]
        for name in ours:
            if ("volume", name) not in known:
                self._attempt(partial(self._leftovers.volume, cluster.name, name))
        others = [name for name in files if name not in ours]
        if ("pool", cluster.name) in known:
            if others:
                self._say(f"{cluster.directory} has {', '.join(others)} in it, not ours: the directory will stay.")
            return
        # In a directory that somebody has only written into the configuration, files are none of our business.
        for name in others if defined or ours or cluster.own_directory else ():
            path = cluster.directory / name
            self._say(
                f"{path} is not ours, and was left. Remove it with: rm -r '{path}' && rmdir '{cluster.directory}'"
            )
        empty = not self._virsh.volumes(cluster.name, cluster.directory)
        remove = empty and (defined or bool(ours) or cluster.own_directory)
        if defined:
            self._leftovers.pool(cluster.name, cluster.directory, remove_directory=remove)
        else:
            self._close_pool(cluster, remove_directory=remove)

    def _open_pool(self, cluster: Cluster, *, defined: bool) -> bool:
        """Starts the pool, defined for the time being where there is none, to see its files. False without files."""
        try:
            if not defined:
                self._virsh("pool-define-as", cluster.name, "dir", "--target", str(cluster.directory))
            if cluster.name not in self._virsh.names("pool-list"):
                self._virsh("pool-start", "--pool", cluster.name)
        except LeftoversError as error:
            if "Storage source conflict" in str(error):  # its directory is another pool's, and so are the files
                return False
            if not defined:
                self._virsh("pool-undefine", "--pool", cluster.name)
            if "No such file or directory" not in str(error):
                raise
            return False
        return True

    def _close_pool(self, cluster: Cluster, *, remove_directory: bool) -> None:
        """Forgets a pool that was only there to see its files."""
        self._virsh("pool-destroy", "--pool", cluster.name)
        if remove_directory and self._leftovers.directory(cluster.name, cluster.directory):
            self._say(f"Removed the empty directory {cluster.directory}, a leftover.")
        self._virsh("pool-undefine", "--pool", cluster.name)
