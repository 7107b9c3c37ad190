"""A cluster is put aside and brought back by the lab's libvirt: two domains of 32 MiB that never run an instruction."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.paths import CACHE, LAB
from tests.e2e.cluster import run
from tests.e2e.faults import checkpoints, machines
from tests.e2e.faults.checkpoints import Checkpoint

pytestmark = pytest.mark.lab
DOMAIN = """<domain type='qemu'><name>{cluster}-{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/>
<target dev='vda' bus='virtio'/></disk><interface type='network'><source network='{cluster}'/></interface></devices>
</domain>"""


class NobodyIn:
    """Machines that nobody can log in to."""

    def __init__(self, _: Path) -> None: ...

    def wait_for_logins(self) -> None: ...

    def set_clocks(self) -> None: ...


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cluster's name; its network, pool, disks, domains and state are there, and gone afterwards."""
    if subprocess.run([LAB / "enter", "true"], capture_output=True, check=False).returncode:
        pytest.skip("the lab is not running: `lab/start`")
    if not shutil.which("zstd"):
        pytest.skip("there is no zstd: `apt-get install zstd`")
    name = f"t{uuid.uuid4().hex[:6]}"
    pool = Path("/var/lib/libvirt/images") / name
    for module in (machines, checkpoints):
        monkeypatch.setattr(module, "CLUSTER", name)
        monkeypatch.setattr(module, "POOL", pool)
        monkeypatch.setattr(module, "POOL_OUTSIDE", CACHE / "run" / pool.relative_to("/"))
        monkeypatch.setattr(module, "STATE", tmp_path / "state")
    monkeypatch.setattr(checkpoints, "Machines", NobodyIn)
    virsh = machines.virsh
    monkeypatch.setattr(checkpoints, "virsh", lambda *words, **kw: words[0] == "resume" or virsh(*words, **kw))
    define(name, pool, tmp_path)
    yield name
    machines.clear()


def define(cluster: str, pool: Path, directory: Path) -> None:
    """What `make up` makes in libvirt, as small as can be."""
    (CACHE / "run" / pool.relative_to("/")).mkdir(parents=True)
    (directory / "state").mkdir()
    (directory / "state" / "passphrase").write_text("secret")
    network = f"<network><name>{cluster}</name><bridge name='br-{cluster}'/></network>"
    pool_xml = f"<pool type='dir'><name>{cluster}</name><target><path>{pool}</path></target></pool>"
    for kind, xml in (("net", network), ("pool", pool_xml)):
        (directory / kind).write_text(xml)
        machines.virsh(f"{kind}-define", directory / kind)
        machines.virsh(f"{kind}-start", cluster)
    image("create", "-f", "qcow2", pool / "base-1.qcow2", "1M")
    for name in ("a", "b"):
        disk = pool / f"{cluster}-{name}.qcow2"
        image("create", "-f", "qcow2", "-b", pool / "base-1.qcow2", "-F", "qcow2", disk)
        (directory / name).write_text(DOMAIN.format(cluster=cluster, name=name, disk=disk))
        machines.virsh("define", directory / name)
        machines.virsh("start", f"{cluster}-{name}", "--paused")


def image(*words: str | Path) -> str:
    """What qemu-img prints in the lab."""
    return run("lab/enter", "qemu-img", *words)


def everything(cluster: str, state: Path) -> dict[str, str]:
    """What can be seen of a cluster."""
    seen = {what: " ".join(sorted(machines.names(what))) for what in ("list", "net-list", "pool-list")}
    if seen["list"]:
        seen |= {name: machines.virsh("domuuid", name) for name in machines.names("list")}
        machines.virsh("pool-refresh", cluster)
        seen["volumes"] = machines.virsh("vol-list", cluster)
        seen["states"] = " ".join(machines.virsh("domstate", name).strip() for name in seen["list"].split())
    seen["state"] = " ".join(path.read_text() for path in sorted(state.glob("*")))
    return seen


def test_a_cluster_that_was_put_aside_is_brought_back_whole_as_often_as_wanted(cluster: str, tmp_path: Path) -> None:
    before = everything(cluster, tmp_path / "state")
    assert before["state"] == "secret"
    first, second = Checkpoint(tmp_path / "kept" / "first"), Checkpoint(tmp_path / "kept" / "second")
    first.take()
    assert first.complete
    first.restore(tmp_path)
    assert everything(cluster, tmp_path / "state") == before

    (tmp_path / "state" / "passphrase").write_text("another")
    second.take()
    second.restore(tmp_path)
    assert everything(cluster, tmp_path / "state") == {**before, "state": "another"}
    disk = machines.POOL / f"{cluster}-a.qcow2"
    assert image("info", "-U", "--backing-chain", disk).count("image: ") == 4, "overlay, second, first, base"

    first.restore(tmp_path)
    assert everything(cluster, tmp_path / "state") == before, "what came later is forgotten"

    machines.clear()
    assert everything(cluster, tmp_path / "state") == {"list": "", "net-list": "", "pool-list": "", "state": ""}
    assert not (CACHE / "run" / machines.POOL.relative_to("/")).exists()
