"""What a machine of the cluster said when tools/look.py looked at it."""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS = 7
"""Words of a line about an object of the cluster."""
STUCK_SECONDS = 300
"""How long a kubelet may take to make its node Ready; emulated machines that boot side by side take three minutes."""
RESTARTS = 12
"""Of a kubelet by systemd, each 10 s after it has ended (RestartSec of kubelet.service): for two minutes at least, in
which a machine that boots has got its container runtime."""
STEADY_SECONDS = 60
"""A kubelet that has run for so long has what it needs to start."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a machine said."""

    lines: tuple[tuple[str, ...], ...] = ()
    """Words of each line of look.sh; empty where the machine did not answer."""
    clock: float = 0
    """This host's, when it was asked."""
    stranger: bool = False
    """Whether somebody with another host key answered, who was told nothing."""
    locked: bool = False
    """Whether the machine itself answered, and refused the login key."""
    barred: str = ""
    """What the machine said that accepted the login key and yet did not do what it was asked to; or `nothing`."""

    def get(self, what: str) -> str:
        """The value of a line, or nothing."""
        return next((line[1] for line in self.lines if line[0] == what and len(line) > 1), "")

    @property
    def nodes(self) -> dict[str, str] | None:
        """What a control plane says of each node: True where it is Ready; None where its API server does not answer.

        Nothing of any where the administrator may see none, as after a loss of all of etcd's data.
        """
        nothing: dict[str, str] | None = {} if self.get("api") == "forbids" else None
        return {line[1]: line[2] for line in self._objects("Node")} or nothing

    @property
    def patience_is_over(self) -> bool:
        """Whether the kubelet has run for so long that what keeps its node from being Ready does not pass by itself."""
        return int(self.get("kubelet-seconds") or 0) > STUCK_SECONDS

    @property
    def kubelet_ends(self) -> bool:
        """Whether the kubelet ends again and again though nothing is wrong around it: what is its own is damaged."""
        return (
            int(self.get("kubelet-restarts") or 0) >= RESTARTS
            and int(self.get("kubelet-seconds") or 0) < STEADY_SECONDS
            and (self.get("containerd"), self.get("swap")) == ("active", "0")
        )

    @property
    def cordoned(self) -> list[str]:
        """The nodes that take no new pods because somebody wants it so."""
        return [line[1] for line in self._objects("Node") if line[4] == "true" and line[6] == "<none>"]

    @property
    def half_drained(self) -> list[str]:
        """The nodes whose drain was stopped with the run that it belonged to."""
        return [line[1] for line in self._objects("Node") if line[6] != "<none>"]

    @property
    def objects(self) -> dict[str, bool]:
        """What kube-system has, such as deployment/coredns, and whether it works; asked of Deployments."""
        deployments = {f"deployment/{line[1]}": line[3] not in ("0", "<none>") for line in self._objects("Deployment")}
        others = ("DaemonSet", "Service", "ConfigMap")
        return deployments | {f"{kind.lower()}/{line[1]}": True for kind in others for line in self._objects(kind)}

    @property
    def scaled_to_nothing(self) -> list[str]:
        """The Deployments of kube-system that are to have no pods."""
        return [f"deployment/{line[1]}" for line in self._objects("Deployment") if line[5] == "0"]

    def _objects(self, kind: str) -> list[tuple[str, ...]]:
        return [line for line in self.lines if line[0] == kind and len(line) == COLUMNS]
