"""Statistics of tables whose answer is known, and the picture."""

import numpy as np
import pytest

from infoplane.replications import compression


def test_gain_and_loss(szt_part, judged):
    tanh = szt_part(fixed=(5, [7, 8, 6, 5]), unit=(5, [10, 10.1, 7, 5]))
    tanh["i_xt fixed"][:, :, 5] = np.array([2, 4, 3, 2])[:, None]
    values, verdicts = judged(compression, {"tanh": tanh})
    assert values == pytest.approx([3, 2, 0, 1, 0.1])
    assert verdicts == ["holds"] * 4 + ["does not hold"]


def test_layers_that_stay_where_they_are_contradict_the_claim(szt_part, judged):
    assert "does not hold" in judged(compression, {"tanh": szt_part()})[1]


def test_the_picture(shows_units_and_a_failing_rule):
    shows_units_and_a_failing_rule(compression)
