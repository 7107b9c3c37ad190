"""One virtual machine, and the way in."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from components.rules import FIRST_WORKER_HOST
from tests.conftest import RunProgram
from tests.qcow2 import qcow2
from tests.recording import Registration, Run, plain, secret
from tests.seeds import call, read_seed

NAMES = ["control-plane-1", "worker-1", "worker-2"]


def domain(recorded: Run, name: str) -> Registration:
    """A machine's domain."""
    return recorded.one(":Domain", f"{name}-domain")


def seed(recorded: Run, name: str, directory: Path) -> dict[str, str]:
    """The files on the CD that the hook of a machine's seed makes."""
    path = directory / "private" / f"{name}.iso"
    asyncio.run(call(recorded, "before_create", f"k8s-{name}-seed", path))
    return read_seed(path)


def test_each_role_has_its_configured_size(unusual: Run) -> None:
    sizes = {each.name: (each.plain("vcpu"), each.plain("memory")) for each in unusual.of(":Domain")}
    assert sizes == {"blue-control-plane-1-domain": (4, 4096), "blue-worker-1-domain": (1, 1536)}
    disks = [unusual.one(":Volume", f"{name}-disk").plain("size") for name in NAMES[:2]]
    assert disks == [9 * 1024**3] * 2


def test_each_machine_has_its_own_disk_on_the_base_image_and_its_own_seed(applied: Run) -> None:
    for name in NAMES:
        machine = domain(applied, name)
        assert machine.plain("disks") == [{"volumeId": f"k8s-{name}-disk-id"}, {"file": f"k8s-{name}-seed-id"}]
        disk = applied.one(":Volume", f"{name}-disk")
        assert disk.plain("baseVolumeId") == "k8s-base-id"
        assert disk.plain("pool") == applied.one(":Volume", f"{name}-seed").plain("pool") == "k8s"


def test_no_seed_is_a_cloud_init_disk_which_a_refresh_reads_back_and_hangs(program: Run) -> None:
    assert program.of(":CloudInitDisk") == []


def test_a_new_disk_is_a_machine_that_knows_nothing_and_a_new_domain_is_not(program: Run) -> None:
    for name in NAMES:
        disk, made = program.one(":Volume", f"{name}-disk"), program.one(":Stash", f"{name}-made")
        assert made.replace_with == {disk.urn}, "with fixed names nothing else tells a new disk from the old one"
        assert not program.before(made) & {f"k8s-{name}-domain"}


def test_what_depends_on_a_domain_is_deleted_before_it_where_its_disk_is_replaced(program: Run) -> None:
    """The engine deletes what is replaced with a resource first, and then that resource's dependents in order."""
    for name in NAMES:
        domain, disk = program.one(":Domain", f"{name}-domain"), program.one(":Volume", f"{name}-disk")
        assert domain.replace_with == frozenset(), "the machine would go before it is drained"
        assert disk.urn in domain.dependencies


def test_a_new_cluster_wants_new_disks(program: Run) -> None:
    remembered = program.one(":Stash", "cluster")
    for name in NAMES:
        assert program.one(":Volume", f"{name}-disk").replace_with == {remembered.urn}


def test_a_control_planes_disk_that_was_enlarged_by_hand_is_kept(run_program: RunProgram) -> None:
    program = run_program()
    kept = {name: program.one(":Volume", f"k8s-{name}-disk").ignore_changes for name in ("control-plane-1", "worker-1")}
    assert kept == {"control-plane-1": {"size"}, "worker-1": frozenset()}


def test_one_machine_may_differ_from_the_others(run_program: RunProgram, tmp_path: Path) -> None:
    image = tmp_path / "other.qcow2"
    image.write_bytes(qcow2(b"other"))
    own = {"memory": 4096, "cpus": 3, "diskSize": 33, "image": str(image)}
    recorded = run_program(machines=json.dumps({"worker-2": own}))
    sizes = {each.name: (each.plain("vcpu"), each.plain("memory")) for each in recorded.of(":Domain")}
    assert sizes["k8s-worker-2-domain"] == (3, 4096)
    assert sizes["k8s-worker-1-domain"] == (2, 2048)
    disks = {name: recorded.one(":Volume", f"{name}-disk") for name in NAMES}
    assert [disk.plain("size") // 1024**3 for disk in disks.values()] == [20, 20, 33]
    assert disks["worker-1"].plain("baseVolumeId") == "k8s-base-id"
    assert re.fullmatch("k8s-base-[0-9a-f]{12}-id", disks["worker-2"].plain("baseVolumeId"))


def test_what_holds_keys_is_readable_by_its_owner_only(program: Run) -> None:
    for name in NAMES:
        for kind, file_format in (("disk", "qcow2"), ("seed", "raw")):
            stylesheet = program.one(":Volume", f"{name}-{kind}").plain("xml")["xslt"]
            assert "<mode>0600</mode>" in stylesheet
            assert f">{file_format}</xsl:attribute>" in stylesheet


def test_a_machine_comes_back_after_a_restart_of_the_host(applied: Run) -> None:
    assert all(domain(applied, name).plain("autostart") is True for name in NAMES)


def test_the_hypervisor_is_the_configured_one(applied: Run, unusual: Run) -> None:
    fast, slow = domain(applied, "worker-1"), domain(unusual, "worker-1")
    assert (fast.plain("type"), fast.plain("cpu")) == ("kvm", {"mode": "host-passthrough"})
    assert slow.plain("type") == "qemu"
    assert slow.plain("cpu") is None, "emulation cannot pass the host's CPU through"


def test_the_interface_has_the_mac_that_the_seed_gives_the_address_to(applied: Run, tmp_path: Path) -> None:
    for name in NAMES:
        (interface,) = domain(applied, name).plain("networkInterfaces")
        assert interface["networkId"] == "k8s-network-id"
        assert interface["mac"] in seed(applied, name, tmp_path)["network-config"]


def test_what_only_a_new_machine_takes_over_replaces_it(applied: Run) -> None:
    for name in NAMES:
        assert domain(applied, name).replace_on_changes == {"networkInterfaces"}, (
            "the provider would report an update and change nothing"
        )


def test_every_connection_pins_its_own_machines_host_key_and_is_secret(applied: Run) -> None:
    hosts = {"10.17.3.11": "control-plane-1", "10.17.3.21": "worker-1", "10.17.3.22": "worker-2"}
    commands = applied.of(":remote:Command")
    assert {command.plain("connection")["host"] for command in commands} == set(hosts)
    for command in commands:
        connection = command.inputs["connection"]
        assert secret(connection), "it holds the private key"
        connection = plain(connection)
        assert connection["hostKey"] == f"ssh-ed25519 public-k8s-{hosts[connection['host']]}-host-key", (
            "any machine at that address would get the scripts and their secrets"
        )
        assert connection["user"] == "debian"
        assert "private-k8s-login-key" in connection["privateKey"]
        assert connection["dialErrorLimit"] == 60, (
            "the provider's own 10 refused dials take 11 s, and a machine boots longer; without an end a stranger at "
            "its address would be asked for hours"
        )


def test_the_control_plane_may_log_in_to_workers_from_its_address_only(applied: Run, tmp_path: Path) -> None:
    login, joiner = "ssh-ed25519 public-k8s-login-key", "ssh-ed25519 public-k8s-control-plane-1-host-key"
    for name in NAMES:
        user_data = seed(applied, name, tmp_path)["user-data"]
        assert f"- {login}\n" in user_data
        restricted = f'- restrict,from="10.17.3.11" {joiner}\n' in user_data
        assert restricted == (name != "control-plane-1"), user_data
        assert f"- {joiner}\n" not in user_data, "without `from` the key would be worth a login from anywhere"


def test_one_more_worker_changes_no_machine_that_is_there(
    applied: Run, run_program: RunProgram, tmp_path: Path
) -> None:
    more = run_program(workers=3)
    for kind in (":Domain", ":Volume", ":Stash"):
        before = {each.urn: each.inputs for each in applied.of(kind)}
        after = {each.urn: each.inputs for each in more.of(kind)}
        assert before.items() <= after.items()
    assert f"10.17.3.{FIRST_WORKER_HOST + 2}" in seed(more, "worker-3", tmp_path)["network-config"]


def test_whatever_lies_in_libvirt_under_our_names_is_looked_for_before_anything_is_made(program: Run) -> None:
    made = [each for each in program.resources.values() if each.type.startswith("libvirt:")]
    assert len(made) == 12
    for resource in made:
        kinds = {name.rsplit("-", 1)[-1].split("_")[0] for name in resource.hooks["before_create"]}
        assert len(resource.hooks["before_create"]) >= 1, f"an orphan would be in the way of {resource.name}: {kinds}"
        assert "k8s-login-key" in program.before(resource), "the hook waits for the mark, and would wait for ever"


def test_every_domain_says_whose_it_is(applied: Run) -> None:
    marks = {domain(applied, name).plain("description") for name in NAMES}
    assert len(marks) == 1
    assert re.fullmatch("kubeadm-libvirt [0-9a-f]{16}", marks.pop()), "another stack could take it for its own leftover"
