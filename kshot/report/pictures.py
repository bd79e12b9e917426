"""Pictures: PNG files without a library, contact sheets on disk, the training curve."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB = 0, 2


def png_bytes(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode an image as PNG (W3C Portable Network Graphics, second edition): 8 bits a sample, no filter.

    Parameters
    ----------
    image : uint8 [height, width], or [height, width, channels] with one channel or three

    Raises
    ------
    ValueError
        If dtype or shape are others.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        raise ValueError(f"a picture of {image.dtype}{list(image.shape)}; uint8 [height, width, 1 or 3] is needed")
    height, width = image.shape[:2]
    colour = _RGB if image.ndim == 3 and image.shape[2] == 3 else _GREY
    rows = image.reshape(height, -1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(filtered, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def data_uri(image: npt.NDArray[np.uint8]) -> str:
    """An image as text that an HTML page can hold; takes what `png_bytes` takes."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(image)).decode()


def write_training_curve(
    path: Path, steps: Sequence[int], loss: Sequence[float], validation: Sequence[tuple[int, float]]
) -> Path:
    """Draw loss and validation accuracy over the steps of a training, and return `path`.

    Parameters
    ----------
    path : Path
        A .png file.
    steps, loss : sequences of equal length
    validation : sequence of (step, accuracy)
        Accuracies are fractions of 1.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    left = figure.add_subplot()
    left.plot(steps, loss, color="tab:blue", linewidth=1)
    left.set(xlabel="step", ylabel="loss", yscale="log" if loss and min(loss) > 0 else "linear")
    left.yaxis.label.set_color("tab:blue")
    if validation:
        right = left.twinx()
        right.plot(*zip(*validation, strict=True), color="tab:green", marker=".", linewidth=1)
        right.set_ylabel("validation accuracy", color="tab:green")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})
    return path
