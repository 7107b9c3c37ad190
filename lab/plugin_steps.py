"""The steps that make the stand-in plugins and install all three plugins into the lab's PULUMI_HOME."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from lab.paths import BIN, CACHE, LAB, PLUGINS, PULUMI_HOME
from lab.steps import Step, sh
from lab.versions import VERSIONS

ENVIRONMENT = CACHE / "plugin-venv"
REQUIREMENTS = LAB / "plugins" / "requirements.txt"
PYTHON_PLUGINS = ("command", "kubernetes")

# The engine prints nothing of its own and looks for nothing outside the machine.
OFFLINE = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def _sources(name: str) -> list[Path]:
    """The Python files of a plugin, those it shares, and the packages around them, relative to the repository."""
    plugins = LAB / "plugins"
    files = [LAB / "__init__.py", plugins / "__init__.py"]
    for package in ("common", name):
        files += sorted((plugins / package).rglob("*.py"))
    return files


def _make_environment() -> None:
    # Made aside and moved in whole: a half-made one would look finished to a step that was killed here. Its scripts
    # name the path they were made at, so only its Python is used.
    aside = ENVIRONMENT.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    sh(sys.executable, "-m", "venv", aside, log="plugin-environment")
    pip = (aside / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    sh(*pip, "install", "--quiet", "--requirement", REQUIREMENTS, log="plugin-environment")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    aside.rename(ENVIRONMENT)


def make_package(name: str, directory: Path, python: Path) -> None:
    """Writes `directory`/pulumi-resource-`name` and the sources beside it, independent of the clone's place."""
    aside = directory.with_name(f"{directory.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    for source in _sources(name):
        target = aside / source.relative_to(LAB.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (aside / "main.py").write_text(
        f"from runpy import run_module\n\nrun_module('lab.plugins.{name}', run_name='__main__')\n"
    )
    wrapper = aside / f"pulumi-resource-{name}"
    # exec: the engine's signals and its watch over the process must reach Python itself.
    wrapper.write_text(f'#!/bin/sh\nexec "{python}" "$(dirname "$0")/main.py" "$@"\n')
    wrapper.chmod(0o755)
    # Compiled beside the sources, so that the first start is as fast as the others. Kept through the copying of
    # `plugin install`, which gives the files new times, because the bytecode is checked against their content.
    sh(python, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", aside / "lab", log="plugin-packages")
    shutil.rmtree(directory, ignore_errors=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside.rename(directory)


def _make_packages() -> None:
    for name in PYTHON_PLUGINS:
        make_package(name, PLUGINS / name, ENVIRONMENT / "bin" / "python")


def install(name: str, version: str, directory: Path, pulumi_home: Path) -> Path:
    """Installs the plugin in `directory` into `pulumi_home`, in place of the one there, and returns its new place."""
    environment = {**os.environ, **OFFLINE, "PULUMI_HOME": str(pulumi_home)}
    pulumi = BIN / "pulumi"
    command = ("plugin", "install", "resource", name, version, "--file", directory, "--reinstall", "--non-interactive")
    sh(pulumi, *command, env=environment, log="pulumi-home")
    return pulumi_home / "plugins" / f"resource-{name}-v{version}"


def _install_all() -> None:
    for name, version in VERSIONS["plugins"].items():
        install(name, version, PLUGINS / name, PULUMI_HOME)


STEPS = [
    Step(
        name="plugin-environment",
        run=_make_environment,
        results=[ENVIRONMENT / "bin" / "python"],
        inputs=[sys.version, REQUIREMENTS],
        lane="fetch",
    ),
    Step(
        name="plugin-packages",
        run=_make_packages,
        results=[PLUGINS / name / f"pulumi-resource-{name}" for name in PYTHON_PLUGINS],
        inputs=[
            sys.version,
            REQUIREMENTS,
            LAB / "plugin_steps.py",
            *(file for name in PYTHON_PLUGINS for file in _sources(name)),
        ],
        needs=["plugin-environment"],
    ),
    Step(
        name="pulumi-home",
        run=_install_all,
        results=[
            PULUMI_HOME / "plugins" / f"resource-{name}-v{VERSIONS['plugins'][name]}" for name in VERSIONS["plugins"]
        ],
        inputs=[
            *(f"{name} {version}" for name, version in VERSIONS["plugins"].items()),
            sys.version,
            REQUIREMENTS,
            LAB / "plugin_steps.py",
            *(file for name in PYTHON_PLUGINS for file in _sources(name)),
            *(LAB / "plugins" / "libvirt" / name for name in ("go.mod", "go.sum", "main.go")),
        ],
        needs=["pulumi-cli", "plugin-packages", "libvirt-plugin"],
    ),
]
