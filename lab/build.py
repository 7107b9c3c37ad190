"""Builds what the lab is made of: `python3 -m lab.build`, or the named steps and what they need."""

from __future__ import annotations

import sys

from lab import apt_repository, go_builds, host, images, kubernetes_packages, machine_image, plugin_steps
from lab.steps import Step, StepFailed, run_all

_HOST_PACKAGES = {
    *host.HOST_PACKAGES,
    *apt_repository.HOST_PACKAGES,
    *go_builds.HOST_PACKAGES,
    *images.HOST_PACKAGES,
    *machine_image.HOST_PACKAGES,
}

# In a lane the first goes first: the toolchain before the rest, for the compilers take longest.
STEPS: list[Step] = [
    *go_builds.STEPS,
    host.packages_step(_HOST_PACKAGES),
    *plugin_steps.STEPS,
    *machine_image.STEPS,
    *apt_repository.STEPS,
    *kubernetes_packages.STEPS,
    *images.STEPS,
]


def select(names: list[str], steps: list[Step]) -> list[Step]:
    """The named steps and all that they need, in the order of `steps`; all steps when no name is given.

    Raises StepFailed for a name that no step has.
    """
    if not names:
        return steps
    by_name = {step.name: step for step in steps}
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in by_name:
            raise StepFailed(f"there is no step {name!r}; the steps are {', '.join(by_name)}")
        if name not in wanted:
            wanted.add(name)
            todo += by_name[name].needs
    return [step for step in steps if step.name in wanted]


def main(names: list[str]) -> int:
    """Runs the steps and returns the exit code."""
    try:
        run_all(select(names, STEPS))
    except StepFailed as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; the next run goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
