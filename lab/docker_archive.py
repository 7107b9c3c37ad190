"""Container images as files, in the format of `docker save`, written without a container engine.

The same trees give the same bytes: members are sorted, belong to root and carry no time.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_WRITTEN = "1970-01-01T00:00:00Z"


def write_layer(tree: Path, layer: Path) -> Path:
    """Writes the content of the directory `tree` as the tar file `layer`, and returns it."""
    members = sorted(tree.rglob("*"), key=lambda path: path.relative_to(tree).parts)
    with tarfile.open(layer, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in members:
            member = tar.gettarinfo(str(path), arcname=str(path.relative_to(tree)))
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = 0
            if not member.isreg() and not member.islnk():
                tar.addfile(member)
                continue
            # A hard link would name a file by its place in the tree: its content instead, so that order cannot matter.
            member.type = tarfile.REGTYPE
            member.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(member, file)
    return layer


def write_archive(archive: Path, name: str, layers: Sequence[Path], settings: Mapping[str, object]) -> None:
    """Writes the image `name` (with its tag) made of `layers`, lowest first, as the file `archive`.

    `settings` is the `config` object of an image: Entrypoint, Cmd, Env and so on.
    """
    digests = [_sha256(layer) for layer in layers]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": _WRITTEN,
            "config": dict(settings),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": _WRITTEN} for _ in layers],
        },
        sort_keys=True,
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    files = [f"{digest}.tar" for digest in digests]
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": files}]).encode()
    aside = archive.with_suffix(".new")
    with tarfile.open(aside, "w", format=tarfile.GNU_FORMAT) as tar:
        for file, content in (("manifest.json", manifest), (config_name, config)):
            member = tarfile.TarInfo(file)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for file, layer in dict(zip(files, layers, strict=True)).items():
            member = tarfile.TarInfo(file)
            member.size = layer.stat().st_size
            with layer.open("rb") as source:
                tar.addfile(member, source)
    aside.replace(archive)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
