"""The table of refused configurations: networks that cannot be, or not together."""

from __future__ import annotations

from tests.refused import row

PRIVATE = "Way out: choose a private network, for example within 10.0.0.0/8"
APART = "Way out: choose networks that are apart"
A16 = "Way out: take a /16, for example 10.244.0.0/16"
SPECIAL = {
    "0.5.0.0/24": "0.0.0.0/8, which is for addresses of this network only",
    "127.5.0.0/24": "127.0.0.0/8, which is for loopback",
    "169.254.1.0/24": "169.254.0.0/16, which is for link-local addresses",
    "224.1.1.0/24": "224.0.0.0/4, which is for multicast",
}

NETWORKS = [
    *(
        row(f"- {key} = '{cidr}' is refused: it overlaps {what}. {PRIVATE}", **{key: cidr})
        for key in ("networkCidr", "serviceCidr")
        for cidr, what in SPECIAL.items()
    ),
    row(
        "- podCidr = '169.254.0.0/16' is refused: it overlaps 169.254.0.0/16, which is for link-local addresses. "
        f"{PRIVATE}",
        podCidr="169.254.0.0/16",
    ),
    row(
        f"- podCidr = '10.17.0.0/16' is refused: it overlaps networkCidr 10.17.3.0/24. {APART}", podCidr="10.17.0.0/16"
    ),
    row(
        f"- serviceCidr = '10.17.3.0/24' is refused: it overlaps networkCidr 10.17.3.0/24. {APART}",
        serviceCidr="10.17.3.0/24",
    ),
    row(
        f"- podCidr = '10.96.0.0/16' is refused: it overlaps serviceCidr 10.96.0.0/12. {APART}", podCidr="10.96.0.0/16"
    ),
    row(
        f"- serviceCidr = '10.32.0.0/14' is refused: it overlaps podCidr 10.32.0.0/16. {APART}",
        podCidr="10.32.0.0/16",
        serviceCidr="10.32.0.0/14",
    ),
    row(
        f"- networkCidr = '10.0.0.0/8' is refused: it overlaps podCidr 10.244.0.0/16. {APART}\n"
        f"- networkCidr = '10.0.0.0/8' is refused: it overlaps serviceCidr 10.96.0.0/12. {APART}",
        networkCidr="10.0.0.0/8",
    ),
    row(
        f"- podCidr = '0.0.0.0/0' is refused: it overlaps 0.0.0.0/8, which is for addresses of this network only. "
        f"{PRIVATE}\n"
        f"- podCidr = '0.0.0.0/0' is refused: kubeadm takes a /8 at most where each node has a /24. {A16}",
        podCidr="0.0.0.0/0",
        containerRuntime="containerd",
    ),
    *(
        row(
            f"- podCidr = '{cidr}' is refused: it overlaps 172.17.0.0/16, which Docker gives to its own bridge on "
            "every node. Way out: choose another, for example 10.244.0.0/16, or set containerRuntime to containerd",
            podCidr=cidr,
        )
        for cidr in ("172.17.0.0/16", "172.16.0.0/12", "172.17.64.0/18")
    ),
    row(
        "- networkCidr = '10.17.3.0/27' is refused: it is too small for 12 machines. Way out: take a /24",
        networkCidr="10.17.3.0/27",
        workers="11",
    ),
    row(
        "- networkCidr = '10.17.3.0/28' is refused: it is too small for 3 machines. Way out: take a /24",
        networkCidr="10.17.3.0/28",
    ),
    row(
        "- networkCidr = '10.17.3.7/32' is refused: it is too small for 3 machines. Way out: take a /24",
        networkCidr="10.17.3.7/32",
    ),
    *(
        row(
            f"- networkCidr = '{cidr}' is refused: no private network is larger than a /8. Way out: take a /24",
            networkCidr=cidr,
        )
        for cidr in ("32.0.0.0/3", "32.0.0.0/7")
    ),
    *(
        row(
            f"- podCidr = '{pods}' is refused: it overlaps {bridge}, which Docker gives to its own bridge on every "
            "node. Way out: choose another, for example 10.244.0.0/16, or set containerRuntime to containerd",
            networkCidr=machines,
            podCidr=pods,
        )
        for machines, pods, bridge in (
            ("172.17.3.0/24", "172.18.0.0/16", "172.18.0.0/16"),
            ("172.16.0.0/15", "172.18.64.0/18", "172.18.0.0/16"),
            ("172.16.0.0/12", "192.168.0.0/16", "192.168.0.0/20"),
        )
    ),
    row(
        f"- podCidr = '10.244.0.0/23' is refused: it has not a /24 for each of 3 nodes. {A16}", podCidr="10.244.0.0/23"
    ),
    row(
        f"- podCidr = '10.244.0.0/25' is refused: it has not a /24 for each of 2 nodes. {A16}",
        podCidr="10.244.0.0/25",
        workers="1",
    ),
    row(
        f"- podCidr = '32.0.0.0/7' is refused: kubeadm takes a /8 at most where each node has a /24. {A16}",
        podCidr="32.0.0.0/7",
    ),
    *(
        row(
            f"- serviceCidr = '{cidr}' is refused: kube-apiserver takes a /12 at most and the cluster's own services "
            "want a /24 at least. Way out: take 10.96.0.0/12",
            serviceCidr=cidr,
        )
        for cidr in ("10.96.0.0/25", "10.96.0.0/11", "10.96.0.1/32")
    ),
]
