"""The bottleneck curve against closed forms, and I(X;T|Y)."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import xlogy

from infoplane.companions.bottleneck import blahut_arimoto, conditional_information, ib_curve
from infoplane.errors import InputError
from infoplane.types import Estimate


def h(p):
    return 0.0 if p in (0.0, 1.0) else -p * math.log(p) - (1 - p) * math.log(1 - p)


@pytest.mark.parametrize("flip", [0.05, 0.11, 0.25])
def test_the_curve_of_a_symmetric_channel_is_mrs_gerbers(flip):
    """Uniform bit X, Y = X flipped: I(T;Y) = ln 2 - h(a * flip) with ln 2 - h(a) = I(X;T) (Wyner and Ziv 1973)."""
    joint = np.array([[1 - flip, flip], [flip, 1 - flip]]) / 2
    for i_xt, i_ty in blahut_arimoto(joint):
        reach = min(max(i_xt, 0.0), math.log(2))
        a = brentq(lambda p, reach=reach: math.log(2) - h(p) - reach, 0, 0.5)
        assert i_ty == pytest.approx(math.log(2) - h(a * (1 - flip) + (1 - a) * flip), abs=2e-3)


def test_the_curve_rises_from_nothing_to_all_the_input_tells_and_is_concave():
    random = np.random.default_rng(0)
    joint = random.dirichlet(np.ones(12)).reshape(4, 3)
    curve = blahut_arimoto(joint)
    p_x, p_y = joint.sum(1), joint.sum(0)
    i_xy = (joint * np.log(joint / np.outer(p_x, p_y))).sum()
    assert curve[0] == pytest.approx([0, 0], abs=1e-6)
    assert curve[-1, 1] == pytest.approx(i_xy, abs=1e-3)
    assert (np.diff(curve, axis=0) >= -1e-9).all()
    assert (curve[:, 1] <= curve[:, 0] + 1e-9).all()
    wide = np.diff(curve[:, 0]) > 1e-6
    slopes = np.diff(curve[:, 1])[wide] / np.diff(curve[:, 0])[wide]
    assert (np.diff(slopes) <= 1e-3).all()


def test_no_function_of_the_input_lies_above_the_curve():
    random = np.random.default_rng(1)
    joint = random.dirichlet(np.ones(12)).reshape(4, 3)
    curve = blahut_arimoto(joint, points=120)
    for _ in range(200):
        given_x = random.dirichlet(np.full(3, 0.3), size=4)
        p_t = joint.sum(1) @ given_x
        with_x = joint.sum(1)[:, None] * given_x
        with_y = given_x.T @ joint
        i_xt = (xlogy(with_x, with_x) - xlogy(with_x, np.outer(joint.sum(1), p_t))).sum()
        i_ty = (xlogy(with_y, with_y) - xlogy(with_y, np.outer(p_t, joint.sum(0)))).sum()
        assert i_ty <= np.interp(i_xt, curve[:, 0], curve[:, 1]) + 2e-3


def test_a_label_that_the_input_decides():
    x, y = np.arange(8), np.arange(8) % 2
    curve = ib_curve(x, y, points=7)
    assert curve[:, 0] == pytest.approx(np.linspace(0, 3, 7))
    assert curve[:, 1] == pytest.approx(np.minimum(np.linspace(0, 3, 7), 1))
    assert ib_curve(x, y, points=7, units="nats") == pytest.approx(curve * math.log(2))


def test_noisy_labels_take_the_iteration():
    x = np.repeat([0, 1], 100)
    y = np.concatenate([np.repeat([0, 1], [89, 11]), np.repeat([0, 1], [11, 89])])
    assert ib_curve(x, y)[-1] == pytest.approx([1, 1 - h(0.11) / math.log(2)], abs=1e-3)


def test_what_a_layer_keeps_beside_the_label():
    i_xt, i_ty = Estimate(3.0, n=10, flags=("red",)), Estimate(0.75, n=10, flags=("red", "saturated"))
    kept = conditional_information(i_xt, i_ty)
    assert (kept.value, kept.flags, kept.low) == (2.25, ("red", "saturated"), None)
    with pytest.raises(InputError, match="on the same samples, in the same unit"):
        conditional_information(i_xt, Estimate(0.5, "nats", n=10))
