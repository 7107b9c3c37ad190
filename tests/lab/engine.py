"""A Pulumi project in a directory of its own, driven by the real CLI with a file backend there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.paths import BIN
from lab.plugin_steps import OFFLINE

NEEDED = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


@dataclass(frozen=True)
class Outcome:
    """What one run of the CLI printed, and what the engine told in events."""

    code: int
    output: str
    events: str

    def operations(self) -> list[str]:
        """`operation name` of each step that was done, in the order the steps ended."""
        done = []
        for line in self.events.splitlines():
            metadata = json.loads(line).get("resOutputsEvent", {}).get("metadata")
            if metadata and metadata["op"] != "same" and "pulumi:" not in metadata["type"]:
                done.append(f"{metadata['op']} {metadata['urn'].rsplit('::', 1)[1]}")
        return done


class Project:
    """One program and its stack."""

    def __init__(self, directory: Path, pulumi_home: Path, program: str) -> None:
        self._directory = directory
        (directory / "state").mkdir(parents=True)
        (directory / "Pulumi.yaml").write_text("name: contract\nruntime: python\n")
        (directory / "__main__.py").write_text(program)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            **OFFLINE,
            "PATH": f"{Path(sys.executable).parent}:{BIN}:{os.environ['PATH']}",
            "PULUMI_HOME": str(pulumi_home),
            "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "contract",
            "PULUMI_DEBUG_COMMANDS": "true",  # for --event-log
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        }
        assert self.run("stack", "init", "test").code == 0

    def run(self, *words: str, **variables: str) -> Outcome:
        """Runs the CLI to its end; the program sees `variables`."""
        process = self.start(*words, **variables)
        output, _ = process.communicate(timeout=120)
        return self.outcome(process, output)

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Starts the CLI; end it with `communicate` and `outcome`, or `interrupt`."""
        (self._directory / "events").unlink(missing_ok=True)
        if words[0] in ("up", "preview", "destroy", "refresh"):
            words = (*words, "--event-log", str(self._directory / "events"), "--suppress-progress")
            words = words if words[0] == "preview" else (*words, "--yes", "--skip-preview")
        command = ["pulumi", "--non-interactive", "--color", "never", *words, "--cwd", str(self._directory)]
        return subprocess.Popen(
            [BIN / command[0], *command[1:]],
            env={**self._environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def outcome(self, process: subprocess.Popen[str], output: str) -> Outcome:
        events = self._directory / "events"
        return Outcome(process.returncode, output, events.read_text() if events.exists() else "")

    def interrupt(self, process: subprocess.Popen[str]) -> Outcome:
        """Ctrl-C."""
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        return self.outcome(process, output)

    def state(self) -> dict[str, Any]:
        """Every resource of the stack by name, with secrets as ciphertext."""
        # Read from the backend's file: starting the CLI for it would take a second each time.
        stored = json.loads((self._directory / "state/.pulumi/stacks/contract/test.json").read_text())
        resources = stored["checkpoint"]["latest"].get("resources", [])
        return {resource["urn"].rsplit("::", 1)[1]: resource for resource in resources}

    def comparable_state(self, directory: str) -> dict[str, Any]:
        """The state without what differs from run to run or, by name, from plugin to plugin (see VARYING)."""
        text = self.run("stack", "export", "--show-secrets").output.replace(directory, "DIRECTORY")
        resources = json.loads(text)["deployment"]["resources"]
        kept = ("type", "custom", "inputs", "outputs", "initErrors", "deletedWith", "replaceOnChanges")
        return {
            resource["urn"]: {key: _without_varying(resource[key]) for key in kept if key in resource}
            for resource in resources
        }


VARYING = {
    "__fieldManager",  # random, and only the stand-in creates with it
    "creationTimestamp",
    "lastTransitionTime",
    "lastUpdateTime",
    "managedFields",  # the official create is called pulumi-kubernetes
    "resourceVersion",
    "uid",
    "clusterIP",
    "clusterIPs",
    "address",  # the program's output of a clusterIP
    "__pulumi-go-provider-infer",  # the official command plugin's mark of its framework
    "__pulumi-go-provider-version",
}
"""The fields in which two states may differ."""


def _without_varying(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_varying(item) for key, item in value.items() if key not in VARYING}
    if isinstance(value, list):
        return [_without_varying(item) for item in value]
    # Names the plugin or the engine made end in eight hexadecimal digits.
    return re.sub(r"-[0-9a-f]{8}$", "-RANDOM", value) if isinstance(value, str) else value
