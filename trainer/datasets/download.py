"""Fetch Omniglot's official archives: resumed after a cut, checked by SHA-256, unpacked with care."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import stat
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from trainer.datasets.dataset import DatasetError

_log = logging.getLogger(__name__)

BASE_VARIABLE = "KSHOT_OMNIGLOT_URL"
"""Names a mirror to fetch the archives from."""

BASE_URL = "https://github.com/brendenlake/omniglot/raw/master/python"

Progress = Callable[[int, int], None]
"""Called with the bytes on disk and the bytes in all."""

_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Archive:
    """A zip file of the official repository.

    Attributes
    ----------
    name : str
        File name, below the base address.
    size_bytes : int
    sha256 : str
        Hexadecimal.
    top : str
        The one folder that it unpacks to.
    unpacked_limit_bytes : int
        More than this when unpacked is refused.
    """

    name: str
    size_bytes: int
    sha256: str
    top: str
    unpacked_limit_bytes: int = 200_000_000


# Sizes and digests as TensorFlow Datasets registers them (url_checksums/omniglot.txt).
OMNIGLOT_ARCHIVES = (
    Archive(
        name="images_background.zip",
        size_bytes=9_464_212,
        sha256="ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640",
        top="images_background",
    ),
    Archive(
        name="images_evaluation.zip",
        size_bytes=6_462_886,
        sha256="1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee",
        top="images_evaluation",
    ),
)


class DownloadError(DatasetError):
    """An archive could not be fetched, differs from its digest or holds what it must not."""


def get_omniglot(
    folder: Path,
    *,
    archives: tuple[Archive, ...] = OMNIGLOT_ARCHIVES,
    base_url: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make sure that Omniglot lies unpacked in ``folder/omniglot``; what is there is not fetched again.

    Parameters
    ----------
    folder : Path
        The data folder; it is created.
    archives : tuple of Archive
    base_url : str, optional
        By default ``$KSHOT_OMNIGLOT_URL``, else the official repository.
    progress : callable, optional
        Called with bytes on disk and bytes in all, over all archives.

    Returns
    -------
    Path
        ``folder/omniglot``.

    Raises
    ------
    DownloadError
        If the network fails (what arrived is kept and the next call resumes), a digest differs (the file is kept
        aside as ``NAME.rejected``), or a zip is malformed.
    """
    target = folder / "omniglot"
    target.mkdir(parents=True, exist_ok=True)
    total = sum(archive.size_bytes for archive in archives)
    done = 0
    for archive in archives:
        if not (target / archive.top).is_dir():
            file = download(
                archive,
                target,
                base_url=base_url,
                progress=None if progress is None else _shifted(progress, done, total),
            )
            unpack(archive, file, target)
            file.unlink()
        done += archive.size_bytes
        if progress is not None:
            progress(done, total)
    return target


def download(
    archive: Archive,
    folder: Path,
    *,
    base_url: str | None = None,
    progress: Progress | None = None,
    attempts: int = 3,
) -> Path:
    """Fetch one archive, going on where an earlier call was cut off.

    Parameters
    ----------
    archive : Archive
    folder : Path
    base_url : str, optional
    progress : callable, optional
    attempts : int
        Connections to try before giving up.

    Returns
    -------
    Path
        ``folder/archive.name``, its digest checked.

    Raises
    ------
    DownloadError
        See `get_omniglot`.
    """
    url = f"{(base_url or os.environ.get(BASE_VARIABLE) or BASE_URL).rstrip('/')}/{archive.name}"
    if not url.startswith(("https://", "http://")):
        raise DownloadError(f"{url}: the address must begin with https:// or http://")
    part = folder / f"{archive.name}.part"
    failure = "nothing arrived"
    for _ in range(attempts):
        if _size(part) >= archive.size_bytes:
            break
        try:
            _fetch(url, part, archive, progress)
        except urllib.error.HTTPError as error:
            raise DownloadError(f"{url}: the server answers {error.code} {error.reason}") from error
        except (OSError, HTTPException) as error:
            failure = str(error) or type(error).__name__
            _log.warning("%s: cut off at %d bytes (%s)", url, _size(part), failure)
    if _size(part) < archive.size_bytes:
        raise DownloadError(
            f"{url}: cut off at {_size(part)} of {archive.size_bytes} bytes ({failure}); "
            "run it again to go on from there"
        )
    return _accept(archive, part, folder, url)


def _accept(archive: Archive, part: Path, folder: Path, url: str) -> Path:
    """Check a complete file and give it its name."""
    with part.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    if digest != archive.sha256:
        rejected = folder / f"{archive.name}.rejected"
        part.replace(rejected)
        raise DownloadError(
            f"{url}: its SHA-256 is {digest}, it must be {archive.sha256}; the file is kept as {rejected} and not used"
        )
    return part.replace(folder / archive.name)


def _fetch(url: str, part: Path, archive: Archive, progress: Progress | None) -> None:
    """Append to `part` what the server has beyond it; begin anew if the server sends the whole file."""
    have = _size(part)
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        resumed = response.status == 206 and _starts_at(response.headers.get("Content-Range", ""), have)
        if response.status == 206 and not resumed:
            part.unlink()
            raise OSError("the server resumed at another place than asked")
        with part.open("ab" if resumed else "wb") as output:
            _copy(response, output, archive, progress)


def _copy(response: BinaryIO, output: BinaryIO, archive: Archive, progress: Progress | None) -> None:
    """Copy until the end, or until one byte more than the archive should have."""
    while chunk := response.read(_CHUNK_BYTES):
        output.write(chunk)
        if progress is not None:
            progress(min(output.tell(), archive.size_bytes), archive.size_bytes)
        if output.tell() > archive.size_bytes:
            return


def _starts_at(content_range: str, position: int) -> bool:
    """Whether a Content-Range header such as ``bytes 100-199/200`` begins at `position`."""
    match = re.match(r"bytes (\d+)-", content_range)
    return match is not None and int(match[1]) == position


def _size(path: Path) -> int:
    """Bytes in a file; 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def _shifted(progress: Progress, before: int, total: int) -> Progress:
    """Report one archive's progress as a part of all archives'."""
    return lambda done, _: progress(before + done, total)


def unpack(archive: Archive, file: Path, folder: Path) -> Path:
    """Unpack an archive's pictures; they appear whole or not at all.

    Parameters
    ----------
    archive : Archive
    file : Path
    folder : Path
        Will hold ``archive.top``.

    Returns
    -------
    Path
        ``folder/archive.top``.

    Raises
    ------
    DownloadError
        If the file is no zip, unpacks to more than the limit, or has a member that is a link or lies outside
        ``archive.top``. Nothing is then left behind.
    """
    try:
        with zipfile.ZipFile(file) as content, tempfile.TemporaryDirectory(dir=folder) as scratch:
            members = [member for member in content.infolist() if not member.is_dir()]
            for member in members:
                _check_member(member, archive, file)
            if sum(member.file_size for member in members) > archive.unpacked_limit_bytes:
                raise DownloadError(f"{file}: unpacks to more than {archive.unpacked_limit_bytes} bytes")
            for member in members:
                target = Path(scratch) / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with content.open(member) as source, target.open("wb") as output:
                    shutil.copyfileobj(source, output)
            if not members:
                raise DownloadError(f"{file}: the archive is empty")
            return (Path(scratch) / archive.top).replace(folder / archive.top)
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:  # the last also for a compression it does not know
        raise DownloadError(f"{file}: damaged or of an unknown kind ({error})") from error


def _check_member(member: zipfile.ZipInfo, archive: Archive, file: Path) -> None:
    """Refuse links, absolute names, drive letters and ways out of the top folder."""
    path = PurePosixPath(member.filename)
    outside = path.is_absolute() or ".." in path.parts or path.parts[:1] != (archive.top,) or len(path.parts) < 2
    foreign = "\\" in member.filename or ":" in member.filename or stat.S_ISLNK(member.external_attr >> 16)
    if outside or foreign:
        raise DownloadError(f"{file}: member {member.filename!r} is not a plain file below {archive.top}/")
