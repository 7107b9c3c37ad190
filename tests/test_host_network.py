"""The machines' network must be possible on this host; whatever is in its way is named with its fix."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network

import pytest

from components import host_network
from tests.fake_host import FakeHost

OTHER = "<bridge name='virbr0'/><ip address='{}' {}/>"
OURS = "<forward mode='nat'/><bridge name='br-k8s'/><ip address='10.17.3.1' prefix='24'/>"


@pytest.mark.parametrize("taken", ["10.17.3.0/24", "10.17.0.0/16", "10.17.3.128/25", "10.17.3.7/32"])
def test_a_network_that_the_host_uses_already_is_refused(ready: FakeHost, taken: str) -> None:
    ready.routes(("eth0", "0.0.0.0/0"), ("wlan0", taken))
    assert ready.faults() == [
        f"- networkCidr = '10.17.3.0/24' is taken: wlan0 of this host has {taken}. Choose another: "
        "pulumi config set networkCidr 10.77.3.0/24"
    ]


@pytest.mark.parametrize("size", ["prefix='16'", "netmask='255.255.0.0'"])
def test_a_network_that_libvirt_has_defined_and_not_started_is_refused(ready: FakeHost, size: str) -> None:
    ready.networks(default=OTHER.format("10.17.0.1", size))
    assert ready.faults() == [
        "- networkCidr = '10.17.3.0/24' is taken: libvirt's network default has 10.17.0.0/16. Choose another: "
        "pulumi config set networkCidr 10.77.3.0/24"
    ]


def test_a_network_of_libvirt_that_runs_is_named_once(ready: FakeHost) -> None:
    ready.networks(default=OTHER.format("10.17.3.1", "prefix='24'"))
    ready.routes(("virbr0", "10.17.3.0/24"))
    assert len(ready.faults()) == 1


def test_the_network_that_is_proposed_is_free_itself(ready: FakeHost) -> None:
    ready.routes(("eth0", "10.17.3.0/24"), ("eth1", "10.77.0.0/16"))
    ready.networks(default=OTHER.format("10.78.3.1", "prefix='24'"), six="<ip family='ipv6' address='fd00::1'/>")
    (line,) = ready.faults(podCidr="10.79.0.0/16", serviceCidr="10.80.0.0/16")
    assert line.endswith("pulumi config set networkCidr 10.81.3.0/24")


@pytest.mark.parametrize(
    ("routes", "pods", "way_out"),
    [
        ([], "10.0.0.0/8", "Choose another: pulumi config set networkCidr 192.168.77.0/24"),
        ([("a", "192.168.0.0/16")], "10.0.0.0/8", "Choose another: pulumi config set networkCidr 172.16.3.0/24"),
        (
            # Docker takes the next network for its bridge, and that is the pods'.
            [("a", "192.168.0.0/16"), ("b", "10.0.0.0/8"), ("c", "172.16.0.0/16")],
            "172.18.0.0/16",
            "Choose another: pulumi config set networkCidr 172.19.3.0/24",
        ),
        (
            [("a", "192.168.0.0/16"), ("b", "172.16.0.0/12")],
            "10.0.0.0/8",
            "No network that could be proposed is free: choose another for one of the two",
        ),
    ],
)
def test_no_network_is_proposed_that_would_be_refused(
    ready: FakeHost, routes: list[tuple[str, str]], pods: str, way_out: str
) -> None:
    ready.routes(("eth0", "11.17.3.0/24"), *routes)
    (line,) = ready.faults(networkCidr="11.17.3.0/24", podCidr=pods, serviceCidr="12.96.0.0/16")
    assert line.endswith(f" has 11.17.3.0/24. {way_out}")


@pytest.mark.parametrize(
    "routes",
    [
        [("eth0", "10.17.2.0/24"), ("eth1", "10.17.4.0/24")],
        [("br-k8s", "10.17.3.0/24")],  # the second `up`
        [("eth0", "0.0.0.0/0")],
        [("tun0", "0.0.0.0/1"), ("tun0", "128.0.0.0/1")],  # what a VPN sets in place of a default route
        [],
    ],
)
def test_a_network_that_is_free_or_our_own_is_accepted(ready: FakeHost, routes: list[tuple[str, str]]) -> None:
    ready.routes(*routes)
    ready.networks(k8s=OURS, default=OTHER.format("192.168.122.1", "netmask='255.255.255.0'"))
    ready.accepted()


def test_another_clusters_bridge_is_not_our_own(ready: FakeHost) -> None:
    ready.routes(("br-k8s", "10.17.3.0/24"))
    assert len(ready.faults(clusterName="blue")) == 1


def test_a_host_without_a_table_of_routes_is_accepted(ready: FakeHost) -> None:
    (ready.directory / "route").unlink()
    ready.accepted()


def test_the_kernels_table_of_this_very_host_can_be_read() -> None:
    if not host_network.ROUTES.exists():
        pytest.skip(f"there is no {host_network.ROUTES} here")
    lines = host_network.ROUTES.read_text().splitlines()[1:]
    routes = host_network.routes_of_this_host()
    assert len(routes) == len(lines)
    assert all(isinstance(network, IPv4Network) for _, network in routes)


def test_a_bridge_that_another_network_has_is_refused(ready: FakeHost) -> None:
    ready.networks(mine="<bridge name='br-k8s'/>")
    assert ready.faults() == [
        "- the bridge br-k8s belongs to libvirt's network mine. Choose another: pulumi config set clusterName k8s2"
    ]


def test_an_interface_that_libvirt_did_not_make_is_refused(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "if_nameindex", lambda: [(1, "lo"), (7, "br-k8s")])
    assert ready.faults() == [
        "- there is an interface br-k8s, and libvirt did not make it. If nothing uses it, remove it: "
        "sudo ip link delete br-k8s; or choose another name: pulumi config set clusterName k8s2"
    ]
    ready.networks(k8s=OURS)
    ready.accepted()


def test_a_network_that_goes_while_it_is_looked_at_is_no_fault(ready: FakeHost) -> None:
    ready.networks(gone="<bridge name='br-k8s'/>")
    ready.answers("net-dumpxml gone", "error: Network not found", error=True)
    ready.accepted()


def test_a_host_without_dnsmasq_is_told_its_package(ready: FakeHost) -> None:
    (ready.directory / "system" / "dnsmasq").unlink()
    assert ready.faults() == [
        "- dnsmasq is missing, which libvirt runs in each network. Install it: sudo apt-get install dnsmasq-base"
    ]


@pytest.mark.parametrize(
    ("version", "there", "missing"),
    [("9.0.0", ["nft"], "iptables is"), ("10.3.0", [], "iptables is"), ("10.4.0", [], "iptables and nft are")],
)
def test_a_host_without_what_libvirt_translates_addresses_with_is_refused(
    ready: FakeHost, version: str, there: list[str], missing: str
) -> None:
    ready.libvirt(version)
    for tool in {"iptables", "nft"} - set(there):
        (ready.directory / "system" / tool).unlink()
    assert ready.faults() == [
        f"- {missing} missing, which libvirt sets up address translation with. Install it: "
        "sudo apt-get install iptables && sudo systemctl restart libvirtd"
    ]


def test_a_libvirt_that_knows_nftables_needs_no_iptables(ready: FakeHost) -> None:
    ready.libvirt("11.3.0")
    (ready.directory / "system" / "iptables").unlink()
    ready.accepted()


def drops(ready: FakeHost, *rules: str) -> None:
    """Makes the host's firewall drop what is forwarded, but for what `rules` say."""
    ready.libvirt("11.3.0")
    lines = "\\n".join(["-P INPUT ACCEPT", "-P FORWARD DROP", *rules])
    ready.command("system", "iptables", f'#!/bin/sh\n[ "$*" = -S ] && printf -- "{lines}\\n"\n')


@pytest.mark.parametrize(("rules", "chain"), [(["-N DOCKER-USER"], "DOCKER-USER"), ([], "FORWARD")])
def test_a_firewall_that_cuts_machines_off_is_warned_of(ready: FakeHost, rules: list[str], chain: str) -> None:
    drops(ready, *rules)
    assert ready.warnings() == [
        "the firewall drops what is forwarded, as Docker sets it up, so the machines may reach nothing "
        f"(moby/moby#52612). Let them through: sudo iptables -I {chain} -i br-k8s -j ACCEPT && "
        f"sudo iptables -I {chain} -o br-k8s -j ACCEPT"
    ]


def test_a_firewall_that_lets_the_bridge_through_is_accepted(ready: FakeHost) -> None:
    drops(ready, "-A DOCKER-USER -o br-k8s -j ACCEPT", "-A DOCKER-USER -i br-k8s -j ACCEPT")
    ready.accepted()


def test_a_firewall_that_lets_the_bridge_through_one_way_only_is_warned_of(ready: FakeHost) -> None:
    drops(ready, "-A DOCKER-USER -i br-k8s -j ACCEPT")
    assert len(ready.warnings()) == 1


def test_a_libvirt_whose_rules_are_in_iptables_is_cut_off_by_no_policy(ready: FakeHost) -> None:
    drops(ready)
    ready.file("network.conf", '# a comment\nfirewall_backend = "iptables"\n')
    ready.accepted()
    (ready.directory / "network.conf").unlink()
    ready.libvirt("10.3.0")
    ready.accepted()


def test_rules_that_only_root_can_see_are_no_fault(ready: FakeHost) -> None:
    ready.libvirt("11.3.0")
    ready.command("system", "iptables", "#!/bin/sh\nexit 4\n")
    ready.accepted()
