"""What rule() takes, what the rules are called in tables, and the messages about what it does not take."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.counting.rules import RULES, Distinct, Fixed, Layer, Quantile, Report, Unit, Width, rule


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (Unit(4), Unit(4)),
        (12, Layer(12)),
        (np.int64(12), Layer(12)),
        ("report", Report()),
        ("fixed", Fixed(30, -1.0, 1.0)),
        ("layer", Layer(30)),
        ("unit", Unit(30)),
        ("quantile", Quantile(30)),
        ("width", Width(0.07)),
        ("distinct", Distinct()),
        ([-1, 0, 1], Report((-1.0, 0.0, 1.0))),
        (np.linspace(1, -1, 3), Report((1.0, 0.0, -1.0))),
        (torch.tensor([-1.0, 0.5]), Report((-1.0, 0.5))),
        ({"bins": 7}, Layer(7)),
        ({"rule": "fixed", "bins": np.int32(8), "low": 0, "high": 2}, Fixed(8, 0, 2)),
        ({"rule": "report", "edges": [0, 1]}, Report((0, 1))),
        ({"rule": "width", "width": 0.5}, Width(0.5)),
    ],
    ids=str,
)
def test_what_a_rule_may_be_written_as(given_, expected):
    assert rule(given_) == expected


def test_descriptions_name_the_measurement():
    described = {name: rule(name).description for name in RULES}
    assert described == {
        "report": "50 report bins on [-1, 1]",
        "fixed": "30 bins on [-1, 1]",
        "layer": "30 bins from minimum to maximum of the layer",
        "unit": "30 bins from minimum to maximum of each unit",
        "quantile": "30 quantile bins of each unit",
        "entropy": "30 bins of equal share of the layer's values",
        "kmeans": "30 k-means bins of the layer's values",
        "width": "bins of width 0.07",
        "distinct": "every distinct row",
        "sign": "whether each unit is above zero",
    }


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        (0, r"bins must be a whole number of at least 1, got 0: for example bins=30"),
        (-3, r"got -3"),
        (True, r"got True"),
        ({"bins": 2.5}, r"got 2\.5"),
        ({"rule": "unit", "bins": "many"}, r"got 'many'"),
        ({"rule": "quantile", "bins": 0}, r"got 0"),
        ({"rule": "fixed", "low": 1, "high": -1}, r"bins need low < high, got low=1, high=-1"),
        ({"rule": "fixed", "high": math.inf}, r"high=inf"),
        ({"rule": "kmeans", "bins": 0}, r"got 0"),
        ({"rule": "entropy", "bins": 1.5}, r"got 1\.5"),
        ({"rule": "width", "width": 0}, r"width must be a positive number, got 0: for example width=0\.07"),
        ({"rule": "width", "width": math.nan}, r"got nan"),
        ([0.5], r"at least two ascending \(or descending\) numbers, got 1"),
        ([0, 1, 1], r"got 3 of them: pass for example numpy\.linspace\(-1, 1, 50\)"),
        ([0, 2, 1], r"ascending"),
        ([0, math.nan, 1], r"ascending"),
    ],
    ids=str,
)
def test_what_a_rule_cannot_be(given_, message):
    with pytest.raises(InputError, match=message):
        rule(given_)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ("quantiles", "unknown bin rule 'quantiles': did you mean 'quantile'?"),
        ("fixd", "did you mean 'fixed'?"),
        (
            "zzz",
            "unknown bin rule 'zzz': known are distinct, entropy, fixed, kmeans, layer, quantile, report, sign, unit, "
            "width",
        ),
        ({"rule": "fixed", "outside": "clamp"}, "unknown way with values outside the bins 'clamp': did you mean 'cli"),
        ({"rule": "fixed", "lo": 0}, "unknown option of the bin rule 'fixed' 'lo': did you mean 'low'?"),
        ({"rule": "distinct", "bins": 3}, "unknown option of the bin rule 'distinct' 'bins': known are none"),
        ({"width": 0.3}, "unknown option of the bin rule 'layer' 'width'"),
    ],
    ids=str,
)
def test_unknown_rules_and_options_name_the_nearest(given_, message):
    with pytest.raises(UnknownNameError) as error:
        rule(given_)
    assert message in str(error.value)
