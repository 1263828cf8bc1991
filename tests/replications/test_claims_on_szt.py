"""The claims about the networks of Shwartz-Ziv and Tishby: statistics of data whose answer is known, and pictures."""

import numpy as np
import pytest

from infoplane.replications import activation, compression, injective, rules
from infoplane.replications.szt_networks import RULES, drop, rise, train
from infoplane.replications.verdict import judge

EPOCHS = [0, 1, 10, 100]
CLAIMS = [compression, activation, rules, injective]


def part(**changes):
    """What training gives, for 4 seeds: 12 bits everywhere, but for courses (4 values) of layers under rules."""
    shape = (4, 4, 6)  # checkpoints, seeds, layers
    table = {f"i_xt {name}": np.full(shape, 12.0) for name in RULES}
    for name, (layer, values) in changes.items():
        table[f"i_xt {name}"][:, :, layer - 1] = np.array(values)[:, None]
    return {
        "epoch": EPOCHS,
        "accuracy": np.full((4, 4), 0.95),
        "i_ty fixed": np.tile(np.linspace(0.99, 0.9, 6), (4, 4, 1)),
        "i_ty exact": np.full(shape, 0.9991571),
        "i_xt kde": [[12.0] * 4, None, [11.0] * 4, [8.0] * 4],
        "merged": [np.zeros((4, 6)), None, None, np.zeros((4, 6))],
        "dead": [np.zeros((4, 6)), None, None, np.ones((4, 6))],
        "sums": [[[12.0] * 4, [0.9991571] * 4], None, None, None],
        **table,
    }


def words(claim, data):
    return [judge(check).verdict for check in claim.checks(data)]


def values(claim, data):
    return [judge(check).value for check in claim.checks(data)]


def test_drop_and_rise():
    course = np.array([[3.0, 1.0], [5.0, 1.0], [4.0, 0.5]])
    assert drop(course).tolist() == [1.0, 0.5]
    assert rise(course).tolist() == [2.0, 0.0]


def test_compression():
    tanh = part(fixed=(5, [7, 8, 6, 5]), unit=(5, [10, 10.1, 7, 5]))
    tanh["i_xt fixed"][:, :, 5] = np.array([2, 4, 3, 2])[:, None]
    assert values(compression, {"tanh": tanh}) == pytest.approx([3, 2, 0, 1, 0.1])
    assert words(compression, {"tanh": tanh}) == ["holds"] * 4 + ["does not hold"]
    assert "does not hold" in words(compression, {"tanh": part()})


def test_activation():
    tanh, relu = part(width=(5, [7, 8, 6, 5])), part(width=(5, [1, 5, 7, 7]), unit=(5, [4, 6, 5, 4]))
    relu["i_xt width"][:, :, 5] = np.array([1, 4, 3, 2])[:, None]
    relu["i_xt kde"][-1] = [12.0] * 4
    assert values(activation, {"tanh": tanh, "relu": relu}) == pytest.approx([1, 3, 0, 4, 0, 2, 2, 0])
    assert words(activation, {"tanh": tanh, "relu": relu}) == ["holds"] * 6 + ["does not hold", "holds"]
    tanh["accuracy"] = np.full((4, 4), 0.98)
    assert words(activation, {"tanh": tanh, "relu": relu})[7] == "does not hold"


def test_rules():
    relu = part(fixed=(5, [1, 1, 2, 3]), unit=(5, [8, 9, 8, 7]))
    relu["i_ty fixed"][-1, :, 4] = 0.5  # the softmax knows more than the layer before it
    assert values(rules, {"tanh": part(), "relu": relu}) == pytest.approx([9, 0, 1, 0, 1, 0])
    assert words(rules, {"tanh": part(), "relu": relu}) == ["holds"] * 5 + ["does not hold"]


def test_injective():
    tanh, relu = part(fixed=(5, [7, 8, 6, 5])), part(exact=(4, [12, 12, 12, 11]))
    for name in ("fixed", "width", "layer", "unit"):
        relu[f"i_xt {name}"][:, :, 3] = 10
    relu["merged"][-1][:, 3] = 1
    assert words(injective, {"tanh": tanh, "relu": relu}) == ["holds"] * 4 + ["does not hold"]
    relu["merged"][-1][0, 3] = 0.5
    assert words(injective, {"tanh": tanh, "relu": relu})[2] != "holds"
    tanh["sums"][0][0][1] = 11.9
    assert words(injective, {"tanh": tanh, "relu": relu})[0] != "holds"


@pytest.fixture(scope="module")
def trained():
    """Two networks a kind, trained for one epoch."""
    return {name: train(None, activation=name, seeds=2, epochs=1) for name in ("tanh", "relu")}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.CLAIM.name)
def test_pictures_have_units_and_a_failing_rule(claim, trained):
    assert all(judge(check).text for check in claim.checks(trained))
    figure = claim.picture(trained)
    for axes in figure.axes:
        assert "[bits]" in axes.get_ylabel()
        assert "epoch" in axes.get_xlabel()
    assert any("fails" in axes.get_title() for axes in figure.axes)
