from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

from lab.docker_archive import write_archive, write_layer
from lab.registry import image_name, path_in_registry


def make_tree(root: Path, names: list[str]) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def test_the_same_tree_gives_the_same_bytes_whatever_its_order_and_age(tmp_path: Path) -> None:
    first = make_tree(tmp_path / "first", ["b", "a/x", "a.txt"])
    second = make_tree(tmp_path / "second", ["a.txt", "a/x", "b"])
    os.utime(second / "b", (1, 1))
    layers = [write_layer(tree, tmp_path / f"{tree.name}.tar").read_bytes() for tree in (first, second)]
    assert layers[0] == layers[1]


def test_a_layer_keeps_modes_links_and_empty_directories_and_belongs_to_root(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", ["usr/bin/sh"])
    (tree / "usr/bin/sh").chmod(0o755)
    (tree / "bin").symlink_to("usr/bin")
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    with tarfile.open(write_layer(tree, tmp_path / "layer.tar")) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert sorted(members) == ["bin", "tmp", "usr", "usr/bin", "usr/bin/sh"]
    assert members["bin"].linkname == "usr/bin"
    assert members["tmp"].mode == 0o1777
    assert members["usr/bin/sh"].mode == 0o755
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}


def test_a_hard_link_is_written_with_its_content(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", ["one"])
    (tree / "two").hardlink_to(tree / "one")
    with tarfile.open(write_layer(tree, tmp_path / "layer.tar")) as tar:
        contents = [tar.extractfile(name) for name in ("one", "two")]
        assert [content.read() for content in contents if content] == [b"one", b"one"]


def test_an_archive_names_its_image_and_its_layers_by_their_digests(tmp_path: Path) -> None:
    lower = write_layer(make_tree(tmp_path / "lower", ["base"]), tmp_path / "lower.tar")
    upper = write_layer(make_tree(tmp_path / "upper", ["pause"]), tmp_path / "upper.tar")
    archive = tmp_path / "pause.tar"
    write_archive(archive, "registry.k8s.io/pause:3.10.2", [lower, upper], {"Entrypoint": ["/pause"]})
    with tarfile.open(archive) as tar:
        files = {name: tar.extractfile(name) for name in tar.getnames()}
        contents = {name: file.read() for name, file in files.items() if file}
    (image,) = json.loads(contents["manifest.json"])
    config = json.loads(contents[image["Config"]])
    assert image["RepoTags"] == ["registry.k8s.io/pause:3.10.2"]
    assert [contents[name] for name in image["Layers"]] == [lower.read_bytes(), upper.read_bytes()]
    assert config["rootfs"]["diff_ids"] == [
        f"sha256:{hashlib.sha256(layer.read_bytes()).hexdigest()}" for layer in (lower, upper)
    ]
    assert config["config"] == {"Entrypoint": ["/pause"]}
    assert image_name(archive) == "registry.k8s.io/pause:3.10.2"


def test_the_registry_serves_an_image_without_its_registry_host() -> None:
    assert path_in_registry("docker.io/library/nginx:1.26.3") == "library/nginx:1.26.3"
    assert path_in_registry("registry.k8s.io/coredns/coredns:v1.14.6") == "coredns/coredns:v1.14.6"
