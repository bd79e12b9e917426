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
        ``(k_shot + n_query) / k_shot``; more turns learn more from one pass through the network. 0 takes as many as
        there are, and one where the learner has no use for more.
    pretrain_steps : int
        The first so many of the `steps` tell all training classes apart at once, by a cosine softmax over the images of
        the step's episode, instead of solving its task; see `trainer.pretrain`.
    pretrain_scale : float
        Factor of the cosines in that softmax; 0 learns it, starting from 10.
    teacher : str
        Folder of a trained embedding with the same input, whose picture of each episode the network should share; see
        `trainer.distillation`. Empty for none.
    distillation : float
        Weight of that part of the loss.
    distillation_temperature : float
        Of the softmax in which the two are compared, in units of the mean squared distance.
    qat_steps : int
        The last so many of the `steps` see weights and activations as int8 will hold them; see `trainer.fake_quantize`.
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
    learning_rate: float = 6e-3
    averaging: float = 0.98
    shift_pixels: int = 0
    distortion: float = 0.0
    mirror_classes: bool = False
    turns: int = 0
    pretrain_steps: int = 0
    pretrain_scale: float = 0.0
    teacher: str = ""
    distillation: float = 10.0
    distillation_temperature: float = 0.1
    qat_steps: int = 0
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
            "turns": 0,
            "pretrain_steps": 0,
            "qat_steps": 0,
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
        for name in ("learning_rate", "distillation", "distillation_temperature"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}, it must be positive")
        if not (math.isfinite(self.pretrain_scale) and self.pretrain_scale >= 0):
            raise ValueError(f"pretrain_scale is {self.pretrain_scale}, it must be positive, or 0 to be learned")
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
        if self.pretrain_steps + self.qat_steps >= self.steps:
            raise ValueError(
                f"{self.pretrain_steps} pretrain_steps and {self.qat_steps} qat_steps leave none of {self.steps} steps "
                "between them: they are part of the steps"
            )
        if self.qat_steps and self.patience is not None:
            raise ValueError("patience could end the training before its qat_steps begin: leave one of the two out")

    def as_dict(self) -> dict[str, Any]:
        """The options as JSON can hold them."""
        return asdict(self)
