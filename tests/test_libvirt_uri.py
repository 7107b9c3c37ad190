"""Which libvirt may be named, and where it is read from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.libvirt_uri import uri_fault
from components.settings import SettingsError
from tests.fake_host import FakeHost
from tools.stack_file import libvirt_uri

WRONG = (
    "libvirt:uri = 'qemu:///session' is refused: it must be qemu:///system or qemu+TRANSPORT://HOST/system, as a text, "
    "where TRANSPORT is ssh, tcp or tls, and without name= behind it. "
    "Way out: set it with: pulumi config set libvirt:uri qemu:///system"
)


@pytest.mark.parametrize(
    "uri",
    [
        "qemu:///system",
        "qemu:///system?socket=/run/lab/libvirt-sock",
        "qemu+ssh://host.example/system",
        "qemu+ssh://root@10.0.0.5:2222/system?keyfile=/root/.ssh/id&no_verify=1",
        "qemu+tls://[fd00::1]/system",
        "qemu+unix:///system",
        "qemu+unix:///system?socket=/run/lab/libvirt-sock&mode=direct",
        "qemu+tcp://10.0.0.5:65535/system",
        "qemu+ssh://my_host/system",
        "qemu+ssh://host.example./system",
        "qemu+tls://[::ffff:10.0.0.5]:16514/system",
    ],
)
def test_this_hosts_libvirt_and_anothers_are_accepted(uri: str) -> None:
    assert uri_fault(uri) is None


@pytest.mark.parametrize(
    "value",
    [
        *(None, 5, {"a": "b"}, [], "", "test:///default", "qemu+ssh://a:b@host/system", "qemu:"),
        *(f"qemu+{transport}://host/system" for transport in ("zzz", "libssh", "libssh2", "ext", "ssh2", "", "unix")),
        *(
            f"qemu+ssh://host/system?{query}"
            for query in ("name=qemu:///session", "no_verify=1&name=", "a;name=b", "NAME=b", "n%61me=b", "name")
        ),
        "qemu:///system?name=qemu:///session",
        *(f"qemu+ssh://{host}/system" for host in ("host:65536", "host:99999", "host:0", "10.0.0.999", "10.0.0")),
        *(
            f"qemu+ssh://{host}/system"
            for host in ("[:::::]", "[10.0.0.5]", "[]", "[fd00::1", "-host", "root@-host", "-o@host")
        ),
        *(f"qemu+ssh://{host}/system" for host in ("a..b", ".", "a.-b", "a" * 64, f"{'a.' * 127}b", "0x7f.1")),
    ],
)
def test_what_names_no_libvirt_of_a_system_is_refused(value: object) -> None:
    assert str(uri_fault(value)).startswith("- libvirt:uri = ")


def test_the_program_itself_refuses_it_too(ready: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"libvirt:uri": "qemu:///session"}))
    assert ready.faults() == [f"- {WRONG}"]
    monkeypatch.setenv("PULUMI_CONFIG", "{}")
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu:///session")
    assert ready.faults() == [f"- {WRONG}"]


def test_a_stack_file_is_read_for_it_as_strictly_as_for_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    monkeypatch.setenv("LIBVIRT_DEFAULT_URI", "qemu+ssh://other/system")
    path.write_text("config:\n  libvirt:uri: qemu:///system\n")
    assert libvirt_uri(path) == "qemu:///system"
    path.write_text("config:\n")
    assert libvirt_uri(path) == "qemu+ssh://other/system"
    for text in ("config: []", "config:\n  libvirt:uri: !vault x", "config:\n  libvirt:uri: qemu:///session"):
        path.write_text(text)
        with pytest.raises(SettingsError, match=r"^The configuration has 1 fault; nothing was made\.\n- "):
            libvirt_uri(path)
