"""The end state of `make up`, and of `make destroy`, looked at from outside; each check raises AssertionError.

What the end-to-end tests check of a healthy run, the fault harness demands after every fault.
"""

from __future__ import annotations

from tests.e2e.cluster import STATE, Cluster, is_ready, make_up, pulumi, run

IN_LIBVIRT = ("list --all --name", "net-list --all --name", "pool-list --all --name")
POOL = "/var/lib/libvirt/images/k8s"


def every_node_answers_http(cluster: Cluster) -> None:
    """Asked at every node's address, nginx answers with its page."""
    assert len(cluster.outputs["web_urls"]) == len(cluster.outputs["nodes"]) == 3
    for url in cluster.outputs["web_urls"]:
        assert "Welcome to nginx" in run("lab/enter", "curl", "--silent", "--fail", "--max-time", "30", url), url


def all_nodes_are_ready(cluster: Cluster) -> None:
    """The cluster has the nodes of the outputs and no others, all Ready at the pinned version, and open to pods."""
    ready = {
        node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"]
        for node in cluster.get("nodes")
        if is_ready(node) and not node["spec"].get("unschedulable")
    }
    version = f"v{cluster.outputs['kubernetes_version']}"
    assert ready == {node["name"]: version for node in cluster.outputs["nodes"]}, f"Ready are {ready}"


def every_pod_is_ready(cluster: Cluster) -> None:
    """Every pod there is runs, with all its containers ready, and there are as many as there should be."""
    cluster.kubectl("wait", "--for=condition=Ready", "pods", "--all", "--all-namespaces", "--timeout=580s")
    pods = cluster.get("pods", "--all-namespaces")
    states = {
        pod["metadata"]["name"]: (pod["status"]["phase"], all(c["ready"] for c in pod["status"]["containerStatuses"]))
        for pod in pods
    }
    assert set(states.values()) == {("Running", True)}, states
    # On each of 3 nodes flannel and kube-proxy; 2 CoreDNS, 2 nginx; etcd, API server, controller manager, scheduler
    assert len(states) == 14, states


def swap_is_off(cluster: Cluster, node: dict[str, str]) -> None:
    """On this machine, now and after a reboot."""
    swaps, fstab = cluster.on(node, "cat /proc/swaps; echo ---; cat /etc/fstab").split("---\n")
    assert swaps.count("\n") == 1, swaps
    assert "swap" not in fstab, fstab


def kernel_settings_are_there(cluster: Cluster, node: dict[str, str]) -> None:
    """What pods need of this machine's kernel to reach each other, now and after a reboot."""
    for key in ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables"):
        assert cluster.on(node, f"sudo sysctl --values {key}").strip() == "1", key
        assert f"{key} = 1" in cluster.on(node, "cat /etc/sysctl.d/99-kubernetes.conf")
    assert "br_netfilter" in cluster.on(node, "cat /etc/modules-load.d/kubernetes.conf")


def packages_are_held(cluster: Cluster, node: dict[str, str]) -> None:
    """An upgrade of this machine leaves Kubernetes at its version."""
    held = cluster.on(node, "apt-mark showhold").split()
    assert held == ["kubeadm", "kubectl", "kubelet"], held


def the_login_user_has_the_kubeconfig(cluster: Cluster) -> None:
    """On the control plane, kubectl works for who logs in."""
    assert "control-plane-1" in cluster.on(cluster.outputs["nodes"][0], "kubectl get nodes")


def docker_runs(cluster: Cluster, node: dict[str, str]) -> None:
    """Docker's daemon answers on this machine."""
    assert "Server" in cluster.on(node, "sudo docker version")


def dns_answers_in_a_pod(cluster: Cluster) -> None:
    """The cluster's DNS tells an nginx pod the address of its own service."""
    answer = cluster.kubectl("exec", "deployment/nginx", "--", "getent", "hosts", "nginx.default.svc.cluster.local")
    service = cluster.get("services", "--field-selector=metadata.name=nginx")[0]
    assert answer.split()[0] == service["spec"]["clusterIP"], answer


def no_join_token_is_left(cluster: Cluster) -> None:
    """`kubeadm token list` prints a headline at most."""
    listed = cluster.on(cluster.outputs["nodes"][0], "sudo kubeadm token list")
    assert listed.count("\n") <= 1, f"{listed.count(chr(10)) - 1} join tokens are left"


def another_up_has_nothing_to_do() -> None:
    """Every resource is the same."""
    changed = make_up()
    assert changed == {}, f"another `make up` changed {changed}"


def is_reached(cluster: Cluster) -> None:
    """All of the above."""
    all_nodes_are_ready(cluster)
    every_pod_is_ready(cluster)
    every_node_answers_http(cluster)
    dns_answers_in_a_pod(cluster)
    no_join_token_is_left(cluster)
    the_login_user_has_the_kubeconfig(cluster)
    for node in cluster.outputs["nodes"]:
        swap_is_off(cluster, node)
        kernel_settings_are_there(cluster, node)
        packages_are_held(cluster, node)
        docker_runs(cluster, node)
    another_up_has_nothing_to_do()


def nothing_is_left() -> None:
    """No domain, network, pool or disk in the lab's libvirt, and no resource in the stack's state. The lab must run."""
    for what in IN_LIBVIRT:
        found = run("lab/enter", "virsh", *what.split()).split()
        assert found == [], f"virsh {what}: {found}"
    files = run("lab/enter", "sh", "-c", f"ls -A {POOL} 2>/dev/null || true").split()
    assert files == [], f"{POOL} has {files}"
    assert (STATE / "passphrase").exists(), "the stack's passphrase is gone"
    resources = [line for line in pulumi("stack", "--show-urns").splitlines() if "urn:pulumi:" in line]
    assert resources == [], f"the state has {resources}"
