"""P-values of many layers and steps: by hand, and how often anything is called where there is nothing."""

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.plane.significance import ShuffledValue, p_values

PLACE = dict.fromkeys(("step", "split", "layer", "layer_index", "copy", "family", "estimator", "label"), 0)


def many(values, nulls):
    return [ShuffledValue(PLACE, "i_ty", float(v), tuple(map(float, n))) for v, n in zip(values, nulls, strict=True)]


def corrected(values, nulls, correction):
    return np.array([row[f"p_ty_{correction}"] for row in p_values(many(values, nulls), "i_ty", correction)])


def test_the_largest_deviation_by_hand():
    # deviations of the first: 3 and four of about -.75; the second's largest shuffle, its third, is above its value
    values, nulls = [9.0, 1.0], [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 2.0, 0.0]]
    assert corrected(values, nulls, "max").tolist() == [2 / 5 if (9 - 2.6) / 3.2 <= (2 - 0.6) / 0.8 else 1 / 5, 2 / 5]


def test_one_test_needs_no_correction():
    random = np.random.default_rng(0)
    for value in (0.0, 0.7, 2.5):
        (row,) = p_values(many([value], random.normal(size=(1, 19))), "i_ty", "max")
        assert row["p_ty_max"] == row["p_ty"]


def test_false_discoveries_as_scipy_has_them():
    random = np.random.default_rng(1)
    values, nulls = random.normal(size=30) + np.arange(30) / 8, random.normal(size=(30, 99))
    single = [row["p_ty"] for row in p_values(many(values, nulls), "i_ty", None)]
    np.testing.assert_allclose(corrected(values, nulls, "fdr"), false_discovery_control(single), atol=1e-12)


def test_where_there_is_nothing_anything_is_called_in_one_of_twenty():
    """400 planes of 20 dependent layers and steps: at most 35 with any p <= .05 (chance of more: below .001)."""
    random, called, singly = np.random.default_rng(2), 0, 0
    for _ in range(400):
        shared = random.normal(size=(1, 20))  # what all layers share in a shuffle
        every = np.exp(shared + random.normal(size=(20, 20)))  # (tests, value and 19 shuffles), skewed
        called += (corrected(every[:, 0], every[:, 1:], "max") <= 0.05).any()
        singly += any(row["p_ty"] <= 0.05 for row in p_values(many(every[:, 0], every[:, 1:]), "i_ty", None))
    assert called <= 35
    assert singly > 80  # so it is worth correcting


def test_a_plane_has_them_as_columns_and_corrected():
    torch.manual_seed(0)
    x = torch.randn(300, 4)
    y = {"sign": x[:, 0] > 0, "coin": torch.arange(300) % 2}
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    estimators = [{"name": "binned", "bins": 3}, "gaussian"]
    plane = ip.InformationPlane(x, y, estimators=estimators, shuffles=19, family="single")
    rows = plane.measure(net, 0) + plane.measure(net, 1)
    table = plane.p_values()
    assert len(table) == len(rows) == 2 * 3 * 2 * 2
    assert table["p_ty"].tolist() == [row["p_ty"] for row in rows]
    assert table["i_ty_null"].tolist() == [row["i_ty_null"] for row in rows]
    assert (table["p_ty_max"] >= table["p_ty"]).all()
    assert table[table["label"] == "sign"]["p_ty_max"].max() == 0.05
    assert table[table["label"] == "coin"]["p_ty_max"].min() > 0.05
    single = ip.mutual_information(net[0](x).detach(), y["sign"], estimator="gaussian", shuffles=19)
    row = next(row for row in rows if (row["estimator"], row["label"]) == ("gaussian", "sign"))
    assert row["p_ty"] == single.details["p_value"]
    assert row["i_ty_null"] == pytest.approx(single.details["null"])
    about_x = plane.p_values(quantity="i_xt", correction="fdr")
    assert set(about_x[about_x["estimator"] != "gaussian"]["p_xt_fdr"]) == {1.0}  # x are all distinct: one code as any


def test_the_mean_of_copies_is_held_against_means():
    x = torch.randn(120, 4)
    family = ip.Family(lambda: nn.Sequential(nn.Linear(4, 2), nn.Tanh()), 3, init="independent")
    options = {"estimators": "gaussian", "shuffles": 9, "layers": "1"}
    mean = ip.InformationPlane(x, x[:, 0] > 0, **options).measure(family, 0)[0]
    each = ip.InformationPlane(x, x[:, 0] > 0, family="single", **options)
    each.measure(family, 0)
    nulls = np.mean([test.nulls for test in each._shuffled if test.quantity == "i_ty"], axis=0)
    assert mean["p_ty"] == (1 + (nulls >= mean["i_ty"]).sum()) / 10


def test_what_was_not_asked_for():
    x = torch.randn(50, 3)
    plane = ip.InformationPlane(x, x[:, 0] > 0)
    assert plane.measure(nn.Linear(3, 2), 0)[0]["p_ty"] is None
    with pytest.raises(InputError, match="give the plane shuffles=99"):
        plane.p_values()
    with pytest.raises(UnknownNameError, match="unknown correction 'bonferroni'"):
        plane.p_values("bonferroni")
