"""Objects in a cluster; STAGE and the rest of the environment vary them."""

import os

import pulumi
from pulumi_command import local
from pulumi_kubernetes import KubeClientSettingsArgs, Provider, apps, core, meta, rbac

STAGE = os.environ.get("STAGE", "first")
NAMESPACE = os.environ.get("CONTRACT_NAMESPACE", "contract")
LABELS = {"app": "web"}

kubeconfig = pulumi.Output.secret(os.environ["CLUSTER"])
if STAGE == "unknown":  # as after a change of the command that reads it
    kubeconfig = local.Command("kubeconfig", create="cat", stdin=kubeconfig).stdout
provider = Provider(
    "cluster",
    kubeconfig=kubeconfig,
    kube_client_settings=KubeClientSettingsArgs(timeout=64),
    cluster_identifier=os.environ["IDENTIFIER"],
)
options = pulumi.ResourceOptions(provider=provider, custom_timeouts=pulumi.CustomTimeouts(create="4s", update="30s"))

namespace = core.v1.Namespace("namespace", metadata=meta.v1.ObjectMetaArgs(name=NAMESPACE), opts=options)
in_namespace = meta.v1.ObjectMetaArgs(namespace=namespace.metadata.name)
named = core.v1.ConfigMap(
    "named",
    metadata=meta.v1.ObjectMetaArgs(name="named", namespace=namespace.metadata.name),
    data={"stage": STAGE},
    opts=options,
)
autonamed = core.v1.ConfigMap("autonamed", metadata=in_namespace, data={"a.b": "1"}, opts=options)
core.v1.Secret("secret", metadata=in_namespace, string_data={"key": os.environ["TOKEN"]}, opts=options)
account = core.v1.ServiceAccount("account", metadata=in_namespace, opts=options)
role = rbac.v1.ClusterRole(
    "role",
    metadata=meta.v1.ObjectMetaArgs(name=NAMESPACE),
    rules=[rbac.v1.PolicyRuleArgs(api_groups=[""], resources=["pods"], verbs=["get"])],
    opts=options,
)
rbac.v1.ClusterRoleBinding(
    "binding",
    metadata=meta.v1.ObjectMetaArgs(name=NAMESPACE),
    role_ref=rbac.v1.RoleRefArgs(api_group="rbac.authorization.k8s.io", kind="ClusterRole", name=role.metadata.name),
    subjects=[
        rbac.v1.SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=namespace.metadata.name)
    ],
    opts=options,
)
deployment = apps.v1.Deployment(
    "web",
    metadata=meta.v1.ObjectMetaArgs(name="web", namespace=namespace.metadata.name),
    spec=apps.v1.DeploymentSpecArgs(
        replicas=1,
        selector=meta.v1.LabelSelectorArgs(match_labels=LABELS),
        template=core.v1.PodTemplateSpecArgs(
            metadata=meta.v1.ObjectMetaArgs(labels=LABELS),
            spec=core.v1.PodSpecArgs(containers=[core.v1.ContainerArgs(name="c", image="i")]),
        ),
    ),
    opts=options,
)
service = core.v1.Service(
    "web-service",
    metadata=meta.v1.ObjectMetaArgs(
        name="web", namespace=namespace.metadata.name, annotations={"pulumi.com/skipAwait": "true"}
    ),
    spec=core.v1.ServiceSpecArgs(
        type="NodePort", selector=LABELS, ports=[core.v1.ServicePortArgs(port=80, node_port=31080)]
    ),
    opts=options,
)
pulumi.export("address", service.spec.cluster_ip)
pulumi.export("name", autonamed.metadata.name)
