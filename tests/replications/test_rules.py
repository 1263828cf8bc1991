"""Statistics of tables whose answer is known, and the picture."""

import pytest

from infoplane.replications import rules


def test_rules_that_differ_on_relu_and_agree_on_tanh(szt_part, judged):
    relu = szt_part(fixed=(5, [1, 1, 2, 3]), unit=(5, [8, 9, 8, 7]))
    relu["i_ty fixed"][-1, :, 4] = 0.5  # the softmax knows more than the layer before it
    values, verdicts = judged(rules, {"tanh": szt_part(), "relu": relu})
    assert values == pytest.approx([9, 0, 1, 0, 1, 0])
    assert verdicts == ["holds"] * 5 + ["does not hold"]


def test_the_picture(shows_units_and_a_failing_rule):
    shows_units_and_a_failing_rule(rules)
