"""The real kubeadm makes anew what a control plane has lost, and only that; the rest of the machine is a stand-in."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from components import kubeadm
from lab.paths import BIN
from tests.sandbox import Sandbox
from tests.test_script_init import HAS_ITS_NODE, LEAVES, init

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not (BIN / "kubeadm").exists(), reason="kubeadm is not there: lab.build control-plane makes it"),
]

MAKES = "certs all, kubeconfig all, etcd local, control-plane all"
INITIALISES = f"""
if [[ $2 == --config ]]; then
  {"; ".join(f'/mnt/real/kubeadm init phase {phase} --config "$3"' for phase in MAKES.split(", "))}
  /usr/bin/mkdir -p /var/lib/etcd/member /var/lib/kubelet
  echo "kind: KubeletConfiguration" >/var/lib/kubelet/config.yaml
  exit
fi
"""
KUBECONFIGS = ("admin.conf", "controller-manager.conf", "scheduler.conf")
AUTHORITIES = {leaf: "etcd/ca" for leaf in LEAVES if "etcd" in leaf} | {"front-proxy-client": "front-proxy-ca"}


def remove(path: Path) -> None:
    """As by a slip of rm."""
    path.unlink()


def empty(path: Path) -> None:
    """As by a power cut."""
    path.write_text("")


def damage(path: Path) -> None:
    """As by a disk that gives back what nobody has written."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A control plane's files, as kubeadm makes them."""
    machine = with_kubeadm(tmp_path_factory.mktemp("made"))
    result = init(machine)
    assert result.code == 0, result.said
    return machine


@pytest.fixture
def machine(made: Sandbox, tmp_path: Path) -> Sandbox:
    """Another machine with the same files."""
    copy = with_kubeadm(tmp_path)
    for directory in ("etc", "var", "home"):
        shutil.copytree(made.root / directory, copy.root / directory, dirs_exist_ok=True)
    return copy


def with_kubeadm(directory: Path) -> Sandbox:
    """A machine on which `kubeadm init` makes all files, and starts nothing."""
    sandbox = Sandbox(directory / "machine")
    sandbox.path("/mnt/real/kubeadm").symlink_to(BIN / "kubeadm")
    sandbox.does("kubeadm", INITIALISES)
    sandbox.does("kubectl", HAS_ITS_NODE)
    sandbox.does("pgrep", "exit 1")
    return sandbox


def openssl(*words: object) -> str:
    """What openssl prints."""
    command = ["openssl", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def is_whole(machine: Sandbox) -> None:
    """Whether all that has a certificate could serve with it, and be trusted."""
    there = machine.path("/etc/kubernetes")
    for leaf in LEAVES:
        certificate, key = (there / f"pki/{leaf}.{half}" for half in ("crt", "key"))
        authority = there / f"pki/{AUTHORITIES.get(leaf, 'ca')}.crt"
        assert openssl("x509", "-pubkey", "-noout", "-in", certificate) == openssl("pkey", "-pubout", "-in", key)
        assert openssl("verify", "-CAfile", authority, certificate).endswith("OK\n")
    assert openssl("pkey", "-pubout", "-in", there / "pki/sa.key") == (there / "pki/sa.pub").read_text()
    for name in KUBECONFIGS:
        kubeconfig = yaml.safe_load((there / name).read_text())
        client = machine.path("/tmp/client.crt")
        client.write_bytes(base64.b64decode(kubeconfig["users"][0]["user"]["client-certificate-data"]))
        assert openssl("verify", "-CAfile", there / "pki/ca.crt", client).endswith("OK\n")
    assert all((there / file).stat().st_size for file in kubeadm.CONTROL_PLANE_FILES)


@pytest.mark.parametrize("harm", [remove, empty, damage])
@pytest.mark.parametrize(
    "files",
    [
        pytest.param([f"pki/{leaf}.crt" for leaf in LEAVES], id="certificates"),
        pytest.param([f"pki/{leaf}.key" for leaf in LEAVES], id="keys"),
        pytest.param([*KUBECONFIGS, "pki/ca.crt"][1:], id="kubeconfigs and the authority"),
        pytest.param([*KUBECONFIGS, "super-admin.conf"], id="all kubeconfigs"),
        pytest.param([f"pki/etcd/{name}.key" for name in ("ca", "server", "peer")], id="etcd's keys"),
        pytest.param(["pki/front-proxy-ca.key", "pki/front-proxy-client.key"], id="the front proxy's keys"),
        pytest.param(["pki/etcd/ca.crt", "pki/front-proxy-ca.crt"], id="authorities of this machine alone"),
        pytest.param(["pki/sa.pub"], id="the service accounts' public key"),
        pytest.param(["pki/sa.key"], id="the service accounts' key"),
    ],
)
def test_a_control_plane_gets_what_it_has_lost_and_keeps_all_else(
    machine: Sandbox, files: list[str], harm: Callable[[Path], None]
) -> None:
    before = machine.files()
    for file in files:
        harm(machine.path(f"/etc/kubernetes/{file}"))
    result = init(machine)
    assert result.code == 0, result.said
    is_whole(machine)
    kept = ["pki/ca.key", "pki/ca.crt", *({"pki/sa.key", "admin.conf"} - set(files))]
    assert all(machine.files()[f"/etc/kubernetes/{file}"] == before[f"/etc/kubernetes/{file}"] for file in kept)


def test_a_control_plane_whose_keys_for_etcd_are_all_gone_gets_others(machine: Sandbox) -> None:
    shutil.rmtree(machine.path("/etc/kubernetes/pki/etcd"))
    result = init(machine)
    assert result.code == 0, result.said
    is_whole(machine)


def test_a_control_plane_that_has_lost_nothing_keeps_every_file(machine: Sandbox) -> None:
    before = machine.files()
    result = init(machine)
    assert result.code == 0, result.said
    assert machine.files() == before
