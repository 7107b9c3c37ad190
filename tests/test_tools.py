"""The commands behind `make`: which stack they choose and what they install."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.configuration import REPOSITORY
from tests.executable import executable
from tools.summary import summary


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host whose commands are stand-ins that write down how they were called."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("apt-get", "sudo"):
        stand_in(tmp_path, name, "true")
    return tmp_path


def stand_in(host: Path, name: str, does: str) -> None:
    """Makes a command of the host."""
    executable(host / "commands" / name, f'#!/bin/bash\necho "{name} $*" >>{host}/calls\n{does}\n')


def calls(host: Path) -> list[str]:
    """What was run, in order."""
    return (host / "calls").read_text().splitlines() if (host / "calls").exists() else []


def shell(host: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Runs functions of tools/environment.sh as root would."""
    program = f'source {REPOSITORY}/tools/environment.sh\nas_root() {{ "$@"; }}\n{text}'
    environment = {"PATH": f"{host}/commands:/usr/bin:/bin", "HOME": str(host)}
    return subprocess.run(["bash", "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_a_command_that_is_missing_is_installed_with_the_package_that_brings_it(host: Path) -> None:
    done = shell(host, "need no-such-command the-package another-one")
    assert done.returncode == 0, done.stderr
    assert calls(host) == [
        "apt-get -qq update",
        "apt-get -qq install --yes --no-install-recommends the-package another-one",
    ]
    assert "Installing the-package another-one" in done.stderr


def test_a_command_that_is_there_is_left_alone(host: Path) -> None:
    assert shell(host, "need bash bash").returncode == 0
    assert calls(host) == []


def test_without_apt_the_missing_package_is_named(host: Path) -> None:
    done = shell(host, "PATH=/nowhere; need no-such-command the-package")
    assert done.returncode == 1
    assert done.stderr == ("Please install the-package first; this is done by itself only where there is apt-get.\n")


def test_a_failed_installation_ends_the_run(host: Path) -> None:
    stand_in(host, "apt-get", "[[ $* != *install* ]]")
    done = shell(host, "need no-such-command the-package; echo went on")
    assert done.returncode != 0
    assert done.stdout == ""


@pytest.mark.parametrize("verb", ["up", "preview", "destroy"])
def test_a_stack_that_does_not_exist_is_refused(verb: str) -> None:
    done = subprocess.run(
        [REPOSITORY / "tools" / "stack", verb, "prod"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "There is no stack prod. Use STACK=dev or STACK=lab."


MADE = '{"urn": "urn:pulumi:x::kubeadm-libvirt::a:b:C::d"}'
OFFLINE = "Stack lab, because Pulumi's releases cannot be reached from here: everything comes from package registries, "
FROM_STATE = "Stack {}, because its state is here: it has a cluster.\n"


def choose_stack(
    host: Path, *, dev: str | None = None, lab: str | None = None, verb: str = "destroy", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs choose_stack of tools/stack on an offline host where the stacks' files have this in them, or are missing."""
    for name, text in (("dev", dev), ("lab", lab)):
        file = host / f".state/{name}/.pulumi/stacks/kubeadm-libvirt/{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            file.write_text(text)
    stand_in(host, "curl", "exit 6")
    given = "".join(f"{name}={value}\n" for name, value in ({"stack": ""} | variables).items())
    return of_the_stack(host, "choose_stack", f'cd "$HOME"\nverb={verb}\n{given}', then='echo "$stack"')


@pytest.mark.parametrize("stack", ["dev", "lab"])
def test_a_stack_that_has_a_cluster_is_taken_whatever_can_be_reached_today(host: Path, stack: str) -> None:
    other = {"dev": "lab", "lab": "dev"}[stack]
    for done in (
        choose_stack(host, **{stack: MADE}),
        choose_stack(host, **{stack: MADE, other: "{}"}),
    ):
        assert (done.returncode, done.stdout) == (0, f"{stack}\n")
        assert done.stderr == FROM_STATE.format(stack)
    assert calls(host) == []


def test_a_stack_whose_state_was_cut_off_may_have_a_cluster(host: Path) -> None:
    assert choose_stack(host, dev="").stderr == FROM_STATE.format("dev")


@pytest.mark.parametrize("verb", ["up", "preview", "destroy", "doctor"])
def test_where_both_stacks_have_a_cluster_the_user_says_which(host: Path, verb: str) -> None:
    done = choose_stack(host, dev=MADE, lab=MADE, verb=verb)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Both stacks have a cluster. Say which is meant: make {verb} STACK=dev, or make {verb} STACK=lab.\n"
    )
    assert choose_stack(host, dev=MADE, lab=MADE, stack="dev").stderr == "Stack dev, because STACK says so.\n"


def test_where_no_stack_has_a_cluster_it_is_what_can_be_reached(host: Path) -> None:
    for done in (choose_stack(host), choose_stack(host, dev="{}", lab="{}")):
        assert (done.returncode, done.stdout) == (0, "lab\n")
        assert done.stderr.startswith(OFFLINE)


def test_a_state_that_is_elsewhere_is_not_looked_for_here(host: Path) -> None:
    done = choose_stack(host, dev=MADE, PULUMI_BACKEND_URL="s3://bucket")
    assert (done.returncode, done.stdout) == (0, "lab\n")


PYTHON = """
if [[ "$1 $2 $3" == "-m venv --clear" ]]; then
  rm -rf .venv
  mkdir -p .venv/bin
  ln -s "$HOME/$IS" .venv/bin/python
  echo "executable = $HOME/$IS" >.venv/pyvenv.cfg
  touch ".venv/pip-of-$IS"
fi
"""
OF_VENV = """#!/bin/bash
python=$(readlink --canonicalize "$0")
[[ -e .venv/pip-of-${python##*/} ]] || exit 1
[[ $* != *install* ]] || echo "pip install" >>"$HOME/calls"
"""


def python_environment(host: Path, before: str = "", *, python: str = "python3.11") -> list[str]:
    """Runs python_environment after this shell text, on a host with this Python, and returns what was installed."""
    stand_in(host, "python3", f"IS={python}{PYTHON}")
    executable(host / python, OF_VENV)
    for name in ("requirements.txt", "lab/plugins/requirements.txt"):
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        (host / name).write_text("pulumi==1.2.3\n")
    (host / "calls").unlink(missing_ok=True)
    done = shell(host, f'cd "$HOME"\n{before}\npython_environment requirements.txt\n.venv/bin/python -m pip --version')
    assert done.returncode == 0, done.stderr
    return [call for call in calls(host) if "install" in call or "venv" in call]


def test_the_python_packages_are_installed_once_and_again_when_their_list_changes(host: Path) -> None:
    assert python_environment(host) == ["python3 -m venv --clear .venv", "pip install"]
    assert python_environment(host) == []
    assert python_environment(host, "echo 'pyyaml==1.2.3' >>requirements.txt") == ["pip install"]


def test_an_environment_that_was_not_made_to_its_end_is_made_anew(host: Path) -> None:
    (host / ".venv/bin").mkdir(parents=True)
    (host / ".venv/bin/python").symlink_to(host / "python3.11")
    assert python_environment(host) == ["python3 -m venv --clear .venv", "pip install"]


@pytest.mark.parametrize("upgrade", ["rm python3.11", "ln -sf python3.13 python3.11"])
def test_an_environment_whose_python_was_upgraded_with_the_host_is_made_anew(host: Path, upgrade: str) -> None:
    python_environment(host)
    assert python_environment(host, upgrade, python="python3.13") == ["python3 -m venv --clear .venv", "pip install"]


def test_a_state_whose_stacks_cannot_be_listed_gets_no_new_one(host: Path) -> None:
    stand_in(host, "pulumi", "[[ $* != *ls* ]]")
    stand_in(host, "python", "true")
    (host / "Pulumi.yaml").touch()
    done = shell(host, 'cd "$HOME"; use_state lab')
    assert done.returncode != 0
    assert calls(host)[-1] == "pulumi stack ls --json"


def plain_pulumi(host: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    """Runs these shell commands, in which $PLAIN_PULUMI stands for the text of tools/pulumi, on no state."""
    script = (REPOSITORY / "tools" / "pulumi").read_text().partition('environment.sh"\n')[2]
    steps = ["use_stack() { inside=(); }", "use_state() { config=.state/$1/Pulumi.$1.yaml; }", *commands]
    return shell(host, "\n".join(steps).replace("$PLAIN_PULUMI", script))


def test_plain_pulumi_writes_its_salt_into_the_stacks_own_file_and_not_into_the_tracked_one(host: Path) -> None:
    done = plain_pulumi(
        host,
        "pulumi() { echo $PULUMI_OPTION_STACK ${PULUMI_OPTION_CONFIG_FILE:-tracked} $*; }",
        "set -- lab stack output\n$PLAIN_PULUMI",
        "unset PULUMI_OPTION_CONFIG_FILE; set -- lab config set workers 3\n$PLAIN_PULUMI",
    )
    kept = f"{REPOSITORY}/.state/lab/Pulumi.lab.yaml"
    assert done.stdout == f"lab {kept} stack output\nlab tracked config set workers 3\n", done.stderr


def test_plain_pulumi_is_installed_where_nothing_has_made_it_yet(host: Path) -> None:
    """As before the first `make up`, which names `tools/pulumi dev config set` as the way out of a refusal."""
    done = plain_pulumi(
        host,
        "python_environment() { echo packages; }",
        "install_pulumi() { echo Pulumi; pulumi() { echo $*; }; }",
        "set -- dev config set workers 3\n$PLAIN_PULUMI",
    )
    assert done.stdout.splitlines() == ["packages", "Pulumi", "config set workers 3"], done.stderr


def test_a_stack_file_without_an_end_of_its_last_line_gets_the_salt_on_a_line_of_its_own(host: Path) -> None:
    stand_in(host, "pulumi", """echo '[{"name": "lab"}]'""")
    stand_in(host, "python", "true")
    (host / "Pulumi.lab.yaml").write_text("encryptionsalt: old\nconfig:\n  kubeadm-libvirt:workers: 3")
    (host / ".state/lab").mkdir(parents=True)
    (host / ".state/lab/Pulumi.lab.yaml").write_text("encryptionsalt: salt\n")
    done = shell(host, 'cd "$HOME"; use_state lab; cat "$config"')
    assert done.returncode == 0, done.stderr
    assert done.stdout == "config:\n  kubeadm-libvirt:workers: 3\nencryptionsalt: salt\n"


def passphrase(host: Path) -> subprocess.CompletedProcess[str]:
    """What use_state says of the passphrase, and whether there is one afterwards."""
    stand_in(host, "pulumi", """echo '[{"name": "lab"}]'""")
    stand_in(host, "python", "true")
    (host / "Pulumi.lab.yaml").write_text("config: {}\n")
    says = "echo ${passphrase_lost:-not lost}; ls --ignore='temporary.*' .state/lab"
    return shell(host, f'cd "$HOME"; use_state lab; {says}')


def test_a_new_state_gets_a_passphrase(host: Path) -> None:
    done = passphrase(host)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "not lost\nPulumi.lab.yaml\npassphrase\n"


def test_a_state_that_cannot_be_read_ends_the_run_before_pulumi_is_asked(host: Path) -> None:
    (host / "Pulumi.lab.yaml").write_text("config: {}\n")
    stand_in(host, "pulumi", "true")
    stand_in(host, "python", "[[ $* != '-m tools.torn_state .state/lab lab' ]]")
    done = shell(host, 'cd "$HOME"; use_state lab; echo went on')
    assert done.returncode != 0
    assert (done.stdout, calls(host)) == ("", ["python -m tools.torn_state .state/lab lab"])


def test_a_state_whose_passphrase_is_lost_gets_no_new_one(host: Path) -> None:
    kept = host / ".state/lab/.pulumi/stacks/kubeadm-libvirt/lab.json"
    kept.parent.mkdir(parents=True)
    kept.touch()
    done = passphrase(host)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ".state/lab/.pulumi/stacks/kubeadm-libvirt/lab.json\nPulumi.lab.yaml\n"


OUTPUTS = {
    "kubernetes_version": "1.37.2",
    "nodes": [{"name": "worker-1", "address": "10.17.3.21", "ssh": "ssh -i ssh_key debian@10.17.3.21"}],
    "web_urls": ["http://10.17.3.11:30080", "http://10.17.3.21:30080"],
    "web_url": "http://10.17.3.21:30080",
    "kubeconfig": "[secret]",
    "join_token": "[secret]",
}


@pytest.mark.parametrize(("stack", "prefix"), [("lab", "lab/enter "), ("dev", "")])
def test_a_run_ends_with_the_url_and_the_command_that_opens_it(stack: str, prefix: str) -> None:
    lines = summary(OUTPUTS, stack).splitlines()
    assert lines[-1] == "web_url: http://10.17.3.21:30080"
    assert f"  {prefix}curl http://10.17.3.21:30080" in lines
    assert any("10.17.3.21       ssh -i ssh_key debian@10.17.3.21" in line for line in lines)


def test_a_run_names_the_secret_outputs_and_how_to_read_them() -> None:
    assert (
        "Secret outputs (tools/pulumi lab stack output NAME --show-secrets): join_token, kubeconfig"
        in summary(OUTPUTS, "lab").splitlines()
    )


def tarball(text: str) -> bytes:
    """Pulumi's, with nothing in it but a CLI of this text."""
    file, entry = io.BytesIO(), tarfile.TarInfo("pulumi/pulumi")
    entry.size, entry.mode = len(text), 0o755
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.addfile(entry, io.BytesIO(text.encode()))
    return file.getvalue()


RELEASED = tarball("as released")
NAME = "pulumi-v1.2.3-linux-x64.tar.gz"
CHECKSUMS = f"{hashlib.sha256(RELEASED).hexdigest()}  {NAME}\n"
SERVES = """
for url; do :; done
[[ -e "$HOME/served/${url##*/}" ]] || { echo "curl: (22) The requested URL returned error: 404" >&2; exit 22; }
if [[ $* == *--remote-name* ]]; then cp "$HOME/served/${url##*/}" .; else cat "$HOME/served/${url##*/}"; fi
"""


def install_pulumi(host: Path, **served: bytes | None) -> subprocess.CompletedProcess[str]:
    """Runs install_pulumi for a release 1.2.3, of which a server has these files."""
    stand_in(host, "curl", SERVES)
    for name, content in ({"tarball": RELEASED, "checksums": CHECKSUMS.encode()} | served).items():
        file = host / "served" / {"tarball": NAME, "checksums": "pulumi-1.2.3-checksums.txt"}[name]
        file.parent.mkdir(exist_ok=True)
        if content is not None:
            file.write_bytes(content)
    return shell(host, "pulumi_version=1.2.3 cache=$HOME/cache\ninstall_pulumi")


def test_pulumi_is_installed_as_it_was_released(host: Path) -> None:
    done = install_pulumi(host)
    assert done.returncode == 0, done.stderr
    installed = [path for path in (host / "cache").rglob("*") if path.is_file()]
    assert installed == [host / "cache/pulumi-1.2.3/pulumi/pulumi"]
    assert installed[0].read_text() == "as released"


@pytest.mark.parametrize(
    "served",
    [
        {"tarball": tarball("of somebody else")},
        {"tarball": None},
        {"checksums": None},
        {"checksums": b""},
        {"checksums": b"<html>Please log in</html>"},
        {"checksums": CHECKSUMS.replace("linux", "darwin").encode()},
        {"checksums": f"{'0' * 64}  {NAME}\n".encode()},
    ],
)
def test_a_pulumi_that_is_not_as_it_was_released_is_not_installed(host: Path, served: dict[str, bytes | None]) -> None:
    done = install_pulumi(host, **served)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Pulumi 1.2.3 could not be installed from https://")
    assert [path for path in (host / "cache").rglob("*") if path.is_file()] == []


STEPS = """
stack=lab
libvirt_state() { echo '{}'; }
python() { echo "$3"; }
in_libvirt=LIBVIRT in_the_cluster=CLUSTER inside=()
forget_missing() { shift; echo "forget $*"; }
sweep_libvirt() { cat >/dev/null; echo "$1"; }
run_pulumi() { echo "$2 within $limit s"; }
"""


def of_the_stack(host: Path, name: str, changes: str, then: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a function of tools/stack with STEPS, but for the changes, and then some other command."""
    body = (REPOSITORY / "tools" / "stack").read_text().partition(f"\n{name}() {{\n")[2].partition("\n}\n")[0]
    return shell(host, f"{STEPS}\n{changes}\n{name}() {{\n{body}\n}}\n{name}\n{then}")


def destroy(host: Path, changes: str = "") -> subprocess.CompletedProcess[str]:
    """Runs destroy of tools/stack with steps that say their names and succeed, but for the changes."""
    return of_the_stack(host, "destroy", changes)


def test_destroy_compares_and_sweeps_before_and_after(host: Path) -> None:
    done = destroy(host)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *["reach", "wake", "forget LIBVIRT", "lab", "before"],
        *["destroy within 120 s", "after"],
    ]


def test_destroy_goes_on_where_the_state_cannot_be_compared(host: Path) -> None:
    done = destroy(
        host, "forget_missing() { false; }\nsweep_libvirt() { cat >/dev/null; echo $1; [[ $1 != before ]]; }"
    )
    assert done.returncode == 0
    assert done.stderr == "The state could not be compared with libvirt; going on with what it says.\n"
    assert done.stdout.splitlines() == ["reach", "wake", "lab", "before", "destroy within 120 s", "after"]


def test_a_destroy_that_fails_gets_a_second_chance_in_a_swept_libvirt(host: Path) -> None:
    done = destroy(host, 'run_pulumi() { echo "$2"; [[ -e "$HOME/again" ]] || { touch "$HOME/again"; return 1; }; }')
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        *["reach", "wake", "forget LIBVIRT", "lab", "before", "destroy"],
        *["lab", "after", "forget LIBVIRT", "lab", "destroy", "after"],
    ]


def test_a_second_chance_does_not_say_that_what_was_just_swept_away_is_gone(host: Path) -> None:
    again = 'run_pulumi() { [[ -e "$HOME/again" ]] || { touch "$HOME/again"; return 1; }; }\n'
    done = destroy(
        host, f'{again}forget_missing() {{ [[ ! -e "$HOME/again" ]] || {{ echo "no pool" >&2; return 1; }}; }}'
    )
    assert done.returncode == 0
    assert "no pool" not in done.stderr


def test_a_destroy_that_fails_twice_says_what_to_do(host: Path) -> None:
    done = destroy(host, "run_pulumi() { return 1; }")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "Not everything could be destroyed. What is left in libvirt is removed there, then Pulumi tries once more.",
        "The stack is not destroyed: the state still has what failed above. Mend that, then run `make destroy` again.",
        "What is there no more can be dropped from the state: "
        "tools/pulumi lab state delete URN (tools/pulumi lab stack --show-urns).",
        "If the state itself cannot be read any more and libvirt has nothing left: rm -r .state/lab",
    ]


def test_a_destroy_that_leaves_something_of_ours_fails(host: Path) -> None:
    done = destroy(host, "sweep_libvirt() { cat >/dev/null; [[ $1 != after ]]; }")
    assert done.returncode == 1
    assert done.stderr == "The stack is destroyed, but libvirt still has what the lines above name.\n"


def test_a_destroy_does_not_pass_the_lock_of_a_run_at_work(host: Path) -> None:
    done = destroy(host, "python() { return 1; }")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["reach", "wake", "forget LIBVIRT"]


def test_a_destroy_that_libvirt_does_not_answer_takes_no_further_step(host: Path) -> None:
    done = destroy(host, "sweep_libvirt() { cat >/dev/null; echo $1; [[ $1 != reach ]]; }")
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["reach"]
    assert done.stderr == "Nothing was destroyed. Once libvirt answers, run the same command again.\n"


def test_a_destroy_without_the_passphrase_sweeps_libvirt_and_says_what_becomes_of_the_state(host: Path) -> None:
    done = of_the_stack(host, "destroy_without_passphrase", "")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "after\n"
    assert done.stderr.splitlines()[-1].endswith("Remove it before the next `make up`: rm -r .state/lab")
    done = of_the_stack(host, "destroy_without_passphrase", "sweep_libvirt() { cat >/dev/null; false; }")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("libvirt still has what the lines above name. ")


def test_nothing_but_the_targets_is_compared_with_the_state_and_what_is_gone_is_named(host: Path) -> None:
    stand_in(
        host,
        "pulumi",
        """echo " -  libvirt:index:Domain k8s-worker-1-domain deleted (0.1s)"
        echo " ~  kubernetes:core/v1:Service web-service updated (0.1s)"
        echo " -  kubernetes:apps/v1:Deployment web-deployment deleted (0.1s)" """,
    )
    stand_in(host, "python", 'exec "${@:4}"')
    done = shell(host, 'inside=(); config=$HOME/file; forget_missing lab "$in_libvirt" "$in_the_cluster"')
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "No more in libvirt: Domain k8s-worker-1-domain",
        "No more in the cluster: Deployment web-deployment",
    ]
    refresh = "pulumi refresh --yes --skip-preview --suppress-outputs --clear-pending-creates "
    targets = "--target **libvirt:index/** --target **$kubernetes:** "
    stack = f"--stack lab --config-file {host}/file --suppress-progress"
    assert calls(host) == [
        f"python -m tools.bounded 60 {refresh}{targets}{stack}",
        f"{refresh}{targets}{stack}",
    ]


@pytest.mark.parametrize(("quietly", "shown"), [("", "no pool"), ("quietly=yes;", "What the provider says is in {}.")])
def test_what_cannot_be_compared_is_shown_or_kept_for_who_asks(host: Path, quietly: str, shown: str) -> None:
    stand_in(host, "pulumi", "echo no pool; exit 1")
    stand_in(host, "python", 'exec "${@:4}"')
    done = shell(host, f'{quietly} inside=(); config=$HOME/file; forget_missing lab "$in_libvirt"')
    assert done.returncode == 1
    assert done.stderr == shown.format(host / "refresh.log") + "\n"
    assert (host / "refresh.log").read_text() == "no pool\n"


def find_repairs(host: Path, changes: str = "") -> subprocess.CompletedProcess[str]:
    """Runs find_repairs of tools/stack on a cluster whose API server answers, but for the changes."""
    cluster = (
        """libvirt_state() { echo '{"urn": "x"}'; }\npulumi() { :; }\n"""
        """python() { [[ $2 != tools.repair ]] || echo urn:x::a urn:x::b; }\n"""
    )
    return of_the_stack(host, "find_repairs", cluster + changes, then='echo "${replace[*]}"')


def test_temporary_files_are_nobody_elses_and_gone_with_the_command_or_with_the_next_one(host: Path) -> None:
    dying = subprocess.Popen(["true"])
    os.waitid(os.P_PID, dying.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is in /proc until it is waited for
    alive = host / f"temporary.{os.getpid()}"
    for directory in (host / "temporary.4194305", host / f"temporary.{dying.pid}", alive):
        directory.mkdir()
        (directory / "kubeconfig1").touch()
    done = shell(host, 'cd "$HOME"; own_temporary_directory .; mktemp; stat --format=%a "$TMPDIR"; exit 3')
    dying.wait()
    assert done.returncode == 3
    file, mode = done.stdout.split()
    assert (Path(file).parent.parent, mode) == (host, "700")
    assert [each.name for each in host.glob("temporary.*")] == [alive.name]


def test_without_a_directory_for_its_temporary_files_a_command_does_not_go_on(host: Path) -> None:
    (host / "file").touch()
    done = shell(host, 'cd "$HOME"; own_temporary_directory file; echo went on')
    assert done.returncode != 0
    assert done.stdout == ""


USAGE = "usage: tools/stack up|preview|destroy|doctor [dev|lab]"


@pytest.mark.parametrize(
    ("command", "environment", "message"),
    [
        ("tools/stack", {}, USAGE),
        ("tools/stack down lab", {}, USAGE),
        ("tools/stack up lab dev", {}, USAGE),
        ("tools/pulumi", {}, "usage: tools/pulumi dev|lab ARGUMENTS…"),
        ("tools/pulumi ../prod stack", {}, "usage: tools/pulumi dev|lab ARGUMENTS…"),
        (
            "tools/stack destroy lab",
            {"REPLACE": "worker-1"},
            "REPLACE and REBUILD are for make up, and make destroy knows nothing of them.",
        ),
        (
            "tools/stack preview lab",
            {"REBUILD": "yes"},
            "REPLACE and REBUILD are for make up, and make preview knows nothing of them.",
        ),
        (
            "tools/stack up lab",
            {"REBUILD": "true"},
            "REBUILD=true means nothing; REBUILD=yes takes the cluster down, and builds it anew.",
        ),
    ],
)
def test_what_a_command_would_not_understand_is_refused_before_anything_is_done(
    command: str, environment: dict[str, str], message: str, tmp_path: Path
) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **environment}
    done = subprocess.run(
        command.split(), cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{message}\n")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ("", ""),
        ("MINUTES=36", ""),
        ("MINUTES=35", "NOT RUN: the rest, which would end 36 minutes after the beginning; MINUTES=35.\n"),
    ],
)
def test_what_would_not_end_in_time_is_left_out_with_a_word(host: Path, minutes: str, said: str) -> None:
    text = (REPOSITORY / "tools" / "end-to-end").read_text()
    body = text.partition("ends_in_time() {\n")[2].partition("\n}\n")[0]
    # Six minutes in: one before what is measured, five of it; it takes six times as long.
    done = shell(host, f'{minutes}\nends_in_time() {{\n{body}\n}}\nSECONDS=360; ends_in_time 6 60 "the rest"')
    assert (done.returncode, done.stderr) == (int(bool(said)), said)


@pytest.mark.parametrize("stack", ["dev", "lab"])
def test_the_way_out_of_a_refusal_is_a_command_that_is_there(host: Path, stack: str) -> None:
    file = host / "Pulumi.x.yaml"
    file.write_text(
        "config:\n  workers: 0\n  kubeadm-libvirt:machines: {worker-1: {cpus: 0, zzz: 1}}\n  libvirt:uri: a\n"
    )
    done = shell(host, f"use_stack {stack}; .venv/bin/python -m tools.check_configuration {file}")
    config = f"tools/pulumi {stack} config"
    ways_out = [line.split("ith: ")[1] for line in done.stderr.splitlines()[1:]]
    assert sorted(ways_out) == [
        f"{config} rm --path machines.worker-1.zzz",
        f"{config} set --path machines.worker-1.cpus 2",
        f"{config} set libvirt:uri qemu:///system",
        f"{config} set workers 2",
    ]


@pytest.mark.parametrize("module", ["doctor", "leftovers", "power", "repair", "check_configuration"])
def test_a_tool_without_its_file_says_how_it_is_used(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tools.{module}"],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"usage: python -m tools.{module} Pulumi.STACK.yaml")


def test_a_machine_that_is_to_be_replaced_before_there_is_any_is_a_new_one_anyway(host: Path) -> None:
    done = find_repairs(host, "libvirt_state() { echo '{}'; }\nREPLACE=worker-1")
    assert (done.returncode, done.stdout) == (0, "\n")
    assert done.stderr == "REPLACE has nothing to do: nothing was made yet, and every machine becomes a new one.\n"


def test_an_up_compares_libvirt_and_the_cluster_before_it_looks_at_the_machines(host: Path) -> None:
    done = find_repairs(host)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *["layers", "wake", "forget LIBVIRT CLUSTER", "--replace urn:x::a --replace urn:x::b"],
    ]


def test_an_up_does_not_ask_a_cluster_that_does_not_answer(host: Path) -> None:
    done = find_repairs(host, "python() { [[ $2 != tools.reachable ]]; }")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["layers", "wake", "forget LIBVIRT", ""]


def test_an_up_goes_on_without_a_cluster_that_stops_to_answer(host: Path) -> None:
    done = find_repairs(host, 'forget_missing() { echo "forget $2 ${3:-}"; [[ -z ${3:-} ]]; }')
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2:4] == ["forget LIBVIRT CLUSTER", "forget LIBVIRT "]
    assert "Looking once more, without the cluster." in done.stderr


def test_an_up_ends_where_a_machine_would_lose_what_it_has_written(host: Path) -> None:
    done = find_repairs(host, 'sweep_libvirt() { cat >/dev/null; echo "$1"; [[ $1 != layers ]]; }')
    assert (done.returncode, done.stdout) == (1, "layers\n")


def test_the_first_up_looks_at_nothing(host: Path) -> None:
    done = find_repairs(host, "libvirt_state() { echo '{}'; }")
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr
