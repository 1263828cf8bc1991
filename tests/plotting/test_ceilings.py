import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from infoplane.errors import InputError
from infoplane.plotting.ceilings import Ceiling, ceilings_among, draw_ceilings, limits
from infoplane.plotting.style import THEMES

FACTS = {"log2_n": 10.0, "h_y": 0.8, "i_xy": 0.6, "seed": 3}


def test_all_none_or_some_of_the_known_ceilings():
    every = ceilings_among(FACTS, units="bits", wanted=True)
    assert [(c.axis, c.text) for c in every] == [("x", "log₂ N = 10"), ("y", "H(Y) = 0.8"), ("y", "I(X;Y) = 0.6")]
    assert ceilings_among(FACTS, units="bits", wanted=False) == []
    assert [c.name for c in ceilings_among(FACTS, units="bits", wanted=["h_y"])] == ["H(Y)"]
    assert [c.name for c in ceilings_among({"h_y": None, "i_xy": 1}, units="bits", wanted=True)] == ["I(X;Y)"]
    with pytest.raises(InputError, match="unknown ceiling 'hy': did you mean 'h_y'"):
        ceilings_among(FACTS, units="bits", wanted=["hy"])
    with pytest.raises(InputError, match="h_y is 'much', a number of bits is needed"):
        ceilings_among({"h_y": "much"}, units="bits", wanted=True)


def test_log2_n_is_in_bits_and_drawn_in_the_unit_of_the_picture():
    bound = ceilings_among({"log2_n": 10.0, "h_y": 0.8}, units="nats", wanted=True)
    assert [c.value for c in bound] == pytest.approx([math.log(1024), 0.8])


def test_equal_ceilings_are_one_line():
    bounds = ceilings_among({"h_y": 0.9991571, "i_xy": 0.9991571}, units="bits", wanted=True)
    assert [c.text for c in bounds] == ["H(Y) = I(X;Y) = 0.999"]


def test_limits_hold_all_values_and_the_ceilings_near_them():
    bounds = [Ceiling("x", 10.0, "a"), Ceiling("y", 0.8, "b")]
    assert limits(np.array([1.0, 5.0]), bounds, "x") == pytest.approx((-0.5, 10.5))
    assert limits(np.array([1.0, 3.0]), bounds, "x") == pytest.approx((-0.15, 3.15))
    assert limits(np.array([-1.0, 0.8]), bounds, "y") == pytest.approx((-1.09, 0.89))
    assert limits(np.array([0.0]), [], "x") == pytest.approx((-0.05, 1.05))


def test_a_ceiling_beyond_the_limits_is_a_note_at_the_edge():
    ax = Figure().add_subplot()
    ax.set_xlim(0, 5)
    ax.set_ylim(0, 1)
    bounds = ceilings_among(FACTS | {"h_y": 3.3}, units="bits", wanted=True)
    draw_ceilings(ax, bounds, points=np.empty((0, 2)), theme=THEMES["dark"])
    assert [text.get_text() for text in ax.texts] == ["log₂ N = 10 →", "↑ H(Y) = 3.3", "I(X;Y) = 0.6"]
    assert len(ax.lines) == 1


def test_splits_with_ceilings_of_their_own_get_no_common_line():
    same = {"h_y": 0.99, "splits": {"train": {"h_y": 0.99}, "test": {"h_y": 0.9899}}}
    apart = {"h_y": 0.99, "splits": {"train": {"h_y": 0.99}, "test": {"h_y": 0.7}}}
    assert [bound.name for bound in ceilings_among(same, units="bits", wanted=True)] == ["H(Y)"]
    assert ceilings_among(apart, units="bits", wanted=True) == []
