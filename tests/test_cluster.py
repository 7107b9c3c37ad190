"""The cluster's graph: what waits for what, what is redone, what is taken down and how."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from components import flannel
from components.base_image import BaseImage
from components.cluster import KubernetesCluster, KubernetesClusterArgs
from components.cluster_identity import ClusterIdentity, ClusterIdentityArgs
from components.flannel_pod import FLANNEL_IMAGES
from components.machine import Machine, MachineArgs
from components.network import Network, NetworkArgs
from components.nodes import all_nodes
from components.ssh_keys import SshKeys, SshKeysArgs
from tests.configuration import make_settings
from tests.conftest import RunProgram
from tests.recording import CA_CERT_HASH, KUBECONFIG, TOKEN, Run, plain, run, secret

WORKERS = ["worker-1", "worker-2"]
NODES = ["control-plane-1", *WORKERS]


def before(recorded: Run, name: str) -> set[str]:
    """The names of the remote commands that a remote command waits for."""
    commands = {command.name for command in recorded.of(":remote:Command")}
    return recorded.before(recorded.command(name)) & commands


def test_the_steps_wait_for_what_they_need_and_for_nothing_else(program: Run) -> None:
    assert before(program, "control-plane-1-prepare") == set()
    assert before(program, "worker-1-prepare") == set()
    to_init = {"k8s-control-plane-1-prepare"}
    assert before(program, "control-plane-1-init") == to_init
    initialised = to_init | {"k8s-control-plane-1-init"}
    assert before(program, "control-plane-1-kubeconfig") == initialised
    for worker in WORKERS:
        assert before(program, f"{worker}-join") == initialised | {f"k8s-{worker}-prepare"}, (
            "the time of `up` is the longest chain, not the sum"
        )


def test_flannel_and_the_workers_do_not_wait_for_each_other(program: Run) -> None:
    flannels = {each.name for each in program.resources.values() if each.name.startswith("flannel")}
    assert flannels
    for worker in WORKERS:
        assert not program.before(program.command(f"{worker}-join")) & flannels
    joining = {f"k8s-{worker}-{step}" for worker in WORKERS for step in ("prepare", "join", "domain")}
    for resource in program.resources.values():
        if resource.name in flannels:
            assert not program.before(resource) & joining, f"{resource.name} waits for a worker"


def test_the_way_into_the_cluster_is_a_secret_all_the_way(applied: Run) -> None:
    provider = applied.one("providers:kubernetes")
    assert secret(provider.inputs["kubeconfig"])
    assert plain(provider.inputs["kubeconfig"]) == KUBECONFIG
    assert "stdout" in applied.command("kubeconfig").secret_outputs
    for worker in WORKERS:
        assert "stdout" in applied.command(f"{worker}-join").secret_outputs, "it is the join token"


def test_the_provider_waits_longer_for_a_slow_api_server(applied: Run, unusual: Run) -> None:
    assert "kubeClientSettings" not in applied.one("providers:kubernetes").inputs
    settings = json.loads(unusual.one("providers:kubernetes").plain("kubeClientSettings"))
    assert settings == {"timeout": 96}, "the schema of a busy emulated API server takes longer than 32 s"


def test_the_provider_knows_the_cluster_by_its_control_planes_disk(applied: Run) -> None:
    provider = applied.one("providers:kubernetes")
    assert provider.plain("clusterIdentifier") == "k8s-control-plane-1-made-id", (
        "a preview that does not know the kubeconfig would show all of the cluster as replaced"
    )
    assert "k8s-control-plane-1-kubeconfig" in applied.before(provider)


@pytest.mark.parametrize("takes", ["upsertExistingObjects", "enablePatchForce"])
def test_the_provider_takes_over_what_a_killed_run_has_made_and_takes_back_what_others_have_changed(
    applied: Run, takes: str
) -> None:
    assert applied.one("providers:kubernetes").plain(takes) in (True, "true")


def test_a_new_machine_gets_its_steps_anew(applied: Run) -> None:
    triggers = {command.name: set(command.plain("triggers")) for command in applied.of(":remote:Command")}
    domain = {node: f"k8s-{node}-domain-id" for node in NODES}
    disk = "k8s-control-plane-1-made-id"
    for node in NODES:
        assert triggers[f"k8s-{node}-prepare"] == {domain[node]}, "with static addresses nothing else tells it is new"
    for worker in WORKERS:
        assert triggers[f"k8s-{worker}-join"] == {disk, domain[worker]}, (
            "a control plane that gets more memory would make all workers join anew"
        )
    assert triggers["k8s-control-plane-1-init"] == {domain["control-plane-1"]}
    assert triggers["k8s-control-plane-1-kubeconfig"] == {domain["control-plane-1"]}
    assert triggers["nodes-ready-check"] == set(domain.values())
    assert triggers["cluster-dns-check"] == {domain["control-plane-1"]}


def test_every_step_goes_with_the_machine_that_it_runs_on(program: Run) -> None:
    stash_of = {stash.urn: stash.name for stash in program.of(":Stash")}
    gone_with = {command.name: stash_of[command.deleted_with] for command in program.of(":remote:Command")}
    for node in NODES:
        assert gone_with.pop(f"k8s-{node}-prepare") == f"k8s-{node}-made"
    assert set(gone_with.values()) == {"k8s-control-plane-1-made"}, (
        "a refresh forgets a domain that was deleted by hand, and destroy would ask it to let the workers leave"
    )


def test_a_worker_leaves_through_the_control_plane_before_it_joins_anew(applied: Run) -> None:
    for worker in WORKERS:
        join = applied.command(f"{worker}-join")
        assert join.delete_before_replace, "the new node would be deleted in place of the old one"
        assert join.plain("delete").endswith(" worker-membership.sh leave")
        assert join.plain("connection")["host"] == "10.17.3.11", "the old worker may be dead"
        own_domain = applied.one(":Domain", f"{worker}-domain")
        assert own_domain.name in applied.before(join), "the machine would go before its node is drained"


def test_only_a_join_does_anything_when_it_is_deleted(applied: Run) -> None:
    deleting = {command.name for command in applied.of(":remote:Command") if command.plain("delete")}
    assert deleting == {f"k8s-{worker}-join" for worker in WORKERS}


def test_the_token_is_never_in_the_state(applied: Run) -> None:
    for command in applied.of(":remote:Command"):
        assert TOKEN not in str(plain(dict(command.inputs))), "it is minted on the control plane, not here"


def test_every_limit_grows_with_the_factor(applied: Run, unusual: Run) -> None:
    for command in unusual.of(":remote:Command"):
        quick = applied.command(command.name.removeprefix("blue-"))
        slow, fast = (int(each.create_timeout.removesuffix("s")) for each in (command, quick))
        assert slow - 60 == 3 * (fast - 60), command.name
    waits = {
        "control-plane-1-init": ["API_SECONDS=240", "API_SECONDS=720"],
        "worker-1-join": ["REGISTER_SECONDS=120", "REGISTER_SECONDS=360"],
        "nodes-ready-check": ["READY_SECONDS=600", "READY_SECONDS=1800"],
        "cluster-dns-check": ["DNS_SECONDS=300", "DNS_SECONDS=900"],
    }
    for name, (fast_wait, slow_wait) in waits.items():
        assert f"\n{fast_wait}\n" in f"\n{applied.command(name).plain('stdin')}"
        assert f"\n{slow_wait}\n" in f"\n{unusual.command(name).plain('stdin')}"


def test_a_wait_inside_a_script_ends_before_the_script_is_stopped(applied: Run, unusual: Run) -> None:
    waits = 0
    for command in [*applied.of(":remote:Command"), *unusual.of(":remote:Command")]:
        script = command.plain("stdin")
        limit = int(command.plain("create").split("--kill-after=30 ")[1].split()[0])
        attempt = max(
            [0, *(int(seconds) for seconds in re.findall(r"(?:kubectl wait .*--timeout=|--max-time )(\d+)", script))]
        )
        for value in re.findall(r"^[A-Z]+_SECONDS=(\d+)$", script, flags=re.MULTILINE):
            waits += 1
            assert int(value) + attempt + 30 <= limit, f"{command.name} would be stopped without telling the last state"
    assert waits == 25


def test_a_longer_time_limit_leaves_the_cluster_itself_as_it_is(run_program: RunProgram, applied: Run) -> None:
    slower = run_program(timeoutFactor=2)
    for kind in (":Domain", ":Volume", ":Stash", "providers:kubernetes", ":local:Command"):
        patient = {each.urn: {**each.inputs} for each in slower.of(kind)}
        for inputs in patient.values():
            inputs.pop("kubeClientSettings", None)  # the provider's own patience, which makes it no other provider
        assert patient == {each.urn: each.inputs for each in applied.of(kind)}


@pytest.mark.parametrize(
    "changed",
    [{"webServerImage": "docker.io/library/nginx:1.27"}, {"webServerReplicas": "3"}, {"nodePort": "30081"}],
    ids=lambda changed: next(iter(changed)),
)
def test_another_web_server_touches_no_machine(run_program: RunProgram, applied: Run, changed: dict[str, str]) -> None:
    before, after = (
        {each.name: each.inputs for each in run.resources.values() if not each.name.startswith("web")}
        for run in (applied, run_program(**changed))
    )
    assert {name for name in before if before[name] != after[name]} == set()


def test_every_machine_prepares_with_what_the_configuration_says(applied: Run, unusual: Run) -> None:
    script = unusual.command("worker-1-prepare").plain("stdin")
    for line in (
        "ROLE=worker",
        "CONTAINER_RUNTIME=containerd",
        "SYSTEM_UPGRADE=False",
        "KUBERNETES_VERSION=1.36.4",
        "KUBERNETES_REPOSITORY=http://10.50.0.1/kubernetes/",
        "APT_MIRROR=http://10.50.0.1/debian",
        "APT_MIRROR_KEY=http://10.50.0.1/debian/key.asc",
        "IMAGE_MIRRORS='docker.io https://10.50.0.1\nghcr.io http://10.50.0.1:5000'",
    ):
        assert f"\n{line}\n" in f"\n{script}"
    for image in (*FLANNEL_IMAGES, "registry.k8s.io/kube-proxy:v1.36.4"):
        assert image in script, "the pod would be waiting for its image when everything else is there"
    assert "\nROLE=control-plane\n" in applied.command("control-plane-1-prepare").plain("stdin")
    assert "\nIMAGE_MIRRORS=''\n" in applied.command("control-plane-1-prepare").plain("stdin")


def test_the_join_pins_the_workers_host_key(applied: Run) -> None:
    for number, worker in enumerate(WORKERS, start=1):
        script = applied.command(f"{worker}-join").plain("stdin")
        assert f"\nWORKER_HOST_KEY='ssh-ed25519 public-k8s-{worker}-host-key'\n" in script
        assert f"\nWORKER_ADDRESS=10.17.3.2{number}\n" in script


@pytest.mark.parametrize("count", [1, 3])
def test_there_is_one_join_a_worker(run_program: RunProgram, count: int) -> None:
    recorded = run_program(workers=count)
    joins = [command.name for command in recorded.of(":remote:Command") if command.name.endswith("-join")]
    assert sorted(joins) == [f"k8s-worker-{number}-join" for number in range(1, count + 1)]
    assert recorded.exports["join_token"].value == TOKEN
    assert CA_CERT_HASH in recorded.exports["join_command"].value


def a_cluster(name: str) -> None:
    """All components of one cluster, without the program around them."""
    settings = make_settings(clusterName=name)
    nodes = all_nodes(settings)
    keys = SshKeys(name, SshKeysArgs(nodes=nodes))
    image = BaseImage(source="/debian.qcow2", path=Path("/debian.qcow2"), sha512="a" * 128)
    images = {node.name: image for node in nodes}
    identity = ClusterIdentity(
        f"{name}-identity", ClusterIdentityArgs(settings=settings, control_plane=nodes[0], images=images)
    )
    network = Network(name, NetworkArgs(settings=settings, keys=keys, identity=identity, base_images=images))
    first, *rest = [
        Machine(
            f"{name}-{node.name}",
            MachineArgs(
                settings=settings, identity=identity, node=node, network=network, keys=keys, joined_by=nodes[0]
            ),
        )
        for node in nodes
    ]
    cluster = KubernetesCluster(
        name, KubernetesClusterArgs(settings=settings, control_plane=first, workers=rest, early_images=[])
    )
    flannel.Flannel(f"{name}-flannel", flannel.FlannelArgs(settings=settings, cluster=cluster))


def test_a_second_cluster_in_one_program_shares_no_name_with_the_first() -> None:
    def two_clusters() -> None:
        a_cluster("one")
        a_cluster("two")

    recorded = run(two_clusters)
    names = [(each.type, each.name) for each in recorded.resources.values()]
    assert len(names) == len(set(names)) == 2 * 42
