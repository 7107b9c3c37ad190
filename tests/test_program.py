"""The whole program, as `pulumi up` and `pulumi preview` run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.settings import Settings, SettingsError
from tests.configuration import REPOSITORY
from tests.conftest import RunProgram
from tests.recording import CA_CERT_HASH, KUBECONFIG, TOKEN, Run

EXPORTS = {
    "kubernetes_version",
    "nodes",
    "ssh_private_key",
    "kubeconfig",
    "join_token",
    "join_command",
    "web_urls",
    "web_url",
}
SECRET_EXPORTS = {"ssh_private_key", "kubeconfig", "join_token", "join_command"}


def test_the_entry_point_is_a_table_of_contents() -> None:
    assert len((REPOSITORY / "__main__.py").read_text().splitlines()) <= 60


def test_exactly_the_documented_outputs_are_exported(program: Run) -> None:
    assert set(program.exports) == EXPORTS


def test_whatever_opens_the_cluster_is_exported_as_a_secret(program: Run) -> None:
    assert {name for name, export in program.exports.items() if export.secret} == SECRET_EXPORTS, (
        "a secret in clear is readable by everybody who sees the state or the output of `pulumi up`"
    )


def test_the_outputs_say_how_to_use_the_cluster(applied: Run) -> None:
    values = {name: export.value for name, export in applied.exports.items()}
    assert values["kubernetes_version"] == "1.37.2"
    assert values["kubeconfig"] == KUBECONFIG
    assert values["join_token"] == TOKEN
    assert values["join_command"] == (
        f"kubeadm join 10.17.3.11:6443 --token {TOKEN} --discovery-token-ca-cert-hash {CA_CERT_HASH}"
    )
    assert values["ssh_private_key"].endswith("-----END OPENSSH PRIVATE KEY-----\n"), (
        "ssh refuses a key file without its last newline"
    )
    assert values["web_urls"] == [f"http://10.17.3.{host}:30080" for host in (11, 21, 22)]
    assert values["web_url"] in values["web_urls"]


def test_every_node_is_listed_with_its_address_and_the_way_in(applied: Run) -> None:
    nodes = applied.exports["nodes"].value
    assert [(node["name"], node["role"], node["address"]) for node in nodes] == [
        ("control-plane-1", "control-plane", "10.17.3.11"),
        ("worker-1", "worker", "10.17.3.21"),
        ("worker-2", "worker", "10.17.3.22"),
    ]
    assert nodes[1]["ssh"] == "ssh -i ssh_key debian@10.17.3.21"
    assert nodes[1]["host_key"].startswith("ssh-ed25519 "), "it is what goes into known_hosts"


def test_a_preview_before_the_first_up_promises_no_url(previewed: Run) -> None:
    assert not previewed.exports["web_url"].known, "nothing has answered there yet"
    assert not previewed.exports["web_urls"].known


def test_the_url_is_given_when_pods_service_and_dns_are_there(program: Run) -> None:
    assert program.exports["web_url"].after == {"web-deployment", "web-service", "cluster-dns-check"}


def test_a_preview_shows_every_resource_that_up_makes(applied: Run, previewed: Run) -> None:
    assert sorted(previewed.resources) == sorted(applied.resources)


def test_only_components_stand_at_the_top_level(program: Run) -> None:
    top_level = [each for each in program.resources.values() if "::pulumi:pulumi:Stack::" in each.parent]
    unparented = {each.type for each in top_level}
    assert unparented, "the test looks at the wrong field"
    assert all(kind.startswith("kubeadm-libvirt:index:") for kind in unparented)


def test_every_type_token_is_the_name_of_its_noun(program: Run) -> None:
    components = {each.type for each in program.resources.values() if not each.custom}
    assert components == {
        f"kubeadm-libvirt:index:{noun}"
        for noun in (
            "ClusterIdentity",
            "SshKeys",
            "Network",
            "Machine",
            "KubernetesCluster",
            "Flannel",
            "NodesReady",
            "WebServer",
            "ClusterDns",
        )
    }


def test_every_step_on_a_machine_is_bounded_and_goes_with_a_machine(program: Run) -> None:
    machines = {stash.urn for stash in program.of(":Stash") if stash.name.endswith("-made")}
    commands = program.of(":remote:Command")
    assert len(commands) == 9, "a preview reads like the drawing in the README: one command a meaningful step"
    for command in commands:
        assert command.create_timeout.endswith("s"), f"{command.name} would dial a dead machine for ever"
        assert command.update_timeout == command.delete_timeout == command.create_timeout
        assert command.deleted_with in machines, f"destroy would log in to run {command.name} and hang"


def test_everything_in_the_cluster_goes_with_its_provider_and_uses_its_kubeconfig(program: Run) -> None:
    provider = program.one("providers:kubernetes")
    in_cluster = [each for each in program.resources.values() if each.type.startswith("kubernetes:")]
    assert len(in_cluster) == 9
    for resource in in_cluster:
        assert resource.deleted_with == provider.urn, f"a cluster that goes would be asked for {resource.name}"
        assert "::k8s-provider::" in resource.provider, f"{resource.name} would go where kubectl points just now"


def test_the_machines_are_made_in_parallel(program: Run) -> None:
    for machine in program.of(":Domain"):
        others = {other.name for other in program.of(":Domain")} - {machine.name}
        assert not others & program.before(machine), "up would take the sum of all boots"


@pytest.mark.parametrize("preview", [False, True])
def test_a_bad_configuration_makes_nothing_and_names_every_fault(run_program: RunProgram, *, preview: bool) -> None:
    registered: list[str] = []
    with pytest.raises(SettingsError) as refusal:
        run_program(preview=preview, registered=registered, workers="0", nodePort="80")
    assert str(refusal.value).splitlines() == [
        "The configuration has 2 faults; nothing was made.",
        "- workers = '0' is refused: it must be a whole number, 1 to 100, because the control plane runs no pods of "
        "yours. Way out: set it with: pulumi config set workers 2",
        "- nodePort = '80' is refused: it must be a whole number, 30000 to 32767, the range Kubernetes gives to node "
        "ports. Way out: set it with: pulumi config set nodePort 30080",
    ]
    assert registered == []


@pytest.mark.parametrize("preview", [False, True])
def test_a_host_that_is_not_ready_makes_nothing(run_program: RunProgram, *, preview: bool) -> None:
    def lacks_kvm(_: Settings) -> None:
        raise SettingsError("there is no /dev/kvm")

    registered: list[str] = []
    with pytest.raises(SettingsError, match="there is no /dev/kvm"):
        run_program(preview=preview, registered=registered, check_host=lacks_kvm)
    assert registered == []


def test_a_missing_image_makes_nothing(run_program: RunProgram, tmp_path: Path) -> None:
    registered: list[str] = []
    with pytest.raises(SettingsError, match="there is no such file"):
        run_program(registered=registered, image=str(tmp_path / "absent.qcow2"))
    assert registered == []


def libvirt_names(recorded: Run) -> set[tuple[str, str]]:
    """Everything that is unique on a host, by kind."""
    libvirt = [each for each in recorded.resources.values() if each.type.startswith("libvirt:")]
    interfaces = [interface for each in libvirt for interface in each.plain("networkInterfaces") or []]
    return {
        *((each.type, each.plain("name")) for each in libvirt),
        *(("MAC", interface["mac"]) for interface in interfaces),
        ("bridge", recorded.one("/network:Network").plain("bridge")),
        ("directory", recorded.one(":Pool").plain("target")["path"]),
    }


def test_two_clusters_on_one_host_share_no_name(applied: Run, unusual: Run) -> None:
    assert len(libvirt_names(applied)) == 12 + 3 + 2
    shared = libvirt_names(applied) & libvirt_names(unusual)
    assert {name.split("-")[0] for _, name in shared} == {"base"}, (
        "libvirt would refuse the second cluster, or give it what is the first one's"
    )
