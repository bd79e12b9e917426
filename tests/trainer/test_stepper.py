"""What a training step is made of, where its parts have to be told."""

import dataclasses

import pytest

from trainer import learners
from trainer.options import TrainOptions
from trainer.stepper import turns_of


@pytest.mark.parametrize(("learner", "expected"), [("prototypical", 3), ("matching", 3), ("siamese", 1), ("maml", 1)])
def test_samples_take_all_turns_where_that_teaches_more(learner, expected):
    """Left out, turns are as many as the samples allow; asked for, they are what was asked for."""
    options = TrainOptions(k_shot=2, n_query=4, learner=learner)
    assert turns_of(learners.get(learner), options) == expected
    assert turns_of(learners.get("prototypical"), dataclasses.replace(options, turns=2)) == 2
