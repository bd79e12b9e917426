"""Downloading Omniglot, against a server on localhost that can resume, cut and lie."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from localhost import Server

from trainer.datasets.download import Archive, DownloadError, download, get_omniglot, unpack


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def describe(content: bytes, *, top: str = "images_background") -> Archive:
    return Archive(f"{top}.zip", len(content), hashlib.sha256(content).hexdigest(), top)


GOOD = zipped({f"images_background/Greek/character01/{i}.png": bytes(range(256)) * 300 for i in range(3)})
ARCHIVE = describe(GOOD)


def test_all_archives_are_fetched_checked_and_unpacked(server: Server, tmp_path: Path) -> None:
    """Progress counts up to the sum of both; a second call asks the server for nothing."""
    second = zipped({"images_evaluation/X/character01/1.png": b"x" * 1000})
    archives = (ARCHIVE, describe(second, top="images_evaluation"))
    server.files = {"images_background.zip": GOOD, "images_evaluation.zip": second}
    seen: list[tuple[int, int]] = []
    folder = get_omniglot(tmp_path, archives=archives, base_url=server.url, progress=lambda *step: seen.append(step))
    total = len(GOOD) + len(second)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (total, total)
    assert (folder / "images_background/Greek/character01/2.png").read_bytes() == bytes(range(256)) * 300
    assert (folder / "images_evaluation/X/character01/1.png").is_file()
    assert sorted(path.name for path in folder.iterdir()) == ["images_background", "images_evaluation"]
    server.requests.clear()
    get_omniglot(tmp_path, archives=archives, base_url=server.url)
    assert server.requests == []


def test_a_cut_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    """The second request asks for what is missing, and the whole is right."""
    server.files = {"images_background.zip": GOOD}
    server.cut_after = [100_000]
    assert download(ARCHIVE, tmp_path, base_url=server.url).read_bytes() == GOOD
    assert server.requests == [None, "bytes=100000-"]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(server: Server, tmp_path: Path) -> None:
    """After the last attempt the message gives the bytes that are there, and they are kept."""
    server.files = {"images_background.zip": GOOD}
    server.cut_after = [1000, 2000]
    with pytest.raises(DownloadError, match=f"cut off at 3000 of {len(GOOD)} bytes.*run it again"):
        download(ARCHIVE, tmp_path, base_url=server.url, attempts=2)
    assert download(ARCHIVE, tmp_path, base_url=server.url).read_bytes() == GOOD
    assert server.requests[-1] == "bytes=3000-"


@pytest.mark.parametrize("lie", ["ranges", "wrong_range"])
def test_a_server_that_cannot_resume_sends_all_of_it(server: Server, tmp_path: Path, lie: str) -> None:
    """A whole file after a request for a part, or a part that begins elsewhere, is not appended."""
    server.files = {"images_background.zip": GOOD}
    server.cut_after = [5000]
    setattr(server, lie, lie == "wrong_range")
    assert download(ARCHIVE, tmp_path, base_url=server.url).read_bytes() == GOOD


@pytest.mark.parametrize("content", [GOOD[:-1] + b"!", GOOD + b"more"])
def test_a_wrong_digest_is_refused_and_kept_aside(server: Server, tmp_path: Path, content: bytes) -> None:
    """Nothing is unpacked; the file can be looked at; the next call begins anew."""
    server.files = {"images_background.zip": content}
    with pytest.raises(DownloadError, match=rf"SHA-256 is [0-9a-f]{{64}}, it must be {ARCHIVE.sha256}"):
        get_omniglot(tmp_path, archives=(ARCHIVE,), base_url=server.url)
    folder = tmp_path / "omniglot"
    assert [path.name for path in folder.iterdir()] == ["images_background.zip.rejected"]
    server.files = {"images_background.zip": GOOD}
    get_omniglot(tmp_path, archives=(ARCHIVE,), base_url=server.url)
    assert server.requests[-1] is None


def test_a_missing_file_and_a_dead_server_are_told_apart(server: Server, tmp_path: Path) -> None:
    """404 is final; a refused connection is worth another try."""
    with pytest.raises(DownloadError, match="answers 404"):
        download(ARCHIVE, tmp_path, base_url=server.url)
    with pytest.raises(DownloadError, match=r"cut off at 0 of .*refused"):
        download(ARCHIVE, tmp_path, base_url="http://127.0.0.1:9", attempts=1)


def test_the_environment_names_a_mirror(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """KSHOT_OMNIGLOT_URL takes the official address's place; only http and https are fetched."""
    server.files = {"images_background.zip": GOOD}
    monkeypatch.setenv("KSHOT_OMNIGLOT_URL", server.url + "/")
    assert download(ARCHIVE, tmp_path).is_file()
    monkeypatch.setenv("KSHOT_OMNIGLOT_URL", "file:///etc")
    with pytest.raises(DownloadError, match="must begin with https"):
        download(ARCHIVE, tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.png",
        "images_background/../../evil.png",
        "/etc/evil.png",
        "other/evil.png",
        "images_background",
        "images_background\\..\\evil.png",
        "images_background/C:evil.png",
    ],
)
def test_hostile_member_names_are_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written outside the folder, and nothing is left behind."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    file = tmp_path / "hostile.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images_background/A/1.png", b"fine")
        archive.writestr(info, b"evil")
    (tmp_path / "target").mkdir()
    with pytest.raises(DownloadError, match="not a plain file below images_background/"):
        unpack(ARCHIVE, file, tmp_path / "target")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["hostile.zip", "target"]


def test_links_bombs_and_damage_are_refused(tmp_path: Path) -> None:
    """A link, too many bytes, an empty archive and a file that is no zip each have a message."""
    link = zipfile.ZipInfo("images_background/link")
    link.external_attr = 0o120777 << 16
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(DownloadError, match="not a plain file"):
        unpack(ARCHIVE, file, tmp_path)
    file.write_bytes(zipped({"images_background/A/1.png": b"0" * 1000}))
    small = Archive(ARCHIVE.name, 1, ARCHIVE.sha256, ARCHIVE.top, unpacked_limit_bytes=999)
    with pytest.raises(DownloadError, match="more than 999 bytes"):
        unpack(small, file, tmp_path)
    file.write_bytes(zipped({}))
    with pytest.raises(DownloadError, match="empty"):
        unpack(ARCHIVE, file, tmp_path)
    file.write_bytes(GOOD[: len(GOOD) // 2])
    with pytest.raises(DownloadError, match="damaged"):
        unpack(ARCHIVE, file, tmp_path)
