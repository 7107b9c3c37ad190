"""Stack files as a person may leave them, through the command that `make` runs first: one message, no traceback."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.project import PROJECT
from components.settings import SettingsError
from tests.configuration import PROJECT_FILE, REPOSITORY
from tests.refused import Refused
from tests.refused_together import REFUSED
from tools.check_configuration import load

ONE = "The configuration has 1 fault; nothing was made."
TWO = "The configuration has 2 faults; nothing was made."
THREE = "The configuration has 3 faults; nothing was made."
OWN = "  kubeadm-libvirt:"
SEE = "Way out: see docs/configuration.md for how it is written"
WORKERS = (
    "is refused: it must be a whole number, 1 to 100, because the control plane runs no pods of yours. "
    "Way out: set it with: pulumi config set workers 2"
)
TRUTH = "is refused: it must be true or false. Way out: set it with: pulumi config set systemUpgrade true"
URI = (
    "is refused: it must be qemu:///system or qemu+TRANSPORT://HOST/system, as a text, "
    "where TRANSPORT is ssh, tcp or tls, and without name= behind it. "
    "Way out: set it with: pulumi config set libvirt:uri qemu:///system"
)
REMOVE = "pulumi config rm"
NAME = (
    "is refused: it must be 1 to 11 lower-case letters, digits and dashes, a letter first. "
    "Way out: set it with: pulumi config set clusterName k8s"
)


def unreadable(rule: str) -> str:
    """The message about a file that cannot be used at all."""
    return f"{ONE}\n- FILE is refused: {rule}. {SEE}"


FILES: dict[str, tuple[str | bytes, str]] = {
    "not YAML": ("config: {", unreadable("line 1, column 10: expected the node content, but found '<stream end>'")),
    "a tab": (
        "config:\n\tworkers: 2\n",
        unreadable("line 2, column 1: found character '\\t' that cannot start any token"),
    ),
    "a colon too many": ("config: a: b", unreadable("line 1, column 10: mapping values are not allowed here")),
    "a list": ("- 1\n- 2\n", unreadable("it must be a mapping that has the key config")),
    "a text": ("workers", unreadable("it must be a mapping that has the key config")),
    "two documents": ("config:\n---\nconfig:\n", unreadable("line 2, column 1: but found another document")),
    "a NUL": (b"config:\n  a: \x00", unreadable("it is no text: special characters are not allowed at 13")),
    "another encoding": (b"config: \xe4\xf6", unreadable("it is no text in UTF-8: invalid continuation byte at 8")),
    "nested too deeply": ("config: " + "[" * 1000, unreadable("it is nested too deeply")),
    "an alias": (
        f"config:\n{OWN}workers: &a 2\n{OWN}nodePort: *a\n",
        unreadable("line 3, column 29: aliases are not read here"),
    ),
    "a key twice": (
        f"config:\n{OWN}workers: 2\n{OWN}workers: 3\n",
        unreadable("line 3, column 3: kubeadm-libvirt:workers is there twice"),
    ),
    "a long key with a line break twice": (
        f'config:\n  "a\\nb{"c" * 90}": 2\n  "a\\nb{"c" * 90}": 2\n',
        unreadable(f"line 3, column 3: a\\nb{'c' * 76}… is there twice"),
    ),
    "no character": (
        f'config:\n{OWN}clusterName: "\\U00110000"\n',
        unreadable("it has what no text can be read from: chr() arg not in range(0x110000)"),
    ),
    "a number that is too large for a character": (
        f'config:\n{OWN}clusterName: "\\UFFFFFFFF"\n',
        unreadable("it has what no text can be read from: Python int too large to convert to C int"),
    ),
    **{
        name: (text, unreadable("no line can be added at its end; write config: and its keys on lines of their own"))
        for name, text in {
            "JSON": '{"config": {"workers": 3}}',
            "an empty mapping": "{}",
            "an end of the document": "config: {}\n...\n",
            "everything indented": "  config:\n    workers: 3\n",
            "a salt in quotes": '"encryptionsalt": v1\nconfig: {}\n',
        }.items()
    },
    "something encrypted inside": (
        f"config:\n{OWN}imageMirrors:\n    docker.io:\n      secure: v1:abc",
        f"{ONE}\n- imageMirrors is encrypted and so is refused: it would be in the state in clear all the same. "
        "Way out: set it with: pulumi config set --plaintext --path 'imageMirrors[\"docker.io\"]' http://10.0.0.5:5000",
    ),
    "UTF-16": ("config:".encode("utf-16"), unreadable("it is no text in UTF-8: invalid start byte at 0")),
    "a tag": (f"config:\n{OWN}workers: !!int 2\n", unreadable("line 2, column 28: tags are not read here")),
    "a directive": ("%YAML 1.2\n---\nconfig:\n", unreadable("line 1, column 1: directives are not read here")),
    "an empty text": ('""', unreadable("it must be a mapping that has the key config")),
    "config is an empty text": (
        'config: ""',
        unreadable("config must be a mapping, such as kubeadm-libvirt:workers: 2"),
    ),
    "nothing as a key": ("config:\n  ~: 2", f"{ONE}\n- ~ = '2': there is no such key. Remove it with: {REMOVE} '~'"),
    "an empty list": ("[]", unreadable("it must be a mapping that has the key config")),
    "config is an empty list": (
        "config: []",
        unreadable("config must be a mapping, such as kubeadm-libvirt:workers: 2"),
    ),
    "config twice": ("config:\nconfig:\n", unreadable("line 2, column 1: config is there twice")),
    "a list as a key": ("config:\n  [a]: 2\n", unreadable("line 2, column 3: a key must be a text")),
    "config is a list": ("config: [a]", unreadable("config must be a mapping, such as kubeadm-libvirt:workers: 2")),
    "no config": (
        "workers: 3",
        f"{ONE}\n- workers = '3' is refused: FILE has settings only below config. "
        "Way out: move it there as kubeadm-libvirt:workers",
    ),
    "a key with its namespace, and no config": (
        f"{OWN[2:]}workers: 3",
        f"{ONE}\n- kubeadm-libvirt:workers = '3' is refused: FILE has settings only below config. "
        "Way out: move it there as kubeadm-libvirt:workers",
    ),
    "config in capitals": (
        f"Config:\n{OWN}workers: 3",
        f'{ONE}\n- Config = \'{{"kubeadm-libvirt:workers": "3"}}\' is refused: Pulumi reads config alone, in lower '
        "case. Way out: call it config",
    ),
    "a namespace with keys below it": (
        "config:\n  kubeadm-libvirt: {machines: {}, workers: 3}",
        f'{ONE}\n- kubeadm-libvirt = \'{{"machines": {{}}, "workers": "3"}}\' is refused: a namespace is written '
        "before each key, with a colon. Way out: write kubeadm-libvirt:workers: 3",
    ),
    "a namespace with nothing below it": (
        "config:\n  libvirt:",
        f"{ONE}\n- libvirt = 'null' is refused: a namespace is written before each key, with a colon. "
        "Way out: write libvirt:NAME: VALUE",
    ),
    "our keys in the namespace of a provider": (
        "config:\n  libvirt:workers: 3\n  kubernetes:nodePort: 31000\n  kubernetes:version: 1.37.2\n",
        f"{THREE}\n- libvirt:workers = '3': there is no such key. Did you mean kubeadm-libvirt:workers? "
        "Remove it with: pulumi config rm libvirt:workers\n"
        "- kubernetes:nodePort = '31000': nothing here reads kubernetes. Did you mean kubeadm-libvirt:nodePort? "
        "Remove it with: pulumi config rm kubernetes:nodePort\n"
        "- kubernetes:version = '1.37.2': nothing here reads kubernetes. "
        "Did you mean kubeadm-libvirt:kubernetesVersion? Remove it with: pulumi config rm kubernetes:version",
    ),
    "keys of Pulumi's own that do harm here, or nothing": (
        "config:\n  pulumi:disable-default-providers: ['*']\n  pulumi:template: a\n  pulumi:tag: b\n",
        f"{TWO}\n- pulumi:disable-default-providers = '[\"*\"]': there is no such key. "
        "Remove it with: pulumi config rm pulumi:disable-default-providers\n"
        "- pulumi:tag = 'b': there is no such key. Did you mean pulumi:tags? "
        "Remove it with: pulumi config rm pulumi:tag",
    ),
    "a key that no provider reads": (
        "config:\n  kubernetes:context: a\n  command:zzz: a\n",
        f"{TWO}\n- kubernetes:context = 'a': nothing here reads kubernetes. "
        "Remove it with: pulumi config rm kubernetes:context\n"
        "- command:zzz = 'a': nothing here reads command. Remove it with: pulumi config rm command:zzz",
    ),
    **{
        f"the keys of {namespace} below it": (
            f"config:\n  {namespace}: {{{key}: {value}}}",
            f'{ONE}\n- {namespace} = \'{{"{key}": "{value}"}}\' is refused: a namespace is written before each key, '
            f"with a colon. Way out: {way_out}",
        )
        for namespace, key, value, way_out in (
            ("kubernetes", "version", "1.37.2", "write kubeadm-libvirt:kubernetesVersion: 1.37.2"),
            ("libvirt", "nodeport", "31000", "write kubeadm-libvirt:nodePort: 31000"),
            ("libvirt", "uri", "qemu:///system", "write libvirt:uri: qemu:///system"),
            ("command", "zzz", "a", "remove it"),
        )
    },
    "an environment": (
        "environment: [prod]\nconfig: {}\n",
        f"{ONE}\n- environment = '[\"prod\"]' is refused: only Pulumi Cloud has environments, and the state of this "
        "stack is kept elsewhere. Way out: write its values below config",
    ),
    "another key of libvirt": (
        "config:\n  libvirt:url: a\n  libvirt:zzz: a",
        f"{TWO}\n- libvirt:url = 'a': there is no such key. Did you mean libvirt:uri? "
        "Remove it with: pulumi config rm libvirt:url\n"
        "- libvirt:zzz = 'a': there is no such key. Remove it with: pulumi config rm libvirt:zzz",
    ),
    "a wrong namespace and a wrong value": (
        f"config:\n  aws:region: eu\n{OWN}workers: 2.0",
        f"{TWO}\n- aws:region = 'eu': nothing here reads aws. Remove it with: pulumi config rm aws:region\n"
        f"- workers = '2.0' {WORKERS}",
    ),
    "JSON for an object": (
        f"config:\n{OWN}machines: '{{}}'\n{OWN}imageMirrors:\n",
        f"{TWO}\n- machines = '{{}}' is refused: Pulumi wants a mapping and takes no text, be it JSON. "
        "Way out: set it with: pulumi config set --path machines.worker-2.memory 4096\n"
        "- imageMirrors = '' is refused: Pulumi wants a mapping and takes no text, be it JSON. "
        "Way out: set it with: pulumi config set --path 'imageMirrors[\"docker.io\"]' http://10.0.0.5:5000",
    ),
    "blanks around a number": (f'config:\n{OWN}workers: " 3"', f"{ONE}\n- workers = ' 3' {WORKERS}"),
    "a truth in odd letters": (f"config:\n{OWN}systemUpgrade: tRuE", f"{ONE}\n- systemUpgrade = 'tRuE' {TRUTH}"),
    "a truth in quotes": (f'config:\n{OWN}systemUpgrade: "True"', f"{ONE}\n- systemUpgrade = 'True' {TRUTH}"),
    "a libvirt that is encrypted": (
        "config:\n  libvirt:uri:\n    secure: v1:abc",
        f"{ONE}\n- libvirt:uri = '[secret]' {URI}",
    ),
    **{
        f"the libvirt {uri}": (f"config:\n  libvirt:uri: {uri}", f"{ONE}\n- libvirt:uri = '{uri}' {URI}")
        for uri in ("5", "nonsense", "qemu:///session", "qemu+ssh:///system", "xen:///system", "qemu:///system/a")
    },
    "two namespaces": (
        "config:\n  a:b:c: 2",
        f"{ONE}\n- a:b:c = '2' is refused: a key must have the form NAMESPACE:NAME. "
        "Way out: call it kubeadm-libvirt:NAME",
    ),
    "an empty namespace": (
        "config:\n  :workers: 2",
        f"{ONE}\n- :workers = '2' is refused: a key must have the form NAMESPACE:NAME. "
        "Way out: call it kubeadm-libvirt:NAME",
    ),
    "a namespace that begins like an option": (
        "config:\n  -y:region: eu",
        f"{ONE}\n- -y:region = 'eu': nothing here reads -y. Remove it with: {REMOVE} -- -y:region",
    ),
    "a wrong namespace": (
        "config:\n  kubeadm-libvrt:workers: 3\n  aws:region: eu",
        f"{TWO}\n- kubeadm-libvrt:workers = '3': nothing here reads kubeadm-libvrt. "
        "Did you mean kubeadm-libvirt:workers? Remove it with: pulumi config rm kubeadm-libvrt:workers\n"
        "- aws:region = 'eu': nothing here reads aws. Remove it with: pulumi config rm aws:region",
    ),
    "with and without a namespace": (
        f"config:\n{OWN}workers: 2\n  workers: 3",
        f"{ONE}\n- workers = '3' is refused: workers is there with and without kubeadm-libvirt:. "
        "Way out: remove one of them",
    ),
    "a number as a key": (
        "config:\n  1: 2",
        f"{ONE}\n- 1 = '2': there is no such key. Remove it with: pulumi config rm 1",
    ),
    "a list for a number": (f"config:\n{OWN}workers: [2]", f"{ONE}\n- workers = '[\"2\"]' {WORKERS}"),
    "a truth for a number": (f"config:\n{OWN}workers: true", f"{ONE}\n- workers = 'true' {WORKERS}"),
    "a float": (f"config:\n{OWN}workers: 2.0", f"{ONE}\n- workers = '2.0' {WORKERS}"),
    "an octal number": (f"config:\n{OWN}workers: 010", f"{ONE}\n- workers = '010' {WORKERS}"),
    "nothing for a number": (f"config:\n{OWN}workers:", f"{ONE}\n- workers = '' {WORKERS}"),
    "null for a text": (f"config:\n{OWN}clusterName: null", f"{ONE}\n- clusterName = '' {NAME}"),
    "a date": (f"config:\n{OWN}clusterName: 2026-01-01", f"{ONE}\n- clusterName = '2026-01-01' {NAME}"),
    "an encrypted value": (
        f"config:\n{OWN}workers:\n    secure: v1:abc",
        f"{ONE}\n- workers is encrypted and so is refused: it would be in the state in clear all the same. "
        "Way out: set it with: pulumi config set --plaintext workers 2",
    ),
}


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command as `make` does."""
    command = [sys.executable, "-m", "tools.check_configuration", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)


def stack_file(directory: Path, content: str | bytes) -> Path:
    """A stack file with this content."""
    path = directory / "Pulumi.x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_malformed_stack_file_is_one_message(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, message = FILES[name]
    path = stack_file(tmp_path, content)
    monkeypatch.setattr(sys, "argv", ["check_configuration", str(path)])
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    with pytest.raises(SystemExit) as end:  # the whole command, without the start of Python: it takes a second
        runpy.run_path(str(REPOSITORY / "tools" / "check_configuration.py"), run_name="__main__")
    assert str(end.value.code).replace(str(path), "FILE").replace(path.name, "FILE") == message


@pytest.mark.parametrize("name", ["a tab", "a wrong namespace", "a float"])
def test_the_process_fails_and_prints_nothing_but_the_message(name: str, tmp_path: Path) -> None:
    content, message = FILES[name]
    path = stack_file(tmp_path, content)
    done = check(path)
    assert (done.returncode, done.stdout, done.stderr.replace(str(path), "FILE")) == (1, "", f"{message}\n")


def as_yaml_has_it(key: str, value: Any) -> Any:
    """Pulumi wants a mapping where the program gets JSON."""
    return json.loads(value) if PROJECT_FILE["config"].get(key, {}).get("type") == "object" else value


ONE_A_KEY = list({tuple(row.overrides): row for row in REFUSED if "" not in row.overrides}.values())


@pytest.mark.parametrize("row", ONE_A_KEY, ids=str)
def test_what_the_program_refuses_the_command_refuses_with_the_same_message(tmp_path: Path, row: Refused) -> None:
    named = {f"{PROJECT}:{key}": as_yaml_has_it(key, value) for key, value in row.overrides.items()}
    path = stack_file(tmp_path, yaml.safe_dump({"config": named}, allow_unicode=True))
    with pytest.raises(SettingsError) as refusal:
        load(path)
    assert str(refusal.value) == row.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "config:\n",
        "config: {}\n",
        "config: null\n",
        "encryptionsalt: v1:a\n",
        "environment:\nconfig:\n  pulumi:template: a\n  pulumi:tags: {a: b}\n",
        "\ufeffconfig:\n",
    ],
)
def test_a_file_that_sets_nothing_stands_for_the_defaults(tmp_path: Path, text: str) -> None:
    path = stack_file(tmp_path, text)
    assert load(path).workers == 2


def test_an_environment_is_left_to_pulumi_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = stack_file(tmp_path, "environment: [prod]\n")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com")
    assert load(path).workers == 2
    for url in ("file:///srv/state", "s3://bucket"):
        monkeypatch.setenv("PULUMI_BACKEND_URL", url)
        with pytest.raises(SettingsError, match="environment"):
            load(path)


def test_a_value_is_read_as_pulumi_reads_it(tmp_path: Path) -> None:
    path = stack_file(
        tmp_path,
        'config:\n  workers: "3"\n  kubeadm-libvirt:nodePort: 31000\n  kubeadm-libvirt:storagePath:\n'
        "  kubeadm-libvirt:clusterName: on\n  libvirt:uri: qemu:///system\n  kubeadm-libvirt:systemUpgrade: FALSE\n",
    )
    settings = load(path)
    assert (settings.workers, settings.node_port, settings.storage_path) == (3, 31000, "")
    assert (settings.cluster_name, settings.system_upgrade) == ("on", False)


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "Pulumi.x.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        done = check(path)
        assert (done.returncode, done.stderr) == (
            1,
            f"{ONE}\n- {path} cannot be read: {reason}. Way out: git checkout {path.name}\n",
        )


def test_without_a_file_the_command_says_how_it_is_used() -> None:
    done = check()
    assert (done.returncode, done.stderr) == (1, "usage: python -m tools.check_configuration Pulumi.STACK.yaml\n")
