"""The ways to learn from few examples, one module a method, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer.learners.anil import Anil
from trainer.learners.base import EpisodeLoss, EpisodeTensors, Learned, Learner
from trainer.learners.maml import Maml
from trainer.learners.matching import Matching
from trainer.learners.prototypical import Prototypical
from trainer.learners.siamese import Siamese

__all__ = ["LEARNERS", "EpisodeLoss", "EpisodeTensors", "Learned", "Learner", "get"]

LEARNERS: Mapping[str, type[Learner]] = {
    learner.name: learner for learner in (Prototypical, Siamese, Matching, Maml, Anil)
}


def get(name: str, options: Mapping[str, Any] | None = None) -> Learner:
    """Build a learner from its registered name and its options.

    Raises
    ------
    ValueError
        If the name or an option is unknown, or an option's value is impossible.
    """
    if name not in LEARNERS:
        raise ValueError(f"no learner {name!r}; there are {', '.join(LEARNERS)}")
    try:
        return LEARNERS[name](**(options or {}))
    except TypeError as error:
        raise ValueError(f"learner {name}: {error}") from error
