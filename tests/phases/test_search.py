"""Peaks, gains, losses and verdicts of curves whose truth is known, of noise, and of a real network."""

import numpy as np
import pytest

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.naming import described
from infoplane.phases import CHECKS, Change, panel
from infoplane.trajectory.trajectory import Trajectory

STEPS = (0, 1, 10, 100, 1000)
RISE_AND_FALL = (2.0, 4.0, 7.0, 6.0, 5.5)
RISE = (2.0, 4.0, 7.0, 7.0, 7.0)
PANEL = described(panel(30))


def made(curves, *, layer="fc1", copies=(-1,), meta=True, **more):
    """A trajectory from estimator -> curve, or -> one curve a copy."""
    rows = [
        {"step": step, "layer": layer, "layer_index": 0, "copy": copy, "estimator": name, "units": "bits",
         "family": "single", "i_xt": float(np.atleast_2d(curve)[at % len(np.atleast_2d(curve))][when])} | more
        for name, curve in curves.items() for at, copy in enumerate(copies)
        for when, step in enumerate(STEPS[: np.atleast_2d(curve).shape[1]])
    ]  # fmt: skip
    return Trajectory(rows, meta={"estimators": PANEL} if meta else {})


def test_a_known_peak_and_a_known_drop():
    (phase,) = ip.phases(made({"binned": RISE_AND_FALL}))
    assert (phase.change.first, phase.peak, phase.change.last) == (0, 10, 1000)
    assert (phase.gained.value, phase.lost.value) == (5.0, 1.5)
    assert phase.gained.low is None
    assert phase.loses
    (rising,) = ip.phases(made({"binned": RISE}))
    assert (rising.peak, rising.lost.value, rising.verdict) == (10, 0.0, "no loss")


def test_a_loss_under_all_is_compression_and_a_loss_under_some_says_which_failed():
    (phase,) = ip.phases(made(dict.fromkeys(PANEL, RISE_AND_FALL)))
    assert phase.checks == dict.fromkeys(CHECKS, True)
    assert phase.verdict == "compression"
    layer = next(name for name, facts in PANEL.items() if facts["rule"] == "layer")
    (phase,) = ip.phases(made(dict.fromkeys(PANEL, RISE_AND_FALL) | {layer: RISE}))
    assert phase.verdict == "failed: per-layer range"
    (same,) = ip.phases(made(dict.fromkeys(PANEL, RISE_AND_FALL) | {layer: RISE}), estimator=layer)
    assert same.verdict == "no loss"


@pytest.mark.parametrize(
    ("failing", "check"),
    [
        ("binned(15 bins on [-1, 1])", "half the bins"),
        ("binned(60 bins on [-1, 1])", "double the bins"),
        ("binned(30 bins on [-1, 1], miller-madow)", "corrected"),
    ],
)
def test_each_estimator_of_the_panel_answers_its_check(failing, check):
    (phase,) = ip.phases(made(dict.fromkeys(PANEL, RISE_AND_FALL) | {failing: RISE}))
    assert phase.verdict == f"failed: {check}"


def test_what_was_not_measured_is_not_checked():
    curves = dict.fromkeys(list(PANEL)[:2], RISE_AND_FALL)
    (phase,) = ip.phases(made(curves))
    assert phase.verdict == "not checked: double the bins, per-layer range, corrected"
    (bare,) = ip.phases(made(curves, meta=False))
    assert bare.verdict == f"not checked: {', '.join(CHECKS)}"
    both = curves | {list(PANEL)[1]: RISE}
    (phase,) = ip.phases(made(both))
    assert phase.verdict == "failed: half the bins; not checked: double the bins, per-layer range, corrected"


def test_bins_on_another_range_are_not_half_of_mine():
    estimators = described([*panel(30)[:1], *panel(15, low=0, high=4)[:1]])
    trajectory = made(dict.fromkeys(estimators, RISE_AND_FALL))
    trajectory.meta["estimators"] = estimators
    assert ip.phases(trajectory)["fc1"].checks["half the bins"] is None


def test_repeats_without_noise_have_their_mean_and_students_interval():
    curves = np.array([RISE_AND_FALL, np.array(RISE_AND_FALL) - (0, 0, 0, 0, 0.3), np.array(RISE_AND_FALL) + 1.0])
    (phase,) = ip.phases(made({"binned": curves}, copies=(0, 1, 2)))
    losses = np.array([1.5, 1.8, 1.5])
    reach = 4.302652729911275 * losses.std(ddof=1) / np.sqrt(3)  # Student's quantile for two degrees of freedom
    assert phase.change.repeats == 3
    assert phase.lost.value == pytest.approx(1.6)
    assert (phase.lost.low, phase.lost.high) == pytest.approx((1.6 - reach, 1.6 + reach))


def test_runs_of_several_seeds_are_repeats():
    runs = [made({"binned": np.array(RISE_AND_FALL) + shift}) for shift in (0, 0.5)]
    (phase,) = ip.phases(runs)
    assert (phase.change.repeats, phase.lost.low) == (2, pytest.approx(1.5))
    assert len(phase.change.values) == 3


def test_noise_alone_is_seldom_a_loss():
    """Flat curves with noise lose nothing on average, and have an interval above 0 as seldom as it should be; read at
    the peak of their own mean they would lose in one case of five, and a single curve nearly always does."""
    random, found, single = np.random.default_rng(0), [], 0
    for _ in range(400):
        curves = 5 + random.normal(0, 0.3, size=(5, 40))
        found.append(Change.of(range(40), curves).lost)
        single += Change.of(range(40), curves[:1]).lost.value >= 0.1
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 3 * values.std() / 20
    assert np.mean([one.low > 0 for one in found]) < 0.08
    assert single > 360


def test_an_interval_that_reaches_zero_is_no_loss():
    curves = np.array([[0.0, 5.0, 1.0], [0.0, 5.0, 5.0], [0.0, 5.0, 5.0]])
    (phase,) = ip.phases(made({"binned": curves}, copies=(0, 1, 2)))
    assert phase.lost.value > 1
    assert phase.lost.low < 0
    assert phase.verdict == "no loss"


def test_the_least_loss_is_in_bits_whatever_the_unit():
    curve = (1.0, 3.0, 2.92)  # 0.08 nats are 0.115 bits
    assert not ip.phases(made({"binned": curve}))["fc1"].loses
    assert ip.phases(made({"binned": curve}, units="nats"))["fc1"].loses
    assert ip.phases(made({"binned": curve}), least=0.05)["fc1"].loses


def test_a_peak_in_doubt_is_said():
    assert ip.phases(made({"binned": RISE}, flags=("red", "saturated")))["fc1"].doubted
    assert not ip.phases(made({"binned": RISE}, flags=("amber",)))["fc1"].doubted


def with_ratios(layers, weighted, ratios):
    trajectory = Trajectory(
        {"step": s, "layer": layer, "layer_index": i, "i_xt": 1.0} for s in (0, 1) for i, layer in enumerate(layers)
    )
    for name in weighted:
        for copy, factor in enumerate((0.5, 2.0)):  # around the geometric mean
            for step, ratio in ratios.items():
                trajectory.scalars.add(step, "gradient_ratio", factor * ratio, layer=name, copy=copy)
    return trajectory


def test_where_the_signal_falls_below_the_noise_and_where_it_falls_most():
    ratios = {10: 8.0, 20: 6.0, 30: 5.0, 40: 1.2, 50: 0.9, 60: 1.1, 70: 0.8}
    (phase,) = ip.phases(with_ratios(["fc1"], ["fc1"], ratios))
    assert (phase.noise_from, phase.noise_fall) == (50, 40)
    (late,) = ip.phases(with_ratios(["fc1"], ["fc1"], {10: 0.7} | {20: 6.0, 30: 5.0, 40: 0.9}))
    assert late.noise_from == 40
    (always,) = ip.phases(with_ratios(["fc1"], ["fc1"], {10: 0.7, 20: 0.5}))
    assert always.noise_from == 10
    (never,) = ip.phases(with_ratios(["fc1"], ["fc1"], {10: 3.0, 20: 4.0}))
    assert (never.noise_from, never.noise_fall) == (None, None)
    (unknown,) = ip.phases(with_ratios(["fc1"], [], {}))
    assert (unknown.noise_from, unknown.noise_fall) == (None, None)


@pytest.mark.parametrize(
    ("layers", "weighted", "expected"),
    [
        (["a", "act", "b"], ["a", "b"], [True, True, True]),  # the layer before
        (["net.1", "net.3"], ["net.0", "net.2", "net.4"], [True, True]),  # the number before
        (["act1", "act2"], ["fc1", "fc2"], [True, True]),  # by position
        (["act1", "act2"], ["fc1", "fc2", "fc3"], [False, False]),
        (["10", "1"], ["9", "2"], [True, False]),
    ],
)
def test_a_layer_takes_the_ratio_of_the_weights_that_feed_it(layers, weighted, expected):
    found = ip.phases(with_ratios(layers, weighted, {1: 2.0, 2: 0.5}))
    assert [phase.noise_from == 2 for phase in found] == expected


def test_every_split_label_and_family_has_its_row_in_the_order_of_the_layers():
    one = made({"binned": RISE}, layer="b", layer_index=1)
    other = made({"binned": RISE}, layer="a", split="test")
    found = ip.phases(ip.Trajectory([*one, *other]))
    assert [(phase.layer, phase.split) for phase in found] == [("a", "test"), ("b", None)]


def test_a_real_network_under_fixed_bins_rises_and_under_bins_of_each_unit_falls():
    """Units of tanh that grow fill more of [-1, 1]; scaled to their own range they only gather at its ends."""
    data = ip.datasets.load("szt")
    family = ip.Family(lambda: ip.networks.mlp([12, 10, 7, 5, 4, 3, 2], "tanh"), seed=0)
    family.compile("cross-entropy", "adam", learning_rate=0.01)
    rules = [{"name": "binned", "bins": rule} for rule in ("fixed", "unit")]
    plane = ip.InformationPlane(data.x, data.y, layers=["9"], estimators=rules)
    x, y = family.inputs(data.x), family.targets(data.y)
    for step in range(201):
        if step % 50 == 0:
            plane.measure(family, step)
        rows = family.draw(len(x), 256)
        family.step(x[rows], y[rows])
    fixed, unit = (ip.phases(plane.trajectory, estimator=name)["9"] for name in plane.trajectory.meta["estimators"])
    assert fixed.gained.value > 2
    assert fixed.verdict == "no loss"
    assert unit.lost.value > 2
    assert "failed: fixed range" in unit.verdict


def test_the_panel_measures_every_check():
    x = np.random.default_rng(0).normal(size=(64, 3))
    plane = ip.InformationPlane(x, x[:, 0] > 0, estimators=panel(bins=8))
    network = ip.networks.mlp([3, 2], "tanh")
    for step in (0, 1):
        plane.measure(network, step)
    assert all(None not in phase.checks.values() for phase in ip.phases(plane.trajectory))


def test_what_has_no_phases_says_why():
    with pytest.raises(InputError, match="no row of the trajectory has i_xt"):
        ip.phases(Trajectory([{"step": 0, "layer": "a", "i_ty": 1.0}]))
    with pytest.raises(InputError, match=r"layer 'a' has .* at 1 step that all repeats share"):
        ip.phases(Trajectory([{"step": 0, "layer": "a", "i_xt": 1.0}]))
    with pytest.raises(UnknownNameError, match="unknown estimator 'kde'"):
        ip.phases(made({"binned": RISE}), estimator="kde")
    with pytest.raises(InputError, match="rows in bits and nats"):
        ip.phases(Trajectory([*made({"binned": RISE}), *made({"kde": RISE}, units="nats")]))
    with pytest.raises(InputError, match="bins=3: it must be a whole number of at least 4"):
        panel(bins=3)
