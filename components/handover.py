"""Files that exist only while the libvirt provider reads them: images on their way into the storage pool."""

from __future__ import annotations

import atexit
import contextlib
import os
import stat
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pulumi

Write = Callable[[Path], Awaitable[None]]
"""Makes a file at a path where there is none; its directory is there, and nobody else may look into it."""


def place(file_name: str) -> str:
    """Where a file is handed over: in memory, in a directory of this user's own."""
    memory = Path("/dev/shm")  # noqa: S108 (the directory in it is private, see `_private`)
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    return str(base / f"kubeadm-libvirt-{os.getuid()}" / file_name)


def hand_over(name: str, write: Write) -> pulumi.ResourceHookBinding:
    """Hooks of a volume that make its `source` just before the provider reads it, and take it away after.

    The volume must ignore changes of `source`, which then says nothing about the content: a stack that moves to another
    user or machine rebuilds nothing, and the hook writes wherever the state says. `name` is the volume's resource name.
    Raises pulumi.RunError where somebody else owns the directory.
    """

    async def before(args: pulumi.ResourceHookArgs) -> None:
        path = _source(args)
        _private(path.parent)
        path.unlink(missing_ok=True)
        atexit.register(path.unlink, missing_ok=True)  # where the provider fails, nobody comes back for it
        await write(path)

    def after(args: pulumi.ResourceHookArgs) -> None:
        path = _source(args)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another file is still being handed over
            path.parent.rmdir()

    return pulumi.ResourceHookBinding(
        before_create=[pulumi.ResourceHook(f"{name}-hand-over", before)],
        after_create=[pulumi.ResourceHook(f"{name}-take-away", after)],
    )


def _source(args: pulumi.ResourceHookArgs) -> Path:
    return Path(str((args.new_inputs or {})["source"]))


def _private(directory: Path) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise pulumi.RunError(
            f"{directory} is not a directory that only you can read, so no key may be put into it. Find out who made "
            f"it, then remove it: rm -r {directory}"
        )
