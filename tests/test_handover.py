"""What the provider reads is there while it reads, for nobody else to see, and gone after."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pulumi
import pytest

from tests.recording import Run
from tests.seeds import call, read_seed

SEED = "k8s-worker-1-seed"


def make(recorded: Run, path: Path) -> None:
    """What the engine does before the seed's volume is created."""
    asyncio.run(call(recorded, "before_create", SEED, path))


def test_a_seed_can_be_read_by_its_owner_only_and_only_until_it_is_uploaded(applied: Run, tmp_path: Path) -> None:
    path = tmp_path / "private" / "seed.iso"
    make(applied, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "it holds the machine's private host key"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    asyncio.run(call(applied, "after_create", SEED, path))
    assert not path.parent.exists()


def test_a_seed_has_the_label_and_the_names_that_cloud_init_looks_for(applied: Run, tmp_path: Path) -> None:
    make(applied, tmp_path / "private" / "seed.iso")
    seed = read_seed(tmp_path / "private" / "seed.iso")
    assert set(seed) == {"label", "user-data", "meta-data", "network-config"}
    assert seed["label"] == "cidata"
    assert seed["user-data"].startswith("#cloud-config\n")
    assert "private-k8s-worker-1-host-key" in seed["user-data"]


def test_what_a_killed_run_left_is_made_anew(applied: Run, tmp_path: Path) -> None:
    path = tmp_path / "private" / "seed.iso"
    make(applied, path)
    path.write_text("half of a seed")
    make(applied, path)
    assert read_seed(path)["label"] == "cidata"


def test_two_files_may_be_handed_over_at_a_time(applied: Run, tmp_path: Path) -> None:
    one, two = tmp_path / "private" / "one.iso", tmp_path / "private" / "two.iso"
    make(applied, one)
    make(applied, two)
    asyncio.run(call(applied, "after_create", SEED, one))
    assert two.exists(), "the provider would not find it"


@pytest.mark.parametrize("trouble", ["readable by all", "a link", "somebody else's"])
def test_no_key_is_put_where_another_user_may_look(
    applied: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    directory = tmp_path / "private"
    if trouble == "a link":
        (tmp_path / "theirs").mkdir(mode=0o700)
        directory.symlink_to(tmp_path / "theirs")
    else:
        directory.mkdir(mode=0o755 if trouble == "readable by all" else 0o700)
    if trouble == "somebody else's":
        monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(pulumi.RunError) as refusal:
        make(applied, directory / "seed.iso")
    assert str(refusal.value) == (
        f"{directory} is not a directory that only you can read, so no key may be put into it. Find out who made it, "
        f"then remove it: rm -r {directory}"
    )
    assert not (directory / "seed.iso").exists()


def test_nothing_is_handed_over_in_a_preview(previewed: Run) -> None:
    hooks = [
        previewed.hooks[name] for each in previewed.of(":Volume") for names in each.hooks.values() for name in names
    ]
    assert hooks
    assert not any(hook.opts and hook.opts.on_dry_run for hook in hooks)


def test_another_seed_is_another_volume_and_the_same_seed_the_same(applied: Run, tmp_path: Path) -> None:
    names = [each.plain("name") for each in applied.of(":Volume") if each.name.endswith("-seed")]
    assert len(set(names)) == 3
    volume = applied.one(":Volume", SEED)
    assert volume.ignore_changes == {"source"}
    assert not volume.plain("format"), "libvirt calls it an ISO at the next refresh, which would replace the machine"
