"""What the configuration may say."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from components.network_rules import NETWORKS
from components.project import PROJECT
from components.rules import RULES
from components.settings import Settings
from tests.configuration import PROJECT_FILE, REPOSITORY, as_pulumi_hands_it_over, make_settings

SUM = "a" * 128
ONE_IMAGE = f'{{"worker-1": {{"image": "/srv/a", "imageSha512": "{SUM}"}}}}'


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("clusterName", "a"),
        ("clusterName", "eleven-char"),
        ("kubernetesVersion", "1.32.0"),
        ("kubernetesVersion", "1.40.12"),
        ("containerRuntime", "containerd"),
        ("controlPlaneCpus", "64"),
        ("controlPlaneMemory", "1900"),
        ("workers", "1"),
        ("workers", "100"),
        ("workerCpus", "1"),
        ("workerMemory", "1024"),
        ("diskSize", "8"),
        ("image", "http://10.0.0.1/debian.qcow2"),
        ("imageSha512", "0" * 128),
        ("systemUpgrade", "false"),
        ("virtualization", "qemu"),
        ("storagePath", "/srv/disks"),
        ("storagePath", f"/{'a/' * 499}"),
        ("timeoutFactor", "60"),
        ("aptMirror", "http://10.0.0.1/debian"),
        ("imageMirrors", ""),
        ("imageMirrors", '{"registry.example:5000": "http://a"}'),
        ("webServerImage", "registry.example:5000/nginx:1"),
        ("imageMirrors", '{"localhost:5000": "http://10.0.0.5:5000"}'),
        ("webServerImage", "docker.io/library/nginx:1.26.3@sha256:" + "a" * 64),
        ("imageMirrors", '{"%s": "http://a"}' % ("a." * 126 + "b")),
        ("imageMirrors", '{"%s.b:5": "http://a"}' % ("a" * 63)),
        ("aptMirror", "http://0x7f.example/debian"),
        ("webServerReplicas", "1"),
        ("nodePort", "30000"),
        ("nodePort", "32767"),
    ],
)
def test_a_value_at_the_edge_of_its_rule_is_accepted(key: str, value: str) -> None:
    make_settings(**{key: value})


def test_blanks_around_a_text_do_no_harm() -> None:
    settings = make_settings(podCidr=" 10.32.0.0/16 ", clusterName="k8s\n")
    assert (settings.pod_cidr, settings.cluster_name) == (IPv4Network("10.32.0.0/16"), "k8s")


def test_blanks_around_a_text_inside_a_key_do_no_harm() -> None:
    own = f'{{"worker-1": {{"image": " /srv/a ", "imageSha512": " {SUM}\\n"}}}}'
    settings = make_settings(machines=own, imageMirrors='{"docker.io": " http://a/ "}')
    assert (settings.machines["worker-1"].image, settings.machines["worker-1"].image_sha512) == ("/srv/a", SUM)
    assert settings.image_mirrors == {"docker.io": "http://a"}


def test_the_letters_of_a_scheme_do_not_matter() -> None:
    settings = make_settings(image="HTTPS://a/B.qcow2", aptMirror="Http://A/b", imageMirrors='{"ghcr.io": "HTTP://a"}')
    assert (settings.image, settings.apt_mirror) == ("https://a/B.qcow2", "http://A/b")
    assert settings.image_mirrors == {"ghcr.io": "http://a"}


@pytest.mark.parametrize(
    "overrides",
    [
        {"networkCidr": "10.17.3.0/27", "workers": "10"},  # 32 addresses: .21 to .30 are the workers'
        {"podCidr": "10.244.0.0/22"},  # four /24 for three nodes
        {"serviceCidr": "10.96.0.0/24"},
        {"networkCidr": "10.244.0.0/24", "podCidr": "10.245.0.0/16"},
        {"image": "/srv/debian.qcow2", "imageSha512": ""},
        {"image": "/var/lib/libvirt/images/k8s.qcow2"},
        {
            "image": "/srv/a",
            "imageSha512": "",
            "machines": ONE_IMAGE,
        },
        {
            "image": "/srv/a",
            "imageSha512": SUM,
            "machines": ONE_IMAGE,
        },
        {"image": "http://localhost/debian.qcow2"},  # which this host asks, and no machine
        {"image": "/srv/os/../debian.qcow2", "imageSha512": "", "storagePath": "/srv/os"},
        {"storagePath": "/var/lib/disks"},
        {"storagePath": "/var/opt/disks"},
        {"storagePath": "/data"},
        {"storagePath": "/srv/run"},
        {"podCidr": "172.17.0.0/16", "containerRuntime": "containerd"},
        {"podCidr": "172.18.0.0/16"},
        {"networkCidr": "172.17.3.0/24", "podCidr": "172.19.0.0/16"},
        {"networkCidr": "11.0.0.0/8"},
        {"networkCidr": "172.17.3.0/24"},  # Docker sees that it is taken, and gives its bridge another
        {"kubernetesAptRepository": "http://a/v1.36/deb/", "kubernetesVersion": "1.36.4"},
        {"kubernetesAptRepository": "http://a/v1/deb/"},
        *({"kubernetesAptRepository": f"http://nexus.example/api/{own}/kubernetes/deb"} for own in ("v2.0", "v1.0")),
        {"aptMirror": "http://172.17.0.1/debian", "containerRuntime": "containerd"},
        {"aptMirror": "http://172.17.0.1/debian", "networkCidr": "172.17.0.0/24"},  # which is this host then
        {"aptMirror": "http://172.18.0.1/debian"},
        {"aptMirror": f"http://a/{'b' * 152}/"},
        {"aptMirror": f"http://mirror.example/{'_' * 46}"},
        {"aptMirror": "http://a/%20b/%24c"},
        {"webServerImage": "localhost:5000/a/b:1", "imageMirrors": '{"localhost:5000": "http://10.0.0.5:5000"}'},
        {"aptMirror": "http://10.17.3.1/debian"},
        {"aptMirror": "http://10.17.3.23/debian"},  # a machine of somebody's, until there is a third worker
        {"aptMirror": "http://worker-3/debian"},
        {"aptMirror": "http://a/$b/(c)"},
        {"webServerImage": "docker.com/nginx:1"},
        {"aptMirror": "http://worker-1.example/debian"},
        {"aptMirror": "http://10.17.3.0/debian", "networkCidr": "10.17.2.0/23"},
        {"aptMirror": "http://localhost.example/debian"},
    ],
)
def test_keys_that_just_fit_each_other_are_accepted(overrides: dict[str, str]) -> None:
    make_settings(**overrides)


@pytest.mark.parametrize("key", NETWORKS)
def test_the_example_of_a_network_is_its_default_which_is_not_blamed_for_an_overlap(key: str) -> None:
    assert RULES[key].example == PROJECT_FILE["config"][key]["default"]


def test_the_project_file_declares_exactly_the_keys_of_the_settings() -> None:
    aliases = {field.alias for field in Settings.model_fields.values()}
    assert set(PROJECT_FILE["config"]) == aliases == set(RULES)


@pytest.mark.parametrize("key", sorted(RULES))
def test_every_key_is_declared_with_type_default_and_description(key: str) -> None:
    declared = PROJECT_FILE["config"][key]
    assert set(declared) == {"type", "default", "description"}
    assert declared["description"].endswith(".")
    kinds = {"string": str, "integer": int, "boolean": bool, "object": dict}
    assert isinstance(declared["default"], kinds[declared["type"]]), "the Pulumi CLI refuses such a project file"


def test_the_project_is_called_what_the_settings_look_for() -> None:
    assert PROJECT_FILE["name"] == PROJECT


@pytest.mark.parametrize("stack", ["dev", "lab"])
def test_the_stacks_that_come_with_the_project_are_accepted(stack: str) -> None:
    config = yaml.safe_load(Path(REPOSITORY, f"Pulumi.{stack}.yaml").read_text())["config"]
    own = {key.removeprefix(f"{PROJECT}:"): value for key, value in config.items() if key.startswith(PROJECT)}
    settings = make_settings(**{key: as_pulumi_hands_it_over(value) for key, value in own.items()})
    assert settings.workers == 2, "the tutorial has two"
    assert config["libvirt:uri"] == "qemu:///system"


def test_a_slash_at_the_end_of_a_mirror_is_left_out() -> None:
    settings = make_settings(imageMirrors='{"docker.io": "http://10.0.0.5:5000/", "ghcr.io": "http://10.0.0.5/a/"}')
    assert settings.image_mirrors == {"docker.io": "http://10.0.0.5:5000", "ghcr.io": "http://10.0.0.5/a"}


def test_the_storage_directory_is_named_after_the_cluster_unless_it_is_set() -> None:
    assert make_settings(clusterName="blue").storage_directory == Path("/var/lib/libvirt/images/blue")
    assert make_settings(storagePath="/srv/disks").storage_directory == Path("/srv/disks")


@pytest.mark.parametrize(
    ("repository", "url"),
    [
        ("", "https://pkgs.k8s.io/core:/stable:/v1.36/deb/"),
        ("http://10.0.0.1/k8s", "http://10.0.0.1/k8s/"),
        ("http://10.0.0.1/k8s/", "http://10.0.0.1/k8s/"),
    ],
)
def test_the_kubernetes_repository_is_the_minor_versions_own_and_ends_in_one_slash(repository: str, url: str) -> None:
    settings = make_settings(kubernetesVersion="1.36.4", kubernetesAptRepository=repository)
    assert settings.kubernetes_repository == url
