"""The networks that `make bench` counts: MLPerf Tiny's four as published, and two backbones of our own, untrained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from quantize.artifact import Int8Embedding
from quantize.convert import convert
from trainer.backbones import build_backbone
from trainer.datasets.omniglot import data_folder

MLPERF: Mapping[str, str] = MappingProxyType(
    {
        "kws": "kws_ref_model.tflite",
        "vww": "vww_96_int8.tflite",
        "ic": "pretrainedResnet_quant.tflite",
        "ad": "ad01_int8.tflite",
    }
)
WIDTHS: Mapping[str, int] = MappingProxyType({"conv4-32": 32, "conv4-64": 64})
NAMES = (*MLPERF, *WIDTHS)

_SIDE = 28
_REPRESENTATIVE = 50


def load(name: str, folder: Path) -> Int8Embedding:
    """One of `NAMES`.

    Our own have the weights that they start training with, which cost as much as any others; they are converted once
    and kept in `folder`.

    Raises
    ------
    OSError
        If a model of MLPerf Tiny is not there.
    """
    if name in MLPERF:
        return Int8Embedding.from_tflite(data_folder() / "mlperf_tiny" / MLPERF[name])
    kept = folder / f"{name}.tflite"
    if not kept.is_file():
        model = build_backbone("conv4", (_SIDE, _SIDE, 1), {"width": WIDTHS[name]}, seed=0)
        images = np.random.default_rng(0).random((_REPRESENTATIVE, _SIDE, _SIDE, 1), np.float32)
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(convert(model, images))
    return Int8Embedding.from_tflite(kept)
