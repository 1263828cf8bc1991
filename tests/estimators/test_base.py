"""Readings of layers: rows that are not finite, flags, the traffic light, and several layers at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from infoplane.errors import NonFiniteError
from infoplane.estimators import mutual_information
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import distinct_ids, label_ids


def layer(samples=200, units=3, members=1, seed=0, decimals=1):
    """Activations (members, samples, units) and labels that depend on the first unit."""
    t = torch.randn(members, samples, units, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    t = t.tanh().round(decimals=decimals)
    return t, label_ids((t[0, :, 0] > 0).numpy() + 2 * (np.arange(samples) % 3 == 0))


def read(made, t, y, family="single", **options):
    return made.readings([made.symbols(t)], distinct_ids(t.shape[1]), y, family, **options)[0][0]


def estimates(made, t, y, family="single", **options):
    """I(X;T) and I(T;Y) of one layer, with everything beside them."""
    both = made.count([made.symbols(t)], distinct_ids(t.shape[1]), y, family, **options).informations()
    return [information.estimate(made.measurement, "bits") for information in both]


def spoiled(t, value):
    t = t.clone()
    t[0, 12, 1], t[-1, 40, 0], t[-1, 41] = value, value, value
    return t


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_row_that_is_not_finite_is_an_error_that_says_where(value):
    t, y = layer(members=2)
    made = Binned()
    good, bad = made.symbols(t), made.symbols(spoiled(t, value))
    count = made.count(
        [good, bad], distinct_ids(200), y, "exact", places=["layer 'fc1', step 17", "layer 'fc2', step 17"]
    )
    with pytest.raises(NonFiniteError) as error:
        count.read(count.numbers.tolist())
    assert str(error.value) == (
        "layer 'fc2', step 17: 3 of 200 rows contain NaN/Inf (first row 12). "
        'Set nonfinite="drop-row" or nonfinite="own-cell" to continue.'
    )


@pytest.mark.parametrize("bins", [30, "report", "fixed", "unit", "quantile", "width", "distinct"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_dropped_rows_were_never_there(bins, value):
    t, y = layer()
    keep = torch.ones(200, dtype=torch.bool)
    keep[[12, 40, 41]] = False
    made = Binned(bins, nonfinite="drop-row")
    found = read(made, spoiled(t, value), y)
    expected = read(made, t[:, keep], y.take(keep))
    assert found.i_xt == expected.i_xt
    assert found.i_ty == expected.i_ty
    assert found.n == 197
    assert "nonfinite" in found.flags


def test_rows_are_dropped_from_all_layers_and_copies_alike():
    t, y = layer(members=2)
    made = Binned(nonfinite="drop-row")
    symbols = [made.symbols(t), made.symbols(spoiled(t, math.nan))]
    draws = torch.arange(200) % 2
    for family, n in (("single", 197), ("per-copy", 197), ("sampled", 197), ("exact", 394)):
        for readings in made.readings(symbols, distinct_ids(200), y, family, draws=draws):
            assert all(reading.n == n for reading in readings)


def test_nothing_left_is_an_error():
    t, y = layer()
    with pytest.raises(NonFiniteError, match="all 200 rows contain NaN/Inf: nothing is left to measure"):
        read(Binned(nonfinite="drop-row"), t * math.nan, y)


@pytest.mark.parametrize("bins", [30, "report", "fixed", "unit", "quantile", "width", "distinct"])
def test_rows_that_are_not_finite_can_be_one_cell(bins):
    t, y = layer()
    made = Binned(bins, nonfinite="own-cell")
    found = read(made, spoiled(t, math.nan), y)
    mixed = spoiled(t, math.nan)
    mixed[0, 40, 2], mixed[0, 41, 0] = math.inf, -math.inf
    assert read(made, mixed, y).i_ty == found.i_ty
    keep = torch.ones(200, dtype=torch.bool)
    keep[[12, 40, 41]] = False
    others = read(made, t[:, keep], y.take(keep))
    assert found.n == others.n + 3
    (i_xt, _), (without, _) = estimates(made, mixed, y), estimates(made, t[:, keep], y.take(keep))
    assert i_xt.details["cells"] == without.details["cells"] + 1
    assert found.n == 200


@pytest.mark.parametrize("bins", [3, "report", "fixed", "unit", "quantile", "width", "distinct"])
def test_the_cell_of_such_rows_is_no_other_cell(bins):
    t = torch.tensor([[-1.0], [math.nan], [0.1], [1.0]], dtype=torch.float64)[None]
    i_xt, _ = estimates(Binned(bins, nonfinite="own-cell"), t, label_ids([0, 1, 0, 1]))
    assert i_xt.details["cells"] == 4


def test_kept_as_the_report_did_a_diverged_network_looks_compressed():
    t = torch.full((1, 100, 3), math.nan)
    made = Binned("report", nonfinite="keep")
    reading = read(made, t, label_ids(np.arange(100) % 2))
    assert reading.i_xt == reading.i_ty == 0
    assert "nonfinite" in reading.flags


def test_outside_and_constant_are_counted_and_flagged():
    t, y = layer()
    t[0, :5, 0], t[0, :, 2] = 3.0, 0.5
    _, estimate = estimates(Binned("fixed"), t, y)
    assert {"outside-bins", "constant-units"} <= set(estimate.flags)
    assert estimate.details["outside"] == 5
    assert estimate.details["constant_units"] == 1
    assert not {"outside-bins", "constant-units"} & set(read(Binned("layer"), t[:, :, :2], y).flags)


def test_both_estimates_and_the_entropies_of_a_reading_belong_together():
    t, y = layer(members=3)
    for family in ("single", "per-copy", "exact", "sampled"):
        reading = read(Binned(5), t, y, family, draws=torch.arange(200) % 3)
        assert reading.i_xt == pytest.approx(reading.h_t - reading.h_t_given_x, abs=1e-12)
        i_xt, i_ty = estimates(Binned(5), t, y, family, draws=torch.arange(200) % 3)
        assert (i_xt.value, i_ty.value, i_xt.n) == (reading.i_xt, reading.i_ty, reading.n)
        details = i_xt.details
        assert details["h_t"] == reading.h_t
        assert details["h_t_given_x"] == reading.h_t_given_x
        assert details["family"] == family
        assert details["copies"] == 3
        assert (details["all_differ"] is None) == (family != "exact")
        assert details["estimand"] == "empirical"


def test_units_scale_every_information():
    t, y = layer(members=2)
    bits, nats = (read(Binned(5), t, y, "exact", units=units) for units in ("bits", "nats"))
    for a, b in ((bits.i_xt, nats.i_xt), (bits.i_ty, nats.i_ty), (bits.h_t, nats.h_t)):
        assert a == pytest.approx(b / math.log(2), rel=1e-15)
    assert bits.h_t_given_x == pytest.approx(nats.h_t_given_x / math.log(2), rel=1e-14)


def test_layers_are_read_together_as_alone():
    t, y = layer(members=2, units=4)
    made = Binned(6)
    layers = [made.symbols(t), made.symbols(t[..., :1]), made.symbols(t * 0)]
    for family, rows in (("single", 2), ("exact", 1)):
        together = made.readings(layers, distinct_ids(200), y, family)
        assert [len(readings) for readings in together] == [rows] * 3
        for symbols, readings in zip(layers, together, strict=True):
            assert made.readings([symbols], distinct_ids(200), y, family)[0] == readings


# ---------------------------------------------------------------- the traffic light


def light(t, y):
    """The colour of a table, and the reasons beside it."""
    flags = mutual_information(np.asarray(t), np.asarray(y), bins="distinct").flags
    colours = [flag for flag in flags if flag in ("green", "amber", "red")]
    assert len(colours) == 1
    return colours[0], set(flags) & {"saturated", "copies-differ", "undersampled"}


def test_well_filled_tables_are_green():
    t = np.arange(700) % 10
    assert light(t, t // 5) == ("green", set())
    assert light(t, np.arange(700) // 10 % 7) == ("green", set())  # 70 cells of 10 samples
    assert light(t, np.arange(700) // 10 % 10) == ("green", set())  # 100 cells: 7 samples each is just enough


def test_thinner_tables_are_amber():
    assert light(np.arange(699) % 10, np.arange(699) // 10 % 10) == ("amber", set())  # a little under 7 a cell
    rare = np.where(np.arange(1000) < 30, np.arange(1000) + 10, np.arange(1000) % 10)  # 3 % of the samples are alone
    assert light(rare, np.arange(1000) // 10 % 2)[0] == "amber"


def test_starved_tables_are_red():
    assert light(np.arange(100), np.arange(100) % 2) == ("red", {"saturated", "undersampled"})
    thin = np.arange(240) % 100  # under 2.5 samples a cell of (T, Y), and no cell of one sample matters for that
    assert light(thin, thin % 2)[0] == "red"
    alone = np.where(np.arange(1000) < 160, np.arange(1000) + 10, np.arange(1000) % 3)  # 16 % of them
    assert light(alone, np.arange(1000) % 2) == ("red", {"undersampled"})
    memorised = np.where(np.arange(1000) < 30, np.arange(1000) + 10, np.arange(1000) % 2)  # 3 %, all of H(Y) known
    assert light(memorised, np.arange(1000) % 2) == ("red", {"undersampled"})


def test_symbols_nearly_as_many_as_samples_are_red():
    y = np.arange(1000) % 2
    assert math.log(500) < 0.9 * math.log(1000) < math.log(504)
    assert "saturated" not in light(np.arange(1000) % 500, y)[1]
    assert "saturated" in light(np.arange(1000) % 520, y)[1]


def test_copies_that_nearly_always_differ_are_red():
    y = label_ids(np.arange(400) % 2)
    same = (torch.arange(400) % 2).double().expand(4, 400)[..., None]
    apart = same + 2 * torch.arange(4, dtype=torch.float64)[:, None, None]
    assert read(Binned("distinct"), same, y, "exact").flags[0] == "green"
    assert {"red", "copies-differ"} <= set(read(Binned("distinct"), apart, y, "exact").flags)
    assert "copies-differ" not in read(Binned("distinct"), apart, y, "per-copy").flags
