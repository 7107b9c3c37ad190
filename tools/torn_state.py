"""A state that was cut off while it was written: python -m tools.torn_state DIRECTORY STACK puts its copy in its place.

A host that loses its power can leave the file of a stack empty or half-written, and every command of Pulumi ends with
"unexpected end of JSON input". Beside it is the file as it was one step earlier (.bak); what that step has made, a
sweep of libvirt finds. Exits non-zero where neither can be read.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path


def mend(file: Path) -> str:
    """Puts the copy in the place of a state that cannot be read, and says so; empty where it can be read.

    What was cut off is kept beside it. Raises ValueError where the copy cannot be read either.
    """
    if _readable(file):
        return ""
    copy, torn = file.with_name(f"{file.name}.bak"), file.with_name(f"{file.name}.torn")
    if not _readable(copy):
        raise ValueError(
            f"The state cannot be read, nor can its copy: {file} was cut off while it was written. "
            f"Put an older one there, from {file.parents[2] / 'backups' / file.parent.name / file.stem}; or remove "
            f"{file} and run `make destroy`, which names what libvirt has and how to remove it."
        )
    mended = file.with_name(f"{file.name}.mended")
    shutil.copy2(copy, mended)
    shutil.copy2(file, torn)
    mended.replace(file)
    return f"The state was cut off while it was written, and is as it was one step earlier; what was there: {torn}"


def _readable(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_text()), dict)
    except (OSError, ValueError):
        return False


def main(directory: Path, stack: str) -> int:
    """Of each project that has such a stack; the exit code is 1 where a state cannot be read."""
    try:
        for file in directory.glob(f".pulumi/stacks/*/{stack}.json"):
            if said := mend(file):
                print(said, file=sys.stderr)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
