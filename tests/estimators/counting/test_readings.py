"""What readings and estimates say beside their value: intervals by colour, shares, ceilings, edges."""

from __future__ import annotations

import math
import warnings
from importlib import metadata

import numpy as np
import pytest
import torch

from infoplane.errors import UnknownNameError
from infoplane.estimators import mutual_information
from infoplane.estimators.base import Estimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.intervals import intervals
from infoplane.estimators.counting.samples import Variable, distinct_ids, label_ids


def noisy_labels(samples, cells, classes, seed=0):
    rng = np.random.default_rng(seed)
    t = rng.integers(0, cells, size=samples)
    return t, np.where(rng.random(samples) < 0.5, t % classes, rng.integers(0, classes, size=samples))


def measured(t, y, **options):
    return mutual_information(t, y, bins="distinct", units="nats", **options)


def parts(t, y):
    """Centre, half width, distance of the jackknife."""
    line = intervals(torch.from_numpy(t)[None, None], label_ids(y), "jackknife")[0, 0].tolist()
    return line[0], line[1], line[3]


def test_green_intervals_add_the_distance_once_and_amber_ones_thrice():
    for samples, factor, colour in ((2000, 1, "green"), (120, 3, "amber")):
        t, y = noisy_labels(samples, 10, 2)
        estimate = measured(t, y)
        centre, half, distance = parts(t, y)
        assert colour in estimate.flags
        assert ("approximate-interval" in estimate.flags) == (colour == "amber")
        assert estimate.low == pytest.approx(centre - half - factor * distance, abs=1e-12)
        assert estimate.high == pytest.approx(centre + half + factor * distance, abs=1e-12)
        assert estimate.details["interval"] == "jackknife"
        assert estimate.details["jackknife"] == pytest.approx(measured(t, y, correction="jackknife").value, abs=1e-10)
        assert estimate.details["standard_error"] == pytest.approx(half / 1.96, abs=1e-12)


def test_red_has_no_interval():
    t, y = noisy_labels(60, 40, 2)
    estimate = measured(t, y)
    assert "red" in estimate.flags
    assert estimate.low is estimate.high is None
    assert estimate.details["interval"].startswith("none")


def test_the_other_intervals_are_asked_for_by_name():
    t, y = noisy_labels(2000, 10, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reflected = measured(t, y, interval="reflected")
    with pytest.warns(UserWarning, match="the percentile bootstrap of the plug-in adds its bias a second time"):
        percentile = measured(t, y, interval="percentile")
    assert reflected.details["interval"] == "reflected"
    assert reflected.low + percentile.high == pytest.approx(2 * reflected.value, abs=1e-12)
    assert reflected.high + percentile.low == pytest.approx(2 * reflected.value, abs=1e-12)
    with pytest.raises(UnknownNameError, match="unknown interval 'jacknife': did you mean 'jackknife'"):
        Binned(interval="jacknife")


def layer(copies=3, samples=500):
    generator = torch.Generator().manual_seed(1)
    t = torch.randint(0, 6, (copies, samples, 1), generator=generator).double()
    return t, label_ids((t[0, :, 0] % 2).numpy().astype(int))


def rows(made: Estimator, family, copies=3):
    t, y = layer(copies)
    return made.readings([made.symbols(t)], distinct_ids(500), y, family, draws=torch.zeros(500, dtype=torch.int64))[0]


def test_rows_have_intervals_only_where_they_are_asked_for():
    for family in ("single", "per-copy", "exact", "sampled"):
        assert all(one.i_ty_low is one.i_xt_low is None for one in rows(Binned("distinct"), family))
    asked = Binned("distinct", interval="jackknife")
    for family in ("single", "per-copy"):
        for one in rows(asked, family):
            assert one.i_xt_low < math.log2(6) < one.i_xt_high
            assert one.i_ty_low < one.i_ty_high
    for family in ("exact", "sampled"):
        assert rows(asked, family)[0].i_ty_low is None
        assert rows(asked, family, copies=1)[0].i_ty_low is not None
    assert rows(Binned("distinct", interval="reflected"), "per-copy")[0].i_ty_low is None
    assert rows(Binned("distinct", interval="reflected"), "single")[2].i_ty_low is not None


def test_an_interval_of_a_row_is_that_of_the_estimate():
    t, y = layer()
    made = Binned("distinct", interval="jackknife")
    for member, one in zip(t, rows(made, "single"), strict=True):
        estimate = mutual_information(member, y.ids, estimator=made)
        assert (one.i_ty_low, one.i_ty_high) == pytest.approx((estimate.low, estimate.high), abs=1e-12)


def test_an_estimate_lists_what_an_expert_asks_for():
    t = np.repeat([[-0.9, 0.5], [-0.2, 0.5], [0.3, 0.5], [3.0, 0.5], [0.9, 0.5]], [40, 40, 19, 60, 1], axis=0)
    y = np.arange(160) % 2
    estimate = mutual_information(t, y, bins={"rule": "fixed", "bins": 4})
    details = estimate.details
    assert details["estimator"] == "binned"
    assert details["version"] == metadata.version("infoplane")
    assert details["measurement"] == "4 bins on [-1, 1]"
    assert details["edges"] == [-1, -0.5, 0, 0.5, 1]
    assert details["estimand"] == "empirical"
    assert details["correction"] == "none"
    assert details["copies"] == 1
    assert (details["cells"], details["cells_ty"]) == (4, 8)
    assert (details["singletons"], details["singletons_ty"]) == (0, 0)
    assert details["outside"] == 60
    assert details["outside_share"] == 60 / 320
    assert details["constant_units"] == 1
    assert details["log_n"] == pytest.approx(math.log2(160))
    assert details["log_j"] == 0
    assert details["h_y"] == pytest.approx(1)
    assert details["saturation"] == pytest.approx(details["h_t"] / math.log2(160), abs=1e-15)
    assert details["copies_share"] is None
    assert details["label_share"] == pytest.approx(estimate.value / details["h_y"], abs=1e-15)


def test_lone_cells_and_coverage():
    t, y = np.r_[np.arange(90) % 3, 7, 8, 9], np.arange(93) % 2
    details = measured(t, y).details
    assert details["singletons_ty"] == 3
    assert details["singleton_share"] == 3 / 93
    assert details["coverage"] == 1 - 3 / 93


def test_shares_of_a_family():
    same = torch.arange(200).double()[None, :, None] % 2
    apart = same + 2 * torch.arange(4)[:, None, None]
    made = Binned("distinct")
    count = made.count([made.symbols(apart)], distinct_ids(200), label_ids(np.arange(200) % 2), "exact")
    i_xt = count.informations()[0].estimate(made.measurement, "bits")
    assert i_xt.details["copies_share"] == pytest.approx(1, abs=1e-12)
    assert i_xt.details["log_j"] == 2
    assert i_xt.details["log_n"] == pytest.approx(math.log2(200))
    assert i_xt.details["all_differ"] == 1


def test_edges_are_listed_by_unit_where_they_are_few():
    t, y = np.random.default_rng(0).uniform(size=(60, 2)), np.arange(60) % 2
    edges = mutual_information(t, y, bins={"rule": "unit", "bins": 3}).details["edges"]
    width = t.max(0) - t.min(0)
    assert np.allclose(edges, (t.min(0) + np.outer([1, 2], width / 3)).T, atol=1e-12)
    assert mutual_information(t, y, bins={"rule": "unit", "bins": 600}).details["edges"] is None
    assert mutual_information(t, y, bins="width").details["edges"] is None


def test_doubtful_values_are_kept_and_flagged():
    y = np.arange(40) // 4 % 2
    below = measured(np.arange(40) % 4, y, correction="miller-madow")
    assert below.value < 0
    assert "negative" in below.flags
    lone = np.arange(40) // 2
    made = Binned("distinct", correction="miller-madow")
    prepared = made.prepare(torch.from_numpy(lone).double()[:, None])
    i_xt = made.about_input(prepared, Variable(distinct_ids(40)), "nats")
    assert i_xt.value == pytest.approx(math.log(20) + 19 / 80, abs=1e-12)
    assert "above-ceiling" not in i_xt.flags
    assert i_xt.value < i_xt.details["log_n"]
    above = made.about_input(
        made.prepare(torch.arange(40).double()[:, None] // 1.05), Variable(distinct_ids(40)), "nats"
    )
    assert above.value > math.log(40)
    assert "above-ceiling" in above.flags
    assert below.details["estimand"] == above.details["estimand"] == "population"


def test_bins_that_hide_the_layer_are_not_green():
    """One value of 3000 among 2000, or all values in one bin: the light of so few cells would be green."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2000)
    t = rng.normal(size=2000) + 6 * y
    outlier = np.where(np.arange(2000) == 7, 3000, t)
    for hidden, bins in ((outlier, 30), (1e-3 * t, "report"), (1e-3 * t + 0.02, "width"), (t, [-1e3, 3, 1e3])):
        flags = mutual_information(hidden, np.where(t > 7, 2, y), bins=bins).flags
        assert flags[0] == "amber", bins
        assert "coarse" in flags
    assert mutual_information(t, y, bins=10).flags == ("green",)
    assert mutual_information(y, y, bins="sign").flags == ("green",)  # nothing more to be known
    rare = rng.random(2000) < 0.1
    assert "coarse" not in mutual_information(rare, y, bins="distinct").flags  # nothing was cut


def test_a_number_that_is_mostly_the_bias_of_its_cells_is_red():
    rng = np.random.default_rng(0)
    estimate = mutual_information(rng.normal(size=1000), rng.integers(0, 10, 1000), bins=25)
    assert estimate.flags[:2] == ("red", "null-exceeds-half")
    shuffled = mutual_information(rng.normal(size=1000), rng.integers(0, 10, 1000), bins=25, correction="miller-madow")
    assert "null-exceeds-half" not in shuffled.flags
