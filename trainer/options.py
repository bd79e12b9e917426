"""`TrainOptions`: everything that decides a training, apart from the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The recipe of one training.

    Attributes
    ----------
    backbone, backbone_options : str, mapping
        See `trainer.backbones`.
    learner, learner_options : str, mapping
        See `trainer.learners`.
    n_way, k_shot, n_query : int
        Size of a training episode; `n_way` is lowered to the number of training classes where that is smaller.
    steps : int
        Episodes to train on, one a step.
    max_seconds : float or None
        Upper limit of the time spent in steps and validations. Where the machine is too slow for `steps`, the
        learning rate follows the clock and still ends at zero. A training that the limit touched cannot be repeated
        bit for bit from its seed; one that it did not touch can.
    learning_rate : float
        Adam's, at the start; a cosine takes it to zero.
    averaging : float
        Decay of the running average of the weights that is validated and kept; 0 keeps the last weights instead.
    shift_pixels : int
        Each training image is moved by up to so many pixels in each direction; 0 leaves it in place.
    distortion : float
        Each training image goes through a random affine map about its centre, whose matrix differs from the identity
        by up to so much in every element: a little turned, scaled and sheared. 0 leaves it as it is.
    mirror_classes : bool
        Show half of the classes of each episode in the mirror, as classes that do not exist otherwise. For shapes that
        mean something else in the mirror, such as characters.
    turns : int
        How often the samples of an episode change roles: in each turn `k_shot` others are the support. Up to
        ``(k_shot + n_query) / k_shot``; more turns learn more from one pass through the network.
    seed : int
        Decides initial weights, episodes and shifts.
    validate_every : int
        Steps between validations.
    validation_way, validation_shot, validation_episodes : int
        The tasks of a validation, drawn once; `validation_way` is lowered where the classes are fewer.
    patience : int or None
        Stop after so many validations in a row without a new best one; None trains to the end.
    tensorboard : bool
        Write event files for TensorBoard into the folder ``logs``.

    Raises
    ------
    ValueError
        Names the option and what it may be.
    """

    backbone: str = "conv4"
    backbone_options: Mapping[str, Any] = field(default_factory=dict)
    learner: str = "prototypical"
    learner_options: Mapping[str, Any] = field(default_factory=dict)
    n_way: int = 60
    k_shot: int = 1
    n_query: int = 5
    steps: int = 600
    max_seconds: float | None = None
    learning_rate: float = 2e-3
    averaging: float = 0.98
    shift_pixels: int = 0
    distortion: float = 0.0
    mirror_classes: bool = False
    turns: int = 1
    seed: int = 0
    validate_every: int = 100
    validation_way: int = 20
    validation_shot: int = 1
    validation_episodes: int = 200
    patience: int | None = None
    tensorboard: bool = False

    def __post_init__(self) -> None:
        lowest = {
            "n_way": 2,
            "k_shot": 1,
            "n_query": 1,
            "steps": 1,
            "seed": 0,
            "shift_pixels": 0,
            "turns": 1,
            "validate_every": 1,
            "validation_way": 2,
            "validation_shot": 1,
            "validation_episodes": 1,
        }
        for name, low in lowest.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} is {getattr(self, name)}, it must be at least {low}")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience is {self.patience}, it must be at least 1, or none")
        if self.max_seconds is not None and not self.max_seconds > 0:
            raise ValueError(f"max_seconds is {self.max_seconds}, it must be positive, or none")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}, it must be positive")
        samples = self.k_shot + self.n_query
        if self.turns > samples // self.k_shot:
            raise ValueError(
                f"turns is {self.turns}: {samples} samples of a class can take turns as {self.k_shot} shots "
                f"{samples // self.k_shot} times"
            )
        if not 0 <= self.distortion < 1:
            raise ValueError(f"distortion is {self.distortion}, it must be in [0, 1)")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging is {self.averaging}, it must be in [0, 1)")

    def as_dict(self) -> dict[str, Any]:
        """The options as JSON can hold them."""
        return asdict(self)
