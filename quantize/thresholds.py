"""Distances that decide, calibrated after quantization, in the units in which the device measures.

"Is it the same?" is asked of pairs of samples: it is, where their embeddings lie no farther apart than a distance that
makes both errors, false accepts and false rejects, equally frequent on pairs of training samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantize.learners.exemplars import squared_distances


@dataclass(frozen=True)
class EqualError:
    """Where false accepts and false rejects are equally frequent.

    Attributes
    ----------
    distance : int
        Up to it, two samples count as the same.
    false_accepts, false_rejects : float
        Shares of the pairs of different classes, and of the same class, that it judges wrongly.
    """

    distance: int
    false_accepts: float
    false_rejects: float


def equal_error(same: npt.NDArray[np.int64], different: npt.NDArray[np.int64]) -> EqualError:
    """Find the distance at which the two error rates are as near to each other as they get.

    A pair is accepted when its distance is at most the one found. Where a range of distances serves equally well, as
    between pairs that are well apart, its middle is taken, rounded down; at least 1.

    Parameters
    ----------
    same, different : int64 [n], [m]
        Squared distances of pairs of one class, and of two.

    Raises
    ------
    ValueError
        If there are no pairs of either kind.
    """
    if not len(same) or not len(different):
        raise ValueError(f"{len(same)} pairs of one class and {len(different)} of two; some of both are needed")
    candidates = np.unique(np.concatenate([same, different]))
    accepts = np.searchsorted(np.sort(different), candidates, side="right")
    rejects = len(same) - np.searchsorted(np.sort(same), candidates, side="right")
    gaps = np.abs(accepts * len(same) - rejects * len(different))  # of the rates, times both numbers of pairs
    best = np.flatnonzero(gaps == gaps.min())  # one run, for the signed gap never falls
    low = int(candidates[best[0]])
    beyond = best[-1] + 1
    high = int(candidates[beyond]) - 1 if beyond < len(candidates) else int(candidates[-1])
    distance = max(1, (low + high) // 2)
    return EqualError(distance, float((different <= distance).mean()), float((same > distance).mean()))


def same_distance(embeddings: npt.NDArray[np.int8], labels: npt.NDArray[np.int64]) -> EqualError:
    """Calibrate "is it the same?" on all pairs of some samples; a class is taken to have been learned from one shot.

    Parameters
    ----------
    embeddings : int8 [n, d]
        Of different samples: one that came twice would be a pair without a distance.
    labels : int64 [n]

    Raises
    ------
    ValueError
        If no two samples are of one class, or all are.
    """
    first, second = np.triu_indices(len(labels), k=1)
    distances = squared_distances(embeddings, embeddings)[first, second]
    same = labels[first] == labels[second]
    return equal_error(distances[same], distances[~same])
