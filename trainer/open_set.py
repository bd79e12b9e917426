"""The open world: episodes in which some queries belong to no class that was learned, and what is measured on them.

A score says how much a query looks unknown: larger is more so. Nothing here knows how scores come about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.datasets.dataset import Dataset
from trainer.episodes import Episode, EpisodeSampler, Indices

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OpenSetEpisode:
    """A task, and queries of classes that it does not teach.

    Attributes
    ----------
    known : Episode
    unknown : int64 [n_unknown, n_query]
        Samples of other classes, a row each, as indices into the same set.

    Raises
    ------
    ValueError
        If there is no unknown sample, or one that the episode uses.
    """

    known: Episode
    unknown: Indices

    def __post_init__(self) -> None:
        if self.unknown.ndim != 2 or not self.unknown.size:
            raise ValueError(f"unknown samples are {list(self.unknown.shape)}, not [n_unknown, n_query]")
        used = np.concatenate([self.known.support.reshape(-1), self.known.query.reshape(-1)])
        if np.isin(self.unknown, used).any() or len(np.unique(self.unknown)) != self.unknown.size:
            raise ValueError("an unknown sample occurs twice in one episode")

    @property
    def queries(self) -> Indices:
        """All queries, int64 [n]: the known classes' first."""
        return np.concatenate([self.known.query.reshape(-1), self.unknown.reshape(-1)])


def sample_open_set_episodes(
    dataset: Dataset,
    *,
    n_way: int,
    k_shot: int,
    n_unknown: int,
    n_query: int,
    episodes: int,
    rng: np.random.Generator,
) -> list[OpenSetEpisode]:
    """Draw episodes of `n_way` classes to learn and `n_unknown` others, `n_query` queries of each.

    Raises
    ------
    ValueError
        As `EpisodeSampler`, of as many classes as both together.
    """
    sampler = EpisodeSampler(dataset.labels, n_way=n_way + n_unknown, k_shot=k_shot, n_query=n_query)
    drawn = []
    for _ in range(episodes):
        both = sampler.sample(rng)
        known = Episode(both.classes[:n_way], both.support[:n_way], both.query[:n_way])
        drawn.append(OpenSetEpisode(known, both.query[n_way:]))
    return drawn


def auroc(known: Floats, unknown: Floats) -> float:
    """Probability that an unknown query has a larger score than a known one, ties counting half.

    The area under the receiver operating characteristic.
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_labelled(known, unknown)))


def false_rejects(known: Floats, unknown: Floats, *, false_accepts: float) -> float:
    """Share of known queries that are rejected when at most so large a share of the unknown ones is accepted.

    The threshold is the most generous that keeps to the rate, picked on these very scores.
    """
    rates = np.sort(unknown)
    allowed = int(np.floor(false_accepts * len(rates) + 1e-9))
    if allowed >= len(rates):
        return 0.0
    return float((known >= rates[allowed]).mean())  # what equals the first one too many is rejected with it


def equal_error_rate(known: Floats, unknown: Floats) -> float:
    """Where as large a share of known queries is rejected as of unknown ones is accepted.

    Between two thresholds the errors are taken to change in a straight line.
    """
    from sklearn.metrics import roc_curve

    # of "unknown": its false positives are known queries that are rejected, its misses unknown ones that are accepted
    rejected, caught, _ = roc_curve(*_labelled(known, unknown), drop_intermediate=False)
    accepted = 1 - caught
    after = int(np.argmax(rejected >= accepted))
    if after == 0:
        return float(accepted[0])
    before = after - 1
    gap_before = accepted[before] - rejected[before]
    gap_after = rejected[after] - accepted[after]
    share = gap_before / (gap_before + gap_after)
    return float(rejected[before] + share * (rejected[after] - rejected[before]))


def oscr(known: Floats, unknown: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Area under the share of known queries that are accepted and right, over that of unknown ones accepted.

    The open-set classification rate of Dhamija, Guenther and Boult, "Reducing Network Agnostophobia" (NeurIPS 2018).

    Parameters
    ----------
    known, unknown : float64 [n], [m]
    right : bool [n]
        Whether the known query was given its class.
    """
    levels = np.unique(np.concatenate([known, unknown]))
    correct = np.searchsorted(np.sort(known[right]), levels, side="right") / len(known)
    accepted = np.searchsorted(np.sort(unknown), levels, side="right") / len(unknown)
    x, y = np.concatenate([[0.0], accepted]), np.concatenate([[0.0], correct])
    return float(((x[1:] - x[:-1]) * (y[1:] + y[:-1])).sum() / 2)


def _labelled(known: Floats, unknown: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    labels = np.repeat(np.array([0, 1]), [len(known), len(unknown)])
    return labels, np.concatenate([known, unknown])


@dataclass(frozen=True)
class Separation:
    """How well scores tell unknown queries from known ones, whatever the threshold.

    Attributes
    ----------
    auroc : float
        Mean over episodes.
    frr_at_1, frr_at_5 : float
        False rejects at 1 and 5 % false accepts; these and the next two with one threshold for all episodes.
    equal_error_rate : float
    oscr : float
    """

    auroc: float
    frr_at_1: float
    frr_at_5: float
    equal_error_rate: float
    oscr: float

    @classmethod
    def of(
        cls, known: Sequence[Floats], unknown: Sequence[Floats], right: Sequence[npt.NDArray[np.bool_]]
    ) -> Separation:
        """Summarise the scores of each episode; arguments as those of `oscr`, an array an episode.

        Raises
        ------
        ValueError
            If there is no episode.
        """
        if not known:
            raise ValueError("no episode to evaluate")
        all_known, all_unknown = np.concatenate(known), np.concatenate(unknown)
        return cls(
            auroc=float(np.mean([auroc(k, u) for k, u in zip(known, unknown, strict=True)])),
            frr_at_1=false_rejects(all_known, all_unknown, false_accepts=0.01),
            frr_at_5=false_rejects(all_known, all_unknown, false_accepts=0.05),
            equal_error_rate=equal_error_rate(all_known, all_unknown),
            oscr=oscr(all_known, all_unknown, np.concatenate(right)),
        )


@dataclass(frozen=True)
class Realised:
    """What came of a requested false-accept rate, with thresholds that were fixed at enrollment.

    Attributes
    ----------
    requested : float
    false_accepts : float
        Share of unknown queries that were accepted.
    false_rejects : float
        Share of known queries that were not accepted, uncertain ones included.
    uncertain_known, uncertain_unknown : float
        Shares that were neither accepted nor rejected.
    wrongly_accepted : float
        Share of known queries that were accepted as another class.
    """

    requested: float
    false_accepts: float
    false_rejects: float
    uncertain_known: float
    uncertain_unknown: float
    wrongly_accepted: float

    @classmethod
    def of(
        cls,
        requested: float,
        known: npt.NDArray[np.int64],
        unknown: npt.NDArray[np.int64],
        right: npt.NDArray[np.bool_],
    ) -> Realised:
        """Count verdicts: 0 unknown, 1 uncertain, 2 accepted.

        Parameters
        ----------
        requested : float
        known, unknown : int64 [n], [m]
            Verdicts on known and unknown queries, of all episodes.
        right : bool [n]
            Whether the known query was given its class.
        """
        return cls(
            requested=requested,
            false_accepts=float((unknown == 2).mean()),
            false_rejects=float((known != 2).mean()),
            uncertain_known=float((known == 1).mean()),
            uncertain_unknown=float((unknown == 1).mean()),
            wrongly_accepted=float(((known == 2) & ~right).mean()),
        )
