"""A Debian machine is made ready for kubeadm, and what is ready is left alone."""

from __future__ import annotations

import tomllib

import pytest

from tests.sandbox import STOP, Result, Sandbox

REPOSITORY = "http://10.17.3.1/kubernetes/"
APT = (
    "apt-get --quiet=2 --option DPkg::Lock::Timeout=300 --option Acquire::Retries=3 "
    "--option Dpkg::Options::=--force-confdef --option Dpkg::Options::=--force-confold"
)
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
PINNED = "kubeadm=1.37.2-* kubelet=1.37.2-* kubectl=1.37.2-*"
DOES_CTR = r"""
case "$*" in
  *"images list"*) [[ -e "/mnt/pulled/${!#//[^a-z0-9]/-}" ]] && echo "${!#}" ;;
  *"images pull"*) /usr/bin/mkdir -p /mnt/pulled; name="name==${!#}"; echo >"/mnt/pulled/${name//[^a-z0-9]/-}" ;;
esac
exit 0
"""
DOWNLOADS_TO_FILE = 'for argument in "$@"; do [[ $argument == *.new ]] && file=$argument; done'
FSTAB = """# swap was here
/dev/vda1 / ext4 defaults 0 1
/dev/vda2 none swap sw 0 0
UUID=1\tnone\tswap\tsw\t0\t0
"""


@pytest.fixture
def node(machine: Sandbox) -> Sandbox:
    """A machine that has just booted; a download writes its URL into the file."""
    machine.write("/etc/fstab", FSTAB)
    machine.write("/etc/apt/sources.list.d/debian.sources", "Debian's own")
    machine.does("curl", f'{DOWNLOADS_TO_FILE}; echo "-----BEGIN PGP PUBLIC KEY BLOCK----- of ${{!#}}" >$file')
    machine.does("ctr", DOES_CTR)
    machine.does("kubeadm", "echo registry.k8s.io/etcd:3.6; echo registry.k8s.io/pause:3.10.2")
    machine.does("systemctl", "[[ $* != *is-active* || -e /mnt/containerd-runs ]]; exit")
    return machine


def prepare(machine: Sandbox, **changed: str) -> Result:
    """Runs the script for a worker."""
    inputs = {
        "ROLE": "worker",
        "CONTAINER_RUNTIME": "docker",
        "SYSTEM_UPGRADE": "True",
        "KUBERNETES_VERSION": "1.37.2",
        "KUBERNETES_REPOSITORY": REPOSITORY,
        "APT_MIRROR": "",
        "APT_MIRROR_KEY": "",
        "IMAGE_MIRRORS": "",
        "SANDBOX_IMAGE": "registry.k8s.io/pause:3.10.2",
        "IMAGES": "docker.io/library/nginx:1.26.3\nregistry.k8s.io/pause:3.10.2",
        "PATIENCE_SECONDS": "300",
    }
    return machine.run("prepare-node.sh", {**inputs, **changed})


def position(machine: Sandbox, start: str) -> int:
    """Where in the order of calls the only one that starts so is."""
    found = [number for number, line in enumerate(machine.lines()) if line.startswith(start)]
    assert len(found) == 1, f"{start}: {machine.lines()}"
    return found[0]


def test_every_step_of_the_tutorial_is_done_in_its_order(node: Sandbox) -> None:
    result = prepare(node)
    assert (result.code, result.output) == (0, ""), result.said
    steps = [
        "cloud-init status --wait --long",
        "curl ",
        "apt-get --quiet=2 --error-on=any update",
        "dpkg --configure --pending",
        f"{APT} install --fix-broken",
        f"{APT} upgrade",
        f"{APT} dist-upgrade",
        "modprobe --all overlay br_netfilter vxlan",
        "sysctl --quiet --load=/etc/sysctl.d/99-kubernetes.conf",
        "swapoff --all",
        "systemctl --quiet mask swap.target",
        f"{APT} install --no-install-recommends --allow-change-held-packages ",
        "apt-mark hold kubeadm kubelet kubectl",
        "systemctl --quiet enable containerd kubelet",
    ]
    order = [position(node, step) for step in steps]
    assert order == sorted(order)


def test_a_second_run_changes_no_file_restarts_nothing_and_pulls_nothing(node: Sandbox) -> None:
    prepare(node)
    files = node.files()
    node.write("/mnt/containerd-runs")
    node.forget()
    assert prepare(node).code == 0
    assert node.files() == files
    assert not [line for line in node.lines() if " restart " in line or " pull " in line], "every pod would feel it"


@pytest.mark.parametrize(("runtime", "docker"), [("docker", ["docker.io", "docker-cli"]), ("containerd", [])])
def test_the_configured_runtime_is_installed_with_kubernetes_of_one_version(
    node: Sandbox, runtime: str, docker: list[str]
) -> None:
    prepare(node, CONTAINER_RUNTIME=runtime)
    (install,) = [call for call in node.calls("apt-get") if "--no-install-recommends" in call]
    packages = install[install.index("--allow-change-held-packages") + 1 :]
    assert [package for package in packages if package.startswith("docker")] == docker
    assert {"containerd", "runc", *PINNED.split()} <= set(packages)


def test_without_system_upgrade_nothing_is_upgraded(node: Sandbox) -> None:
    prepare(node, SYSTEM_UPGRADE="False")
    assert not [line for line in node.lines("apt-get") if line.endswith("upgrade")]
    assert position(node, f"{APT} install --no-install-recommends ")


def test_swap_stays_off_after_a_reboot(node: Sandbox) -> None:
    prepare(node)
    assert node.read("/etc/fstab") == "# swap was here\n/dev/vda1 / ext4 defaults 0 1\n"


def test_what_the_kernel_needs_is_there_after_a_reboot(node: Sandbox) -> None:
    prepare(node)
    assert node.read("/etc/modules-load.d/kubernetes.conf").split() == ["overlay", "br_netfilter", "vxlan"]
    assert set(node.read("/etc/sysctl.d/99-kubernetes.conf").splitlines()) == {
        "net.ipv4.ip_forward = 1",
        "net.bridge.bridge-nf-call-iptables = 1",
        "net.bridge.bridge-nf-call-ip6tables = 1",
    }


def test_containerd_uses_kubeadms_plugins_systemds_cgroups_and_the_same_pause_image(node: Sandbox) -> None:
    prepare(node)
    configuration = tomllib.loads(node.read("/etc/containerd/config.toml"))
    assert configuration["version"] == 2
    cri = configuration["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["sandbox_image"] == "registry.k8s.io/pause:3.10.2"
    assert cri["cni"] == {"bin_dir": "/opt/cni/bin", "conf_dir": "/etc/cni/net.d"}
    assert cri["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is True, "the kubelet's is systemd"
    assert cri["registry"]["config_path"] == "/etc/containerd/certs.d"


def test_containerd_is_configured_before_it_first_starts_and_restarted_when_that_changes(node: Sandbox) -> None:
    prepare(node)
    assert not [line for line in node.lines() if " restart " in line]
    node.write("/mnt/containerd-runs")
    prepare(node, SANDBOX_IMAGE="registry.k8s.io/pause:4")
    assert "systemctl restart containerd" in node.lines()


def test_each_registry_has_its_mirror_and_no_other(node: Sandbox) -> None:
    prepare(node, IMAGE_MIRRORS="docker.io http://10.17.3.1:5000\nghcr.io https://mirror.example")
    hosts = "/etc/containerd/certs.d/{}/hosts.toml"
    assert tomllib.loads(node.read(hosts.format("docker.io"))) == {
        "host": {"http://10.17.3.1:5000": {"capabilities": ["pull", "resolve"]}}
    }
    assert "https://mirror.example" in tomllib.loads(node.read(hosts.format("ghcr.io")))["host"]

    prepare(node, IMAGE_MIRRORS="ghcr.io https://mirror.example")
    assert not node.path(hosts.format("docker.io")).exists(), "a mirror that was taken back is asked for ever"


def test_packages_come_from_the_configured_repository_with_its_own_key(node: Sandbox) -> None:
    prepare(node)
    assert node.read("/etc/apt/sources.list.d/kubernetes.list") == (
        f"deb [signed-by=/etc/apt/keyrings/kubernetes.asc] {REPOSITORY} /\n"
    )
    assert node.read("/etc/apt/keyrings/kubernetes.asc") == f"{KEY} of {REPOSITORY}Release.key\n"
    assert node.read("/etc/apt/sources.list.d/debian.sources") == "Debian's own"
    assert not node.path("/etc/apt/sources.list.d/mirror.list").exists()


@pytest.mark.parametrize(
    ("key", "signed_by"),
    [("", "/usr/share/keyrings/debian-archive-keyring.gpg"), ("http://m/key.asc", "/etc/apt/keyrings/mirror.asc")],
)
def test_a_mirror_takes_the_place_of_debians_own_sources(node: Sandbox, key: str, signed_by: str) -> None:
    prepare(node, APT_MIRROR="http://m/debian", APT_MIRROR_KEY=key)
    assert (
        node.read("/etc/apt/sources.list.d/mirror.list") == f"deb [signed-by={signed_by}] http://m/debian trixie main\n"
    )
    assert not node.path("/etc/apt/sources.list.d/debian.sources").exists(), "an air-gapped machine would wait for it"
    if key:
        assert node.read("/etc/apt/keyrings/mirror.asc") == f"{KEY} of {key}\n"


def test_a_download_that_breaks_off_leaves_the_old_key(node: Sandbox) -> None:
    prepare(node)
    node.does("curl", f"{DOWNLOADS_TO_FILE}; echo half >$file; {STOP}")
    assert prepare(node).code == 1
    assert node.read("/etc/apt/keyrings/kubernetes.asc") == f"{KEY} of {REPOSITORY}Release.key\n"


@pytest.mark.parametrize("role", ["control-plane", "worker"])
def test_images_are_pulled_once_through_the_mirrors_and_the_control_plane_asks_kubeadm_which(
    node: Sandbox, role: str
) -> None:
    prepare(node, ROLE=role)
    pulls = [line for line in node.lines("ctr") if " pull " in line]
    images = ["docker.io/library/nginx:1.26.3", "registry.k8s.io/pause:3.10.2"]
    if role == "control-plane":
        images.insert(1, "registry.k8s.io/etcd:3.6")
        assert node.lines("kubeadm") == ["kubeadm config images list --kubernetes-version v1.37.2"]
    else:
        assert node.calls("kubeadm") == []
    pull = "ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d"
    assert pulls == [f"{pull} {image}" for image in images]


@pytest.mark.parametrize(("code", "goes_on"), [(0, True), (2, True), (1, False)])
def test_a_machine_that_cloud_init_did_not_finish_is_not_touched(node: Sandbox, code: int, *, goes_on: bool) -> None:
    node.does("cloud-init", f"echo status: error; exit {code}")
    result = prepare(node)
    if goes_on:
        assert result.code == 0, "2 is a recoverable error, such as a deprecated key"
    else:
        assert "cloud-init failed: status: error. Look at /var/log/cloud-init-output.log, then " in result.said
        assert node.lines() == ["cloud-init status --wait --long"]


def test_package_lists_are_asked_for_again_while_another_apt_holds_them(node: Sandbox) -> None:
    node.does("apt-get", "[[ $* != *update || -e /mnt/tried ]] && exit; echo >/mnt/tried; exit 100")
    assert prepare(node, SYSTEM_UPGRADE="False").code == 0
    assert sum(line.endswith(" update") for line in node.lines("apt-get")) == 2


def test_a_failed_installation_shows_the_end_of_apts_log_and_the_next_run_goes_on(node: Sandbox) -> None:
    node.does(
        "apt-get", '[[ $* == *" kubeadm="* ]] && { echo "E: Unable to locate package kubeadm"; exit 100; }; exit 0'
    )
    result = prepare(node)
    assert result.code == 1
    assert "apt-get install failed. The end of /var/log/kubeadm-libvirt-apt.log: E: Unable to locate" in result.said
    assert result.said.endswith("failed while: install docker, kubeadm, kubelet and kubectl 1.37.2\n")
    assert not [line for line in node.lines("ctr") if " pull " in line]
    node.does("apt-get", "")
    assert prepare(node).code == 0


@pytest.mark.parametrize(
    ("role", "whole"),
    [("worker", "/etc/kubernetes/kubelet.conf"), ("control-plane", "/var/lib/kubeadm-libvirt/cluster.yaml")],
)
def test_another_version_is_refused_on_a_node_before_anything_is_changed(node: Sandbox, role: str, whole: str) -> None:
    node.does("dpkg-query", "echo 1.37.2-1.1")
    assert prepare(node, ROLE=role).code == 0
    node.write(whole)
    assert prepare(node, ROLE=role).code == 0
    files = node.files()
    node.forget()
    result = prepare(node, ROLE=role, KUBERNETES_VERSION="1.38.0")
    assert result.code == 1
    assert "this node runs Kubernetes 1.37.2-1.1, which cannot be changed in a cluster that exists. " in result.said
    assert node.calls("apt-get", "curl", "systemctl") == [], "its kubelet would be newer than the API server"
    assert node.files() == files


def test_another_version_is_taken_where_there_is_no_cluster_yet(node: Sandbox) -> None:
    prepare(node, ROLE="control-plane")
    node.write("/etc/kubernetes/kubelet.conf")  # of an init that failed
    assert prepare(node, ROLE="control-plane", KUBERNETES_VERSION="1.38.0").code == 0
    assert "kubelet=1.38.0-*" in node.lines("apt-get")[-1]


@pytest.mark.parametrize("joined", [False, True])
def test_services_that_somebody_has_stopped_are_started(node: Sandbox, *, joined: bool) -> None:
    if joined:
        node.write("/etc/kubernetes/kubelet.conf")
        node.does("dpkg-query", "echo 1.37.2-1.1")
    result = prepare(node)
    assert result.code == 0, result.said
    started = [call[-1] for call in node.calls("systemctl") if call[2:3] == ["start"]]
    assert started == ["containerd", "docker", *(["kubelet"] if joined else [])], (
        "a kubelet that has not joined ends again and again; one that was stopped is started by nobody else"
    )


def test_an_answer_that_is_no_key_is_asked_for_again_and_never_kept(node: Sandbox) -> None:
    node.write("/etc/apt/keyrings/kubernetes.asc", "the key of an earlier run\n")
    node.does(
        "curl",
        f"{DOWNLOADS_TO_FILE}; echo garbage >$file; [[ ! -e /mnt/asked ]] || echo '{KEY}' >$file; : >/mnt/asked",
    )
    result = prepare(node)
    assert result.code == 0, result.said
    assert len(node.calls("curl")) == 2
    assert node.read("/etc/apt/keyrings/kubernetes.asc") == f"{KEY}\n"


def test_a_server_that_never_answers_with_a_key_ends_the_run_with_what_it_said(node: Sandbox) -> None:
    node.does("curl", f"{DOWNLOADS_TO_FILE}; echo garbage >$file")
    result = prepare(node, PATIENCE_SECONDS="0")
    assert result.code == 1
    assert (
        f"the download of {REPOSITORY}Release.key did not come true in time. Last seen: what it answers is no key."
        in result.said
    )


INTERRUPTED = """
[[ $* == *update || ! -e /mnt/interrupted ]] && exit
echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem."
exit 100
"""


@pytest.mark.parametrize("upgrade", ["True", "False"])
def test_a_dpkg_that_was_interrupted_is_mended_before_apt_is_asked_for_anything(node: Sandbox, upgrade: str) -> None:
    node.write("/mnt/interrupted")
    node.does("apt-get", INTERRUPTED)
    node.does("dpkg", "/usr/bin/rm -f /mnt/interrupted; echo 'a package lacks another' >&2; exit 1")
    result = prepare(node, SYSTEM_UPGRADE=upgrade)
    assert result.code == 0, result.said
    assert node.lines("apt-get")[1] == f"{APT} install --fix-broken", "for what dpkg alone could not configure"


def test_a_mirror_that_is_taken_back_gives_debians_own_sources_back(node: Sandbox) -> None:
    node.write("/etc/apt/sources.list", "# all is in sources.list.d")
    before = node.files()
    mirrored = {"APT_MIRROR": "http://m/debian", "APT_MIRROR_KEY": "http://m/key.asc"}
    assert prepare(node, **mirrored).code == 0
    assert prepare(node, **mirrored).code == 0, "the second run finds nothing to put aside"
    active = [name for name in node.files() if name.startswith("/etc/apt/") and name.endswith((".list", ".sources"))]
    assert sorted(active) == [f"/etc/apt/sources.list.d/{name}.list" for name in ("kubernetes", "mirror")]
    result = prepare(node)
    assert result.code == 0, result.said
    after = {name: content for name, content in node.files().items() if "/apt/" in name and "kubernetes" not in name}
    assert after == {name: content for name, content in before.items() if "/apt/" in name}


@pytest.mark.parametrize("left", ["", "echo; echo 1.37.2-1.1; echo 1.37.2-1.1;"])
def test_a_kubelet_that_somebody_has_purged_from_a_node_is_installed_again(node: Sandbox, left: str) -> None:
    node.write("/etc/kubernetes/kubelet.conf")
    node.does("dpkg-query", f"{left} exit 1")
    result = prepare(node)
    assert result.code == 0, result.said
    assert "kubelet=1.37.2-*" in node.lines("apt-get")[-1]


def test_the_version_of_a_node_without_its_kubelet_is_that_of_its_kubeadm(node: Sandbox) -> None:
    node.write("/etc/kubernetes/kubelet.conf")
    node.does("dpkg-query", "echo 1.37.2-1.1; exit 1")
    result = prepare(node, KUBERNETES_VERSION="1.38.0")
    assert result.code == 1
    assert "this node runs Kubernetes 1.37.2-1.1, which cannot be changed" in result.said


def test_a_machine_counts_as_prepared_when_all_of_it_is_on_its_disk(node: Sandbox) -> None:
    prepare(node)
    assert node.lines("sync", "ctr", "apt-get", "systemctl", "install", "mv")[-1] == "sync"


def test_packages_whose_programs_cannot_be_run_are_installed_again(node: Sandbox) -> None:
    """apt-get takes them for installed, and the kubelet or the next pod does not start."""
    node.program_file("/var/usr/bin/kubelet")
    listed = ["/var/usr/bin/kubelet", "/var/opt/cni/bin/bridge", "/var/usr/share/doc/kubelet/copyright"]
    listed += ["/var/opt/cni/bin/README.md", "/var/opt/cni/bin/LICENSE"]
    node.does("dpkg-query", f"[[ $1 != --listfiles ]] || printf '%s\\n' {' '.join(listed)}")
    again = f"{APT} install --no-install-recommends --allow-change-held-packages --reinstall kubernetes-cni "
    result = prepare(node)
    assert result.code == 0, result.said
    assert "for what these have lost: /var/opt/cni/bin/bridge\n" in result.said
    assert position(node, again)
    assert node.lines("apt-get")[-1].endswith(PINNED), "never a newer one"

    node.program_file("/var/opt/cni/bin/bridge")
    for mode, content in ((0o755, ""), (0o644, "a program")):
        node.write("/var/usr/bin/kubelet", content)
        node.path("/var/usr/bin/kubelet").chmod(mode)
        assert "for what these have lost: /var/usr/bin/kubelet\n" in prepare(node).said
    node.program_file("/var/usr/bin/kubelet")
    node.forget()
    assert prepare(node).code == 0
    assert "--reinstall" not in str(node.lines("apt-get"))


def test_what_another_runtime_has_left_is_installed_again_too(node: Sandbox) -> None:
    node.does("dpkg-query", "[[ $1 != --listfiles ]] || echo /var/usr/sbin/dockerd")
    assert prepare(node, CONTAINER_RUNTIME="containerd").code == 0
    assert "docker.io docker-cli" in node.lines("apt-get")[-1]


@pytest.mark.parametrize(
    ("runtime", "units"), [("docker", "containerd kubelet docker"), ("containerd", "containerd kubelet")]
)
def test_services_that_somebody_has_masked_or_disabled_start_again_also_with_the_machine(
    node: Sandbox, runtime: str, units: str
) -> None:
    prepare(node, CONTAINER_RUNTIME=runtime)
    lines = node.lines("apt-get", "systemctl")
    unmasked = lines.index(f"systemctl --quiet unmask {units}")
    assert unmasked < lines.index(f"systemctl --quiet enable {units}")
    # Of a unit that is not there yet, systemctl would say so in every first run.
    assert any(" kubelet=" in line for line in lines[:unmasked])


def test_a_containerd_that_runs_without_its_socket_is_started_anew(node: Sandbox) -> None:
    node.does("ctr", f"[[ $* != version || -e /mnt/socket ]] || exit 1\n{DOES_CTR}")
    node.does("systemctl", "[[ $* != '--quiet restart containerd' ]] || : >/mnt/socket; [[ $* != *is-active* ]]; exit")
    assert prepare(node).code == 0
