"""Every bin rule against its formula in plain numpy, as partitions of the samples; how rules are written and named."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.counting.rules import RULES, Distinct, Fixed, Layer, Quantile, Report, Unit, Width, rule
from infoplane.estimators.counting.symbols import Words


def partition(numbers):
    """For every row the first row that equals it."""
    first = {}
    return [first.setdefault(row, i) for i, row in enumerate(map(tuple, np.asarray(numbers).reshape(len(numbers), -1)))]


def codes(made, t):
    return made.symbols(torch.from_numpy(t)[None]).codes[0].numpy()


def digitise(t, edges):
    """Bin numbers from an ascending row of edges, or one row for each unit."""
    edges = np.broadcast_to(edges, (t.shape[1], np.shape(edges)[-1]))
    return np.stack([np.digitize(t[:, j], edges[j]) for j in range(t.shape[1])], axis=1)


def between(low, high, bins, dtype):
    """The inner edges of equal bins on [low, high], (units, bins - 1) or (bins - 1,)."""
    low, high = np.float64(low), np.float64(high)
    width = np.where(high > low, high - low, 1.0) / bins
    return (low[..., None] + width[..., None] * np.arange(1, bins)).astype(dtype)


def twin(name, bins, t):
    """The rows of bin numbers (samples, units) that a rule's formula gives."""
    dtype = t.dtype
    if name == "report":
        number = digitise(t, np.linspace(-1, 1, bins + 1).astype(np.float32).astype(dtype))
        return np.where(number == 0, bins + 1, number)
    if name == "fixed":
        return np.clip(digitise(t, np.linspace(-1, 1, bins + 1).astype(dtype)), 1, bins)
    if name == "layer":
        return digitise(t, between(t.min(), t.max(), bins, dtype))
    if name == "unit":
        return digitise(t, between(t.min(0), t.max(0), bins, dtype))
    if name == "quantile":
        return digitise(t, np.sort(t, axis=0)[np.arange(1, bins) * len(t) // bins].T)
    if name == "entropy":
        return digitise(t, np.sort(t.ravel())[np.arange(1, bins) * t.size // bins])
    if name == "sign":
        return t > 0
    if name == "width":
        return np.floor(t / dtype.type(2 / bins))
    return t + dtype.type(0)


def made_with(name, bins):
    if name == "report":
        return Report(tuple(np.linspace(-1, 1, bins + 1).tolist()))
    if name == "width":
        return Width(2 / bins)
    return rule(name) if name in ("distinct", "sign") else RULES[name](bins)


def activations(rng, samples, units, bins, dtype):
    """Hidden layers as they come: anywhere, saturated, on edges, dead, far outside, or tiny."""
    t = np.tanh(rng.normal(size=(samples, units)) * rng.choice([0.3, 1.5, 20.0]))
    edges = np.linspace(-1, 1, bins + 1).astype(np.float32)
    kind = rng.integers(0, 8, size=t.shape)
    t = np.where(kind == 0, rng.choice(edges, size=t.shape), t)
    t = np.where(kind == 1, np.nextafter(rng.choice(edges, size=t.shape), np.float32(rng.choice([-2, 2]))), t)
    t = np.where((kind == 2) & (rng.random(t.shape) < 0.5), rng.choice([0.0, -0.0, 1.0, -1.0], size=t.shape), t)
    if rng.random() < 0.2:
        t[rng.random(t.shape) < 0.1] *= rng.choice([1e4, 1e20, 1e36, 1e-40])
    t[:, rng.random(units) < 0.1] = rng.choice([0.0, 0.25, -7.0])
    return t[rng.integers(0, samples, size=samples)].astype(dtype)  # with repeated rows


SHAPES = {
    "samples": st.integers(1, 60),
    "units": st.sampled_from([1, 2, 3, 10, 70]),
    "bins": st.one_of(st.integers(1, 60), st.integers(1, 300)),
    "dtype": st.sampled_from([np.float32, np.float64]),
    "seed": st.integers(0, 2**20),
}


@pytest.mark.parametrize("name", [name for name in RULES if name != "kmeans"])
@given(**SHAPES)
def test_a_rule_is_its_formula(name, samples, units, bins, dtype, seed):
    t = activations(np.random.default_rng(seed), samples, units, bins, dtype)
    expected = twin(name, bins, t)
    found = codes(made_with(name, bins), t)
    assert partition(found) == partition(expected)
    if name in ("report", "fixed") and units == 1:
        assert np.array_equal(found, expected[:, 0])


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-20, 1e20, 1.5e38])
@pytest.mark.parametrize("name", ["layer", "unit", "quantile", "entropy", "distinct", "sign"])
@pytest.mark.parametrize("units", [1, 70])
def test_ranges_at_the_ends_of_float32(name, scale, units):
    t = (np.random.default_rng(1).uniform(-2, 2, size=(200, units)) * scale).astype(np.float32)
    assert partition(codes(made_with(name, 30), t)) == partition(twin(name, 30, t))


@pytest.mark.parametrize("offset", [10.0, 1000.0, 1e5, 1e7])
@pytest.mark.parametrize("units", [1, 70])
def test_a_narrow_range_far_from_zero(offset, units):
    t = (offset + np.random.default_rng(1).uniform(0, 1, size=(500, units))).astype(np.float32)
    for name in ("layer", "unit", "quantile"):
        assert partition(codes(made_with(name, 30), t)) == partition(twin(name, 30, t))


def test_edges_that_are_nearly_even():
    rng = np.random.default_rng(3)
    for size in (0.001, 0.01, 0.04, 0.2, 0.45, 0.6):
        edges = np.linspace(-1, 1, 50)
        edges[1:-1] += rng.uniform(-size, size, size=48) * (2 / 49)
        edges.sort()
        t = rng.uniform(-1, 1, size=(4000, 1)).astype(np.float32)
        assert np.array_equal(codes(rule(edges), t), np.digitize(t[:, 0], edges.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("units", [1, 3, 70])
def test_the_report_s_numbers(report_pipeline, dtype, units):
    edges = np.linspace(-1, 1, 50)
    t = activations(np.random.default_rng(units), 400, units, 49, dtype)
    t[::7, 0], t[1::7, 0], t[2::7, 0] = np.nan, np.inf, -np.inf
    assert partition(codes(Report(), t)) == partition(report_pipeline.digitised(t, edges))


def test_below_and_above_are_one_symbol_of_the_report_and_two_of_the_others():
    t = np.repeat([[-5.0], [5.0]], 50, axis=0)
    distinct = {name: len(set(codes(rule(name), t))) for name in RULES}
    assert distinct == {name: 1 if name == "report" else 2 for name in RULES}


def test_exactly_one_has_a_symbol_of_its_own_in_the_report_and_minus_one_has_not():
    t = np.array([[1.0], [np.nextafter(1.0, 0)], [-1.0], [np.nextafter(-1.0, 0)], [-1.01], [1.01]])
    one, below_one, minus_one, above_minus_one, under, over = codes(Report(), t)
    assert one == under == over == 50
    assert below_one == 49
    assert minus_one == above_minus_one == 1


def test_the_outer_bins_of_fixed_are_closed():
    t = np.array([[-1.0], [1.0], [np.nextafter(1.0, 0)], [-3.0], [3.0], [0.0]])
    for bins in (1, 2, 30, 31):
        assert codes(Fixed(bins), t).tolist() == [1, bins, bins, 1, bins, bins // 2 + 1]
    symbols = Fixed(30).symbols(torch.from_numpy(t)[None])
    assert symbols.outside == 2


@given(bins=st.integers(1, 40), seed=st.integers(0, 2**20))
def test_mirrored_activations_have_mirrored_bins_but_on_edges(bins, seed):
    """Bins are closed to the left: a value on an edge belongs to the bin above it, and so does its mirror image."""
    rng = np.random.default_rng(seed)
    edges = np.linspace(-1, 1, bins + 1)
    between_edges = rng.choice(edges[:-1], size=(50, 1)) + rng.uniform(0.01, 0.99, size=(50, 1)) * (2 / bins)
    assert np.array_equal(codes(Fixed(bins), -between_edges), bins + 1 - codes(Fixed(bins), between_edges))
    inner = np.arange(1, bins)
    powers = 2.0 ** rng.integers(-3, 3)  # scaling by a power of two moves edges to edges without rounding
    scaled = Fixed(bins, low=-powers, high=powers)
    assert np.array_equal(codes(scaled, between_edges * powers), codes(Fixed(bins), between_edges))
    assert np.array_equal(codes(Fixed(bins), np.linspace(-1, 1, bins + 1)[inner, None]), inner + 1)
    if bins % 2 == 0:
        assert codes(Fixed(bins), np.array([[0.0], [-0.0]])).tolist() == [bins // 2 + 1] * 2


NESTED = [(Fixed(2**k), Fixed(2 ** (k + 1))) for k in range(8)] + [(Width(w), Width(w / 2)) for w in (0.07, 0.3, 1.0)]


@pytest.mark.parametrize(("coarse", "fine"), NESTED, ids=lambda made: made.description)
def test_halving_the_bins_splits_cells_and_merges_none(coarse, fine):
    rng = np.random.default_rng(2)
    for dtype in (np.float32, np.float64):
        t = activations(rng, 300, 2, 16, dtype)
        coarse_codes, fine_codes = codes(coarse, t), codes(fine, t)
        assert len(set(zip(coarse_codes, fine_codes, strict=True))) == len(set(fine_codes))


@given(seed=st.integers(0, 2**20), bins=st.integers(1, 40))
def test_quantile_bins_see_the_order_only(seed, bins):
    rng = np.random.default_rng(seed)
    t = np.round(rng.normal(size=(rng.integers(2, 80), 2)), rng.choice([1, 8]))
    expected = codes(Quantile(bins), t)
    for increasing in (np.exp, np.arcsinh, lambda v: 2 * v**3, lambda v: 5 + 2 * v):
        assert np.array_equal(codes(Quantile(bins), increasing(t)), expected)


@pytest.mark.parametrize("bins", [2, 5, 30])
def test_quantile_bins_hold_as_many_samples_as_each_other(bins):
    t = np.random.default_rng(4).normal(size=(30 * bins, 1)) ** 3
    assert np.unique(codes(Quantile(bins), t), return_counts=True)[1].tolist() == [30] * bins


@pytest.mark.parametrize("name", RULES)
def test_all_members_share_the_bins(name):
    t = np.random.default_rng(5).normal(size=(3, 40, 2))
    together = rule(name).symbols(torch.from_numpy(t)).codes
    assert together.shape == (3, 40)
    assert np.array_equal(together.flatten().numpy(), codes(rule(name), t.reshape(120, 2)))


@pytest.mark.parametrize("name", ["layer", "unit", "quantile", "entropy", "kmeans"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_do_not_move_the_bins(name, value):
    t = 5 + np.random.default_rng(6).uniform(size=(101, 3))
    t[[0, 50], 1] = value
    t[0, 2], t[50, 0] = -100, 100  # nor do the other values of such rows
    whole = np.isfinite(t).all(1)
    symbols = rule(name).symbols(torch.from_numpy(t)[None])
    assert np.array_equal(symbols.bad[0].numpy(), ~whole)
    assert np.array_equal(symbols.codes[0].numpy()[whole], codes(rule(name), t[whole]))
    assert rule(name).symbols(torch.full((1, 4, 2), value)).bad.all()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_minus_zero_is_zero(name, dtype):
    t = torch.tensor([[0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0], [0.0, 0.0]], dtype=dtype)
    assert len(rule(name).symbols(t[None]).codes.unique()) == 1
    assert len(rule(name).symbols(t.relu()[None]).codes.unique()) == 1


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("units", [1, 5, 80])
def test_where_the_tensors_are_changes_no_partition(device, name, units):
    t = activations(np.random.default_rng(units), 200, units, 30, np.float32)
    there = rule(name).symbols(torch.from_numpy(t).to(device)[None])
    assert partition(there.codes[0].cpu().numpy()) == partition(codes(rule(name), t))
    assert int(there.constant) == sum(len(np.unique(column)) == 1 for column in t.T)


def test_width_has_no_upper_end():
    t = np.array([[1e30], [2e30], [-1e30], [np.inf], [-np.inf], [0.05], [0.06]])
    assert partition(codes(Width(0.07), t)) == [0, 1, 2, 3, 4, 5, 5]


@pytest.mark.parametrize("name", RULES)
def test_one_sample_and_one_value_make_one_symbol(name):
    assert len(codes(rule(name), np.array([[0.3, -2.0]]))) == 1
    assert len(set(codes(rule(name), np.full((50, 3), 0.3)))) == 1
    assert len(set(codes(rule(name), np.full((50, 3), 1e20, dtype=np.float32)))) == 1


def test_a_quantiser_keeps_its_bins():
    t = torch.linspace(-1, 1, 100)[:, None]
    quantiser = rule(10).fit(t)
    assert torch.equal(quantiser.codes(t[:20])[0], quantiser.codes(t)[0][:20])
    assert isinstance(rule("width").fit(t), Words)


def test_the_sign_is_that_of_the_number():
    tiny = np.nextafter(np.float32(0), np.float32(1))
    t = np.array([[-1.0], [-tiny], [-0.0], [0.0], [tiny], [1.0], [np.inf]], dtype=np.float32)
    assert codes(rule("sign"), t).tolist() == [0, 0, 0, 0, 1, 1, 1]


# ---------------------------------------------------------------- values outside fixed bins

INSIDE = {"bins": 4, "low": -1.0, "high": 1.0}


def policy(outside):
    return Fixed(**INSIDE, outside=outside)


def test_without_values_outside_all_policies_are_one():
    t = np.random.default_rng(1).uniform(-1, 1, size=(200, 2))
    t[0] = -1, 1
    for outside in ("extend", "error", "quantile"):
        assert np.array_equal(codes(policy(outside), t), codes(policy("clip"), t))


def test_extended_bins_continue_the_grid():
    t = np.random.default_rng(2).normal(size=(500, 1)) * 3
    expected = np.floor((t[:, 0] + 1) / 0.5)
    assert partition(codes(policy("extend"), t)) == partition(expected)
    assert len(np.unique(codes(policy("extend"), t))) == len(np.unique(expected)) > 20
    assert policy("extend").symbols(torch.from_numpy(t)[None]).outside == 0
    far = np.array([[-1.5], [-1.0], [0.9], [1.0], [1.2], [7.01]])
    assert partition(codes(policy("extend"), far)) == [0, 1, 2, 3, 3, 5]


def test_extending_too_far_is_an_error():
    t = np.array([[0.0], [1e6]])
    with pytest.raises(
        InputError, match=r"outside='extend' needs 1999998 more bins of width 0\.5 to reach from 0 to 1e"
    ):
        codes(policy("extend"), t)


def test_values_outside_can_be_refused():
    t = np.array([[0.0, -1.5], [1.25, 1.0], [np.nan, 9.0]])
    with pytest.raises(InputError) as error:
        codes(policy("error"), t)
    assert str(error.value) == (
        "2 of 4 values lie outside [-1, 1], between -1.5 and 1.25: widen low and high, or choose outside='clip', "
        "'extend' or 'quantile'"
    )


def test_values_outside_can_ask_for_equal_shares():
    t = np.random.default_rng(3).normal(size=(400, 1))
    assert np.array_equal(codes(policy("quantile"), t), codes(rule({"rule": "entropy", "bins": 4}), t))


def test_policies_are_part_of_the_measurement():
    assert policy("clip").description == policy("error").description == "4 bins on [-1, 1]"
    assert policy("extend").description == "4 bins on [-1, 1], continued as far as the values"
    assert policy("quantile").description == "4 bins on [-1, 1], of equal share where values lie outside"


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
        (0, r"bins=0: it must be a whole number of at least 1, for example bins=30"),
        (-3, r"bins=-3"),
        (True, r"bins=True"),
        ({"bins": 2.5}, r"bins=2\.5"),
        ({"rule": "unit", "bins": "many"}, r"bins='many'"),
        ({"rule": "quantile", "bins": 0}, r"bins=0"),
        ({"rule": "fixed", "low": 1, "high": -1}, r"bins need low < high, got low=1, high=-1"),
        ({"rule": "fixed", "high": math.inf}, r"high=inf"),
        ({"rule": "kmeans", "bins": 0}, r"bins=0"),
        ({"rule": "entropy", "bins": 1.5}, r"bins=1\.5"),
        ({"rule": "width", "width": 0}, r"width=0: it must be a number above 0, for example width=0\.07"),
        ({"rule": "width", "width": math.nan}, r"width=nan"),
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
