"""Under the real engine and libvirt: what lies there under our names is removed by `up`, and seen by no preview."""

from __future__ import annotations

from tests.lab.checkout import OWN_MARK, Checkout


def test_a_run_removes_what_an_interrupted_one_left_and_a_preview_does_not(checkout: Checkout) -> None:
    cluster, pool = checkout.cluster, checkout.pool
    network = checkout.directory / "network.xml"
    network.write_text(f"<network><name>{cluster}</name><bridge name='br-{cluster}'/></network>")
    checkout.virsh("net-define", str(network))
    checkout.inside("mkdir", str(pool))
    checkout.virsh("pool-create-as", cluster, "dir", "--target", str(pool))
    checkout.inside("truncate", "--size=1M", f"{pool}/{cluster}-worker-1.qcow2")
    disk = f"<disk type='file'><source file='{pool}/{cluster}-worker-1.qcow2'/><target dev='sda' bus='scsi'/></disk>"
    checkout.domain(f"{cluster}-worker-1", description=OWN_MARK, devices=disk, running=True)
    checkout.domain(f"{cluster}-control-plane-1")
    before = checkout.ours()

    preview = checkout.run("tools/pulumi", "lab", "preview", "--suppress-progress")
    assert preview.code == 0, preview.output
    assert checkout.ours() == before
    assert "leftover" not in preview.output

    up = checkout.up()
    assert up.code == 0, up.output
    for line in (
        f"warning: Removed the network {cluster}, a leftover: no running domain of anybody else used it.",
        f"warning: Removed the storage pool {cluster}, a leftover, but not the files in {pool}.",
        f"warning: Removed the volume {pool}/{cluster}-worker-1.qcow2,",
        f"warning: Removed the domain {cluster}-worker-1, a leftover: it has our mark.",
        f"warning: Removed the domain {cluster}-control-plane-1, a leftover: it did not run.",
    ):
        assert line in up.output
    again = checkout.up()
    assert "8 unchanged" in again.output, again.output
    assert "leftover" not in again.output
    assert checkout.destroy().code == 0


def test_a_run_stops_before_somebody_elses_running_domain_and_says_what_to_do(checkout: Checkout) -> None:
    name = f"{checkout.cluster}-worker-1"
    checkout.domain(name, description="mail server", running=True)
    up = checkout.up()
    assert up.code != 0
    assert f'failed: The domain {name} runs, and this stack did not make it: its description is "mail server".' in (
        up.output
    )
    assert "If not, choose another name for this cluster: tools/pulumi lab config set clusterName NAME" in up.output
    assert "mail server" in checkout.virsh("desc", name)
    assert not any(
        name in resource["urn"] for resource in checkout.state()["resources"] if "Domain" in resource["type"]
    )

    checkout.virsh("destroy", name)
    healed = checkout.up()
    assert healed.code == 0, healed.output
    assert checkout.destroy().code == 0


def test_what_was_undefined_by_hand_is_defined_again_and_nothing_is_rebuilt(checkout: Checkout) -> None:
    up = checkout.up()
    assert up.code == 0, up.output
    cluster = checkout.cluster
    for kind in ("net", "pool"):
        checkout.virsh(f"{kind}-destroy", cluster)
        checkout.virsh(f"{kind}-undefine", cluster)
    script = """source tools/environment.sh; use_stack lab; use_state lab
    sweep_libvirt wake < <(libvirt_state lab); forget_missing lab "$in_libvirt" """
    refreshed = checkout.run("bash", "-c", script)
    assert refreshed.code == 0, refreshed.output
    assert refreshed.output.splitlines() == [
        f"Defined the network {cluster} again: it was gone from libvirt.",
        f"Started the network {cluster} again.",
        f"Defined the storage pool {cluster} again: it was gone from libvirt.",
        f"Started the storage pool {cluster} again.",
    ]
    again = checkout.up()
    assert "8 unchanged" in again.output, again.output

    checkout.virsh("undefine", f"{cluster}-worker-1")
    checkout.inside("rm", str(checkout.pool / f"{cluster}-worker-1.qcow2"))
    refreshed = checkout.run("bash", "-c", script)
    assert sorted(refreshed.output.splitlines()) == [
        f"No more in libvirt: Domain {cluster}-worker-1-domain",
        f"No more in libvirt: Volume {cluster}-worker-1-disk",
    ]
    assert checkout.destroy().code == 0
