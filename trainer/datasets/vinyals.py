"""The Omniglot split of Vinyals et al. (*Matching Networks for One Shot Learning*, NIPS 2016), as lists of classes.

The lists are those that came with *Prototypical Networks* (Snell, Swersky, Zemel, NIPS 2017) and that most results
since are measured on. A line is ``Alphabet/characterNN/rotRRR``: a character, turned by 0, 90, 180 or 270 degrees,
which is a class of its own. 1,028 characters train, 172 validate, 423 test.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from pathlib import Path

from trainer.artifact import Split
from trainer.datasets.dataset import ROTATION_MARK, Dataset, DatasetError
from trainer.datasets.download import DownloadError
from trainer.datasets.omniglot import EVALUATION_MARK, data_folder

_log = logging.getLogger(__name__)

BASE_VARIABLE = "KSHOT_VINYALS_URL"
"""Names a mirror to fetch the lists from."""

BASE_URL = "https://raw.githubusercontent.com/jakesnell/prototypical-networks/master/data/omniglot/splits/vinyals"
FOLDER = "vinyals_split"
"""Of the lists, in the data folder."""

CHARACTERS: Mapping[str, int] = {"train": 1028, "validation": 172, "test": 423}
"""How many characters each part has."""

_FILES = {"train": "train.txt", "validation": "val.txt", "test": "test.txt"}
_LINE = re.compile(r"([^/\s]+/character\d\d)/rot(000|090|180|270)")
_LIMIT_BYTES = 1 << 20
_TIMEOUT_S = 30

Lists = Mapping[str, tuple[str, ...]]
"""Characters of each part, ``Alphabet/characterNN``."""


def get_vinyals_split(
    folder: Path,
    *,
    base_url: str | None = None,
    characters: Mapping[str, int] = CHARACTERS,
    progress: Callable[[int, int | None], None] | None = None,
    attempts: int = 3,
) -> Path:
    """Make sure that the lists lie in ``folder/vinyals_split``; what is there is not fetched again.

    Parameters
    ----------
    folder : Path
        The data folder; it is created.
    base_url : str, optional
        By default ``$KSHOT_VINYALS_URL``, else the official repository.
    characters : mapping
        How many characters each part must have.
    progress : callable, optional
        Called with the bytes that arrived, and their sum when all did.
    attempts : int
        Connections to try for each list before giving up.

    Returns
    -------
    Path
        ``folder/vinyals_split``; it appears whole or not at all.

    Raises
    ------
    DownloadError
        If the network fails, or what arrives is not the split: see `parse_lists`.
    """
    target = folder / FOLDER
    if target.is_dir():
        return target
    base = (base_url or os.environ.get(BASE_VARIABLE) or BASE_URL).rstrip("/")
    if not base.startswith(("https://", "http://")):
        raise DownloadError(f"{base}: the address must begin with https:// or http://")
    texts: dict[str, str] = {}
    done_bytes = 0
    for part, name in _FILES.items():
        texts[part] = _fetch(f"{base}/{name}", attempts)
        done_bytes += len(texts[part])
        if progress is not None:
            progress(done_bytes, done_bytes if len(texts) == len(_FILES) else None)
    try:
        parse_lists(texts, where=base, characters=characters)
    except DatasetError as error:
        raise DownloadError(f"{error}; nothing was kept") from error
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        staged = Path(scratch) / FOLDER
        staged.mkdir()
        for part, text in texts.items():
            (staged / _FILES[part]).write_text(text, encoding="ascii", newline="\n")
        return staged.replace(target)


def read_lists(folder: Path | None = None, *, characters: Mapping[str, int] = CHARACTERS) -> Lists:
    """Read lists that `get_vinyals_split` fetched.

    Parameters
    ----------
    folder : Path, optional
        By default `vinyals_split` in the data folder.
    characters : mapping

    Raises
    ------
    DatasetError
        If a list is missing (the message says how to get it) or is not what it must be.
    """
    folder = folder or data_folder() / FOLDER
    try:
        texts = {part: (folder / name).read_text(encoding="ascii") for part, name in _FILES.items()}
    except FileNotFoundError as error:
        raise DatasetError(
            f"{error.filename}: there is no such file; 'kshot data get vinyals-split' fetches it"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder}: a list of the split cannot be read ({error})") from error
    return parse_lists(texts, where=str(folder), characters=characters)


def parse_lists(texts: Mapping[str, str], *, where: str, characters: Mapping[str, int] = CHARACTERS) -> Lists:
    """Check lists: every line a class, all four rotations of a character together, no character in two parts.

    Parameters
    ----------
    texts : mapping of str to str
        The lists' contents by part: train, validation, test.
    where : str
        Where they come from, for messages.
    characters : mapping
        How many characters each part must have.

    Raises
    ------
    DatasetError
        Names the list and the first line or character that is wrong.
    """
    part_of: dict[str, str] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for part, text in texts.items():
        name = f"{where}/{_FILES[part]}"
        rotations: dict[str, set[str]] = {}
        lines = text.splitlines()
        for number, line in enumerate(lines, start=1):
            match = _LINE.fullmatch(line)
            if match is None:
                raise DatasetError(f"{name}:{number}: {line[:60]!r} is not written like Angelic/character01/rot000")
            rotations.setdefault(match[1], set()).add(match[2])
        for character, turns in rotations.items():
            if len(turns) != 4:
                raise DatasetError(f"{name}: {character} has {len(turns)} rotations, it must have 4")
            if character in part_of:
                raise DatasetError(f"{name}: {character} is in {_FILES[part_of[character]]}, too")
            part_of[character] = part
        if len(rotations) != characters[part] or len(lines) != 4 * len(rotations):
            raise DatasetError(
                f"{name}: {len(lines)} lines of {len(rotations)} characters; "
                f"the split has {4 * characters[part]} of {characters[part]}"
            )
        lists[part] = tuple(rotations)
    return lists


def split_by_lists(dataset: Dataset, lists: Lists) -> Split:
    """Share out the classes of Omniglot as the lists say; each part keeps the data set's order.

    Parameters
    ----------
    dataset : Dataset
        Omniglot with the evaluation set and with rotations.
    lists : mapping
        From `read_lists`.

    Raises
    ------
    DatasetError
        If the data set lacks a class of the lists.
    """
    part_of = {character: part for part, characters in lists.items() for character in characters}
    classes: dict[str, list[str]] = {part: [] for part in lists}
    counts = dict.fromkeys(part_of, 0)
    for name in dataset.class_names:
        character = name.removeprefix(EVALUATION_MARK).split(ROTATION_MARK)[0]
        if character in part_of:
            classes[part_of[character]].append(name)
            counts[character] += 1
    lacking = next((character for character, count in counts.items() if count != 4), None)
    if lacking is not None:
        raise DatasetError(
            f"{dataset.name}: the Vinyals split needs {lacking} in 4 rotations, there are {counts[lacking]}; load the "
            "background and the evaluation set ('kshot data get omniglot') with rotations as classes"
        )
    return Split(**{part: tuple(names) for part, names in classes.items()}, name="vinyals")


def _fetch(url: str, attempts: int) -> str:
    """The text at an address."""
    failure = "nothing arrived"
    for _ in range(attempts):
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:
                content: bytes = response.read(_LIMIT_BYTES + 1)
                if len(content) > _LIMIT_BYTES:
                    raise DownloadError(f"{url}: more than {_LIMIT_BYTES:,} bytes, which is no list of this split")
                if response.length:  # what the server announced and did not send
                    raise OSError(f"cut off at {len(content)} bytes")
            return content.decode("ascii")
        except urllib.error.HTTPError as error:
            raise DownloadError(f"{url}: the server answers {error.code} {error.reason}") from error
        except UnicodeDecodeError as error:
            raise DownloadError(f"{url}: not plain text ({error})") from error
        except (OSError, HTTPException) as error:
            failure = str(error) or type(error).__name__
            _log.warning("%s: %s", url, failure)
    raise DownloadError(f"{url}: {failure}; run it again when the network is there")
