"""Statistics of tables whose answer is known, and the picture."""

import numpy as np
import pytest

from infoplane.replications import activation


def test_tanh_loses_and_relu_does_not(szt_part, judged):
    tanh, relu = szt_part(width=(5, [7, 8, 6, 5])), szt_part(width=(5, [1, 5, 7, 7]), unit=(5, [4, 6, 5, 4]))
    relu["i_xt width"][:, :, 5] = np.array([1, 4, 3, 2])[:, None]
    relu["i_xt kde"][-1] = [12.0] * 4
    values, verdicts = judged(activation, {"tanh": tanh, "relu": relu})
    assert values == pytest.approx([1, 3, 0, 4, 0, 2, 2, 0])
    assert verdicts == ["holds"] * 6 + ["does not hold", "holds"]
    tanh["accuracy"] = np.full((4, 4), 0.98)
    assert judged(activation, {"tanh": tanh, "relu": relu})[1][7] == "does not hold"


def test_the_picture(shows_units_and_a_failing_rule):
    shows_units_and_a_failing_rule(activation)
