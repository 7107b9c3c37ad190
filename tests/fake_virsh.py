"""A stand-in for virsh with a hypervisor of a few files behind it, and a record of what was changed there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from components.leftovers import mark
from tests.executable import executable

STAND_IN = f"""#!{sys.executable} -IS
import json, sys, time

home = __file__.rpartition("/")[0]
with open(home + "/world.json") as file:
    world = json.load(file)
assert sys.argv[1] == "--connect", sys.argv
verb, *words = sys.argv[3:]
with open(home + "/asked", "a") as record:
    print(verb, file=record)
given = dict(zip(words, words[1:]))
if world["hangs"]:
    time.sleep(60)
fault = world["faults"].get(verb)
if fault:
    print("error: " + fault, file=sys.stderr)
    sys.exit(1)

READS = {{"list", "domstate", "dumpxml", "net-list", "net-info", "net-dumpxml", "pool-list", "pool-dumpxml"}}
READS |= {{"pool-refresh", "version", "vol-list"}}
if verb not in READS:
    with open(home + "/changes", "a") as record:
        print(" ".join(sys.argv[3:]), file=record)


def listing(kind):
    chosen = [name for name, each in world[kind].items() if "--all" in words or each["active"]]
    print("".join(name + "\\n" for name in chosen))


def need(kind, option):
    name = given[option]
    if name not in world[kind]:
        print("error: no " + kind + " named " + name, file=sys.stderr)
        sys.exit(1)
    return name


match verb:
    case "version":
        print("Running against daemon: 9.0.0")
    case "list":
        listing("domains")
    case "net-list":
        listing("networks")
    case "pool-list":
        listing("pools")
    case "dumpxml":
        print(world["domains"][need("domains", "--domain")]["xml"])
    case "start":
        world["domains"][need("domains", "--domain")]["active"] = True
    case "domstate":
        domain = world["domains"][need("domains", "--domain")]
        print(domain["state"] + (f" ({{domain['reason']}})" if "--reason" in words else ""))
    case "resume" | "dompmwakeup":
        domain = world["domains"][need("domains", "--domain")]
        if domain["reason"] != "I/O error":
            domain["state"] = "running"
    case "net-info":
        print("Name:   x\\nBridge:         " + world["networks"][need("networks", "--network")]["bridge"])
    case "net-dumpxml":
        network = world["networks"][need("networks", "--network")]
        address = "<ip address='" + network["address"] + "' prefix='24'/>"
        print("<network><bridge name='" + network["bridge"] + "'/>" + address + "</network>")
    case "pool-dumpxml":
        print("<pool><target><path>" + world["pools"][need("pools", "--pool")]["path"] + "</path></target></pool>")
    case "vol-list":
        pool = world["pools"][need("pools", "--pool")]
        print(" Name   Path\\n------------")
        for name in pool["files"]:
            print(f" {{name}}   {{pool['path']}}/{{name}}")
    case "vol-delete":
        world["pools"][given["--pool"]]["files"].remove(given["--vol"])
    case "destroy":
        if not world["domains"][need("domains", "--domain")]["persistent"]:
            del world["domains"][given["--domain"]]
        else:
            world["domains"][given["--domain"]]["active"] = False
    case "undefine":
        del world["domains"][need("domains", "--domain")]
    case "net-destroy":
        world["networks"][need("networks", "--network")]["active"] = False
    case "net-undefine":
        del world["networks"][need("networks", "--network")]
    case "pool-destroy":
        world["pools"][need("pools", "--pool")]["active"] = False
    case "pool-start":
        world["pools"][need("pools", "--pool")]["active"] = True
    case "pool-undefine":
        del world["pools"][need("pools", "--pool")]
    case "pool-define-as":
        path = words[words.index("--target") + 1]
        world["pools"][words[0]] = {{"path": path, "active": False, "files": world["directories"].get(path, [])}}
    case "pool-define" | "net-define":
        with open(given["--file"]) as file:
            text = file.read()
        name = text.partition("<name>")[2].partition("</name>")[0]
        kind = "pools" if verb == "pool-define" else "networks"
        path = text.partition("<path>")[2].partition("</path>")[0]
        world[kind][name] = {{"path": path, "bridge": "br-" + name, "active": False, "files": [], "xml": text}}
    case "net-start":
        world["networks"][need("networks", "--network")]["active"] = True
    case "net-autostart":
        need("networks", "--network")
    case "pool-refresh":
        pool = world["pools"][need("pools", "--pool")]
        if pool.get("gone"):  # libvirt stops such a pool
            pool["active"] = False
            with open(home + "/world.json", "w") as file:
                json.dump(world, file)
            print("error: cannot open directory: No such file or directory", file=sys.stderr)
            sys.exit(1)
    case "pool-build":
        world["pools"][need("pools", "--pool")]["gone"] = False
    case "pool-delete" | "pool-autostart":
        need("pools", "--pool")
    case _:
        sys.exit("the stand-in has no " + verb)
if verb not in READS:
    with open(home + "/world.json", "w") as file:
        json.dump(world, file)
"""


OURS = mark("ssh-ed25519 AAAA")
"""The mark of the stack that the tests are about."""
DIRECTORY = "/var/lib/libvirt/images/k8s"
"""Where its disks are."""


class Hypervisor:
    """What the stand-in answers from."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        executable(directory / "virsh", STAND_IN)
        self._write(domains={}, networks={}, pools={}, faults={}, directories={}, hangs=False)

    def world(self) -> dict[str, Any]:
        """Everything there is."""
        world: dict[str, Any] = json.loads((self.directory / "world.json").read_text())
        return world

    def asked(self) -> list[str]:
        """The verb of each call, in order."""
        record = self.directory / "asked"
        return record.read_text().split() if record.exists() else []

    def _write(self, **changes: Any) -> None:
        world = self.world() if (self.directory / "world.json").exists() else {}
        (self.directory / "world.json").write_text(json.dumps({**world, **changes}))

    def _add(self, kind: str, name: str, thing: dict[str, Any]) -> None:
        self._write(**{kind: {**self.world()[kind], name: thing}})

    def domain(
        self,
        name: str,
        *,
        running: bool,
        description: str = "",
        devices: str = "",
        persistent: bool = True,
        state: str = "running",
        reason: str = "user",
    ) -> None:
        """A domain; one that is not persistent is gone when it stops. One with an I/O error cannot be resumed."""
        xml = f"<domain><description>{description}</description><devices>{devices}</devices></domain>"
        domain = {"active": running, "persistent": persistent, "xml": xml, "state": state, "reason": reason}
        self._add("domains", name, domain)

    def network(self, name: str, *, active: bool = True, bridge: str = "", address: str = "10.17.3.1") -> None:
        """A network; whether its bridge is there is the host's matter."""
        self._add("networks", name, {"active": active, "bridge": bridge or f"br-{name}", "address": address})

    def pool(self, name: str, path: str, *files: str, active: bool = True, gone: bool = False) -> None:
        """A pool for a directory, which may be gone."""
        self._add("pools", name, {"active": active, "path": path, "files": files, "gone": gone})

    def files(self, path: str, *files: str) -> None:
        """Files in a directory that no pool is for."""
        self._add("directories", path, files)  # type: ignore[arg-type]

    def fails(self, verb: str, message: str) -> None:
        """From now on this call fails."""
        self._write(faults={verb: message})

    def hangs(self) -> None:
        """From now on no call ends."""
        self._write(hangs=True)

    def changes(self) -> list[str]:
        """The calls that changed something, in order."""
        record = self.directory / "changes"
        return record.read_text().splitlines() if record.exists() else []
