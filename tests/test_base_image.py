"""The base image: found or downloaded, and never used with another checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.error import HTTPError

import pytest

from components.base_image import base_image, base_images
from components.nodes import all_nodes, control_planes
from components.settings import SettingsError
from tests.configuration import make_settings
from tests.qcow2 import qcow2
from tests.web import Answer, refused_url, serve

CONTENT = qcow2(b"a disk" * 300_000)  # more than one chunk
SHA512 = hashlib.sha512(CONTENT).hexdigest()
ONE, TWO = qcow2(b"one"), qcow2(b"two")
OTHER = "0" * 128


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where downloads go; empty."""
    monkeypatch.setenv("no_proxy", "*")  # the servers are on loopback
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fetched(*, preview: bool, **overrides: str) -> Path:
    """The file that the control plane of this configuration gets its image from."""
    settings = make_settings(**overrides)
    (image,) = {each.path for each in base_images(all_nodes(settings), preview=preview).values()}
    return image


def files(directory: Path) -> list[Path]:
    """All files below a directory."""
    return [path for path in directory.rglob("*") if path.is_file()]


def local(tmp_path: Path, content: bytes = CONTENT) -> Path:
    """A file to give as `image`."""
    path = tmp_path / "debian.qcow2"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("checksum", ["", SHA512])
def test_a_local_file_is_used_where_it_is(tmp_path: Path, cache: Path, checksum: str, *, preview: bool) -> None:
    path = local(tmp_path)
    assert fetched(image=str(path), imageSha512=checksum, preview=preview) == path
    assert not cache.exists(), "a local file is not copied"


@pytest.mark.parametrize("preview", [False, True])
def test_a_local_file_that_is_not_there_is_refused(tmp_path: Path, *, preview: bool) -> None:
    path = tmp_path / "absent.qcow2"
    with pytest.raises(SettingsError) as refusal:
        fetched(image=str(path), preview=preview)
    assert str(refusal.value) == (
        f"- image = '{path}' is refused: there is no such file. Way out: give the path of a qcow2 file, or a URL"
    )


def test_a_directory_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        fetched(image=str(tmp_path), imageSha512="", preview=False)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("/proc/self/mem", "it cannot be read: Input/output error"),
        (f"/srv/{'a' * 256}", "it cannot be read: File name too long"),
        ("/etc/passwd", "it is not a qcow2 file"),
        ("/dev/null", "there is no such file"),
    ],
)
def test_what_is_no_readable_qcow2_file_is_refused_before_anything_is_made(path: str, rule: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        base_image(path, "", preview=False)
    shown = f"{path[:80]}…" if len(path) > 80 else path
    assert str(refusal.value) == (
        f"- image = '{shown}' is refused: {rule}. Way out: give the path of a qcow2 file, or a URL"
    )


def test_a_query_is_no_part_of_the_name_that_a_download_is_kept_by(cache: Path) -> None:
    image = base_image("http://images.example/debian.qcow2?signed=a/b", SHA512, preview=True)
    assert image.path.name == "debian.qcow2"


@pytest.mark.parametrize("preview", [False, True])
def test_a_local_file_with_another_checksum_is_refused(tmp_path: Path, *, preview: bool) -> None:
    path = local(tmp_path)
    with pytest.raises(SettingsError) as refusal:
        fetched(image=str(path), imageSha512=OTHER, preview=preview)
    assert str(refusal.value) == (
        f"- imageSha512 = '{OTHER[:80]}…' is refused: {path} has the SHA-512 {SHA512}. "
        "Way out: if you trust that file, set this value; if not, fetch it again"
    )


def test_a_url_is_downloaded_once_and_kept(cache: Path) -> None:
    with serve(Answer(body=CONTENT)) as web:
        url = f"{web.url}/trixie/debian.qcow2"
        path = fetched(image=url, imageSha512=SHA512, preview=False)
        assert path.read_bytes() == CONTENT
        assert path.is_relative_to(cache)
        assert path.name == "debian.qcow2"
        assert fetched(image=url, imageSha512=SHA512, preview=False) == path
        assert web.asked == ["/trixie/debian.qcow2"], "the second `up` downloads it again"
    assert files(cache) == [path], "a temporary file was left"


def test_two_images_of_the_same_name_do_not_share_a_file(cache: Path) -> None:
    with serve(Answer(body=ONE), Answer(body=TWO)) as web:
        url = f"{web.url}/debian.qcow2"
        one, two = (
            fetched(image=url, imageSha512=hashlib.sha512(body).hexdigest(), preview=False) for body in (ONE, TWO)
        )
    assert (one.read_bytes(), two.read_bytes()) == (ONE, TWO)


def test_a_preview_names_the_file_and_downloads_nothing(cache: Path) -> None:
    with serve(Answer(body=CONTENT)) as web:
        url = f"{web.url}/debian.qcow2"
        promised = fetched(image=url, imageSha512=SHA512, preview=True)
        assert web.asked == []
        assert not cache.exists()
        assert fetched(image=url, imageSha512=SHA512, preview=False) == promised, (
            "the preview shows another plan than `up` carries out"
        )


def test_a_download_with_another_checksum_is_refused_and_thrown_away(cache: Path) -> None:
    with serve(Answer(body=b"something else")) as web:
        url = f"{web.url}/debian.qcow2"
        with pytest.raises(SettingsError, match="has the SHA-512 ") as refusal:
            fetched(image=url, imageSha512=SHA512, preview=False)
    assert hashlib.sha512(b"something else").hexdigest() in str(refusal.value)
    assert url in str(refusal.value)
    assert files(cache) == []


def test_a_download_that_is_no_qcow2_file_is_refused_as_a_local_file_is(cache: Path) -> None:
    page = b"<html>"
    with serve(Answer(body=page)) as web:
        url = f"{web.url}/debian.qcow2"
        with pytest.raises(SettingsError) as refusal:
            fetched(image=url, imageSha512=hashlib.sha512(page).hexdigest(), preview=False)
    assert str(refusal.value) == (
        f"- image = '{url}' is refused: it is not a qcow2 file. Way out: give the path of a qcow2 file, or a URL"
    )


def test_a_disk_that_the_image_does_not_fit_on_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    path = local(tmp_path, qcow2(size=9 << 30))
    with pytest.raises(SettingsError) as refusal:
        fetched(image=str(path), imageSha512="", diskSize="8", preview=True)
    assert str(refusal.value) == (
        "- diskSize = '8' is refused: the image has a disk of 9 GiB, and no machine's may be smaller. "
        "Way out: set it with: pulumi config set diskSize 9"
    )
    assert fetched(image=str(path), imageSha512="", diskSize="9", preview=True) == path


def test_an_image_that_fits_on_no_disk_that_may_be_set_is_to_be_another_one(tmp_path: Path) -> None:
    path = local(tmp_path, qcow2(size=5 << 40))
    with pytest.raises(SettingsError) as refusal:
        fetched(image=str(path), imageSha512="", preview=True)
    assert str(refusal.value) == (
        "- diskSize = '20' is refused: the image has a disk of 5120 GiB, and no machine's may be smaller. "
        "Way out: take another image, for diskSize is 4096 at most"
    )


@pytest.mark.parametrize(
    ("own", "key"), [({}, "image"), ({"imageSha512": OTHER}, "imageSha512")], ids=["no image", "another checksum"]
)
def test_what_is_wrong_with_the_image_of_one_machine_is_told_by_its_own_key(
    tmp_path: Path, own: dict[str, str], key: str
) -> None:
    other = tmp_path / "other.qcow2"
    other.write_bytes(qcow2(b"other") if own else b"raw")
    machines = {"worker-2": {"image": str(other), **own}}
    settings = make_settings(image=str(local(tmp_path)), imageSha512="", machines=machines)
    with pytest.raises(SettingsError, match=rf"^- machines\.worker-2\.{key} = "):
        base_images(all_nodes(settings), preview=False)


def test_a_download_that_breaks_off_is_refused_and_thrown_away(cache: Path) -> None:
    with serve(Answer(body=CONTENT[:1000], length=len(CONTENT))) as web:
        with pytest.raises(SettingsError) as refusal:
            fetched(image=f"{web.url}/debian.qcow2", imageSha512=SHA512, preview=False)
        assert f"it broke off after 1000 of {len(CONTENT)} bytes" in str(refusal.value), "half a file is no other image"
        assert files(cache) == []
        web.answers = [Answer(body=CONTENT)]
        path = fetched(image=f"{web.url}/debian.qcow2", imageSha512=SHA512, preview=False)
    assert path.read_bytes() == CONTENT, "the next `up` does not go on from a failed download"


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(cache: Path) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_text("a file where the directory should be")
    with pytest.raises(SettingsError) as refusal:
        fetched(image="http://127.0.0.1:9/debian.qcow2", imageSha512=SHA512, preview=False)
    assert f"it cannot be kept in {cache}" in str(refusal.value)
    assert str(refusal.value).endswith("Way out: make that directory writable, or set XDG_CACHE_HOME")


def test_a_url_that_is_not_there_is_refused_with_the_servers_answer(cache: Path) -> None:
    with serve(Answer(status=404)) as web:
        url = f"{web.url}/gone.qcow2"
        with pytest.raises(SettingsError) as refusal:
            fetched(image=url, imageSha512=SHA512, preview=False)
    assert str(refusal.value) == (
        f"- image = '{url}' is refused: it cannot be downloaded: HTTP Error 404: Not Found. "
        "Way out: check the URL, or set a local path"
    )
    assert isinstance(refusal.value.__cause__, HTTPError)
    refusal.value.__cause__.close()
    assert files(cache) == []


@pytest.mark.parametrize("url", [refused_url(), "http://127.0.0.1:http"])
def test_a_server_that_is_not_there_is_refused_and_not_a_traceback(cache: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="it cannot be downloaded: "):
        base_image(f"{url}/debian.qcow2", SHA512, preview=False)
    assert files(cache) == []


def test_a_machine_may_have_an_image_of_its_own(tmp_path: Path) -> None:
    other = tmp_path / "other.qcow2"
    other.write_bytes(qcow2(b"other"))
    machines = {"worker-2": {"image": str(other), "imageSha512": hashlib.sha512(other.read_bytes()).hexdigest()}}
    settings = make_settings(image=str(local(tmp_path)), imageSha512="", machines=machines)
    images = base_images(all_nodes(settings), preview=False)
    assert {name: image.path.name for name, image in images.items()} == {
        "control-plane-1": "debian.qcow2",
        "worker-1": "debian.qcow2",
        "worker-2": "other.qcow2",
    }


def test_the_same_content_is_the_same_image_wherever_it_lies(tmp_path: Path) -> None:
    here, there = tmp_path / "here.qcow2", tmp_path / "there.qcow2"
    here.write_bytes(CONTENT)
    there.write_bytes(CONTENT)
    one, two = (
        base_images(control_planes(make_settings(image=str(p), imageSha512="")), preview=False) for p in (here, there)
    )
    assert one["control-plane-1"].short_hash == two["control-plane-1"].short_hash == SHA512[:12]
