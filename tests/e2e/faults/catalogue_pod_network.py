"""What people and programs do to the network of the pods, below everything that Kubernetes looks at."""

from __future__ import annotations

from tests.e2e.faults.fault import Fault
from tests.e2e.faults.injections import AS_ADMINISTRATOR, both, on, once
from tools.seen import STUCK_SECONDS

_STARTED = "$(systemctl show kubelet --property=ActiveEnterTimestampMonotonic --value)"
OLD = f"(( $(cut -d. -f1 /proc/uptime) - {_STARTED} / 1000000 > {STUCK_SECONDS} ))"
"""A shell condition. A machine that has just started gets time to bring its network up."""

DAMAGES = [
    Fault(
        name="pod-network-deleted",
        what="The pod network's configuration was deleted on a worker",
        inject=both(
            once("worker-1", OLD, "rm /etc/cni/net.d/*"),
            on(
                "control-plane-1",
                f"{AS_ADMINISTRATOR}kubectl wait --for=condition=Ready=False node/worker-1 --timeout=580s",
            ),
        ),
        message="worker-1: its node is not Ready, though its kubelet runs",
    ),
    Fault(
        name="pod-bridge-deleted",
        what="The bridge that pods are on was deleted on a worker",
        inject=once("worker-1", OLD, "ip link delete cni0"),
        message="worker-1: cni0 is gone or down; it is started anew around its disk",
    ),
    Fault(
        name="service-rules-flushed",
        what="kube-proxy's rules were flushed on a worker with iptables",
        inject=once("worker-2", OLD, "iptables --table nat --flush"),
        message="worker-2: kube-proxy's rules are gone; it is started anew around its disk",
    ),
]
