"""From nothing to a URL that answers: machines, a Kubernetes cluster, its network, a web server."""

import pulumi

from components.base_image import base_images
from components.cluster import KubernetesCluster, KubernetesClusterArgs
from components.cluster_identity import ClusterIdentity, ClusterIdentityArgs
from components.flannel import Flannel, FlannelArgs
from components.flannel_pod import FLANNEL_IMAGES
from components.host import check_host
from components.machine import Machine, MachineArgs
from components.network import Network, NetworkArgs
from components.nodes import all_nodes
from components.settings import load_settings, stack_values
from components.ssh_keys import SshKeys, SshKeysArgs
from components.verification import CheckArgs, ClusterDns, NodesReady, answering
from components.web_server import WebServer, WebServerArgs

settings = load_settings(stack_values())
check_host(settings)
name = settings.cluster_name
nodes = all_nodes(settings)
images = base_images(nodes, preview=pulumi.runtime.is_dry_run())

identity = ClusterIdentity("cluster", ClusterIdentityArgs(settings=settings, control_plane=nodes[0], images=images))
keys = SshKeys(name, SshKeysArgs(nodes=nodes))
network = Network(name, NetworkArgs(settings=settings, keys=keys, identity=identity, base_images=images))
control_plane, *workers = [
    Machine(
        f"{name}-{node.name}",
        MachineArgs(settings=settings, identity=identity, node=node, network=network, keys=keys, joined_by=nodes[0]),
    )
    for node in nodes
]

cluster = KubernetesCluster(
    name,
    KubernetesClusterArgs(settings=settings, control_plane=control_plane, workers=workers, early_images=FLANNEL_IMAGES),
)
pod_network = Flannel("flannel", FlannelArgs(settings=settings, cluster=cluster))
nodes_ready = NodesReady(
    "nodes-ready", CheckArgs(settings=settings, cluster=cluster, after=[*cluster.joins, pod_network.daemon_set])
)
web = WebServer("web", WebServerArgs(settings=settings, cluster=cluster, after=[nodes_ready.check]))
dns = ClusterDns("cluster-dns", CheckArgs(settings=settings, cluster=cluster, after=[web.deployment]))
urls = answering(
    [f"http://{node.address}:{settings.node_port}" for node in nodes],
    settings,
    after=[web.deployment, web.service, dns.check],
)

pulumi.export("kubernetes_version", settings.kubernetes_version)
pulumi.export("nodes", [machine.summary for machine in cluster.machines])
pulumi.export("ssh_private_key", keys.login.private)
pulumi.export("kubeconfig", cluster.kubeconfig)
pulumi.export("join_token", cluster.join_token)
pulumi.export("join_command", cluster.join_command)
pulumi.export("web_urls", urls)
pulumi.export("web_url", urls.apply(lambda answered: answered[-1]))
