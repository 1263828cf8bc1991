"""A question about some of the samples is the same question."""

import numpy as np
import torch

from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.plane.question import Question, Shuffles


def asked():
    x, y = np.arange(6.0)[:, None] // 2, np.array([0, 1, 0, 1, 2, 2])
    members = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    return Question(
        (Binned("report"), Binned(30)), input_variable(x), {"y": label_variable(y)}, "bits", Shuffles(2, members, 0)
    )


def test_some_of_the_samples():
    some = asked().take(torch.tensor([True, False, True, True, False, False]))
    assert some.x.classes().ids.tolist() == [0, 1, 1]
    assert some.labels["y"].classes().ids.tolist() == [0, 0, 1]
    assert [group.tolist() for group in some.shuffles.members] == [[0, 1], [2]]
    assert (some.units, some.few) == ("bits", None)


def test_a_group_of_which_nothing_is_left_is_gone():
    some = asked().take(torch.tensor([True, True, False, False, False, False]))
    assert [group.tolist() for group in some.shuffles.members] == [[0, 1]]


def test_estimators_of_one_name_are_told_apart():
    assert len(set(asked().names)) == 2
