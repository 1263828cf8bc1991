"""channel: its levels, its rate, and that one pass serves all that is asked of a layer."""

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane import flags
from infoplane.errors import InputError
from infoplane.estimators import channel
from infoplane.estimators.channel import Channel, ladder_for, ratio


@pytest.fixture(scope="module")
def layer():
    """Two clouds in four dimensions, two deviations apart."""
    random = np.random.default_rng(0)
    y = random.integers(2, size=500)
    t = random.normal(size=(500, 4)).astype(np.float32)
    t[:, 0] += 2.0 * y
    return t, y


@pytest.fixture
def passes(monkeypatch):
    """Counts the passes over the pairs of a layer, by the number of levels and of label sets."""
    seen = []
    original = channel.pair_sums

    def counting(t, labels, priors, deviations, **options):
        seen.append((len(deviations), len(labels)))
        return original(t, labels, priors, deviations, **options)

    monkeypatch.setattr(channel, "pair_sums", counting)
    return seen


def test_every_level_is_a_row_of_a_plane_from_one_pass(layer, passes):
    t, y = layer
    estimators = [{"name": "channel", "snr": ["0 dB", "10 dB"]}, {"name": "channel", "rate": 1}]
    plane = ip.InformationPlane(torch.from_numpy(t), {"y": y, "even": np.arange(500) % 2}, estimators=estimators)
    rows = plane.measure(torch.nn.Sequential(torch.nn.LeakyReLU(1.0)), 0)
    assert [row["estimator"] for row in rows[::2]] == ["channel 0 dB", "channel 10 dB", "channel 1 bits"]
    assert passes == [(len({*ladder_for(1.0), ratio("0 dB"), 10.0}), 2)]
    quiet, loud, rate = rows[::2]
    assert quiet["i_xt_high"] < loud["i_xt_low"]
    assert quiet["i_ty"] < loud["i_ty"]
    assert rate["i_xt_low"] <= 1 <= rate["i_xt_high"]
    assert all(row["i_ty_low"] < 0.01 for row in rows[1::2])  # the second label set alternates, whatever the layer does


def test_shuffles_are_of_the_same_pass(layer, passes):
    t, y = layer
    estimators = {"name": "channel", "snr": [1, 4]}
    plane = ip.InformationPlane(torch.from_numpy(t), y, estimators=estimators, shuffles=3)
    rows = plane.measure(torch.nn.Sequential(torch.nn.LeakyReLU(1.0)), 0)
    assert passes == [(2, 4)]
    assert all(abs(row["i_ty_null"]) < 0.05 < row["i_ty"] for row in rows)


def test_every_level_is_a_row_of_a_comparison(layer, passes):
    t, y = layer
    comparison = ip.compare(t, y, x=t, estimators={"name": "channel", "snr": ["0 dB", "6 dB"]})
    assert [row.measurement for row in comparison.rows] == ["Gaussian noise at 0 dB", "Gaussian noise at 6 dB"]
    assert comparison.rows[0].i_xt < comparison.rows[1].i_xt
    assert passes == [(2, 1)]


def test_a_level_says_the_same_by_itself_and_among_others(layer):
    t, y = layer
    alone = ip.mutual_information(t, y, estimator="channel", snr="3 dB")
    curve = ip.information_curve(t, y, snr=["3 dB", 8])
    assert alone.value == pytest.approx(curve.i_ty(0).value, rel=1e-5)
    assert alone.low == pytest.approx(curve.i_ty(0).low, rel=1e-4)
    assert alone.details["i_xt_given_y"] == pytest.approx(curve.i_xt_given_y(0).value, rel=1e-5)


def test_at_a_rate_it_is_the_curve(layer):
    t, y = layer
    estimate = ip.mutual_information(t, y, estimator="channel", rate=1.5)
    by_curve = ip.information_curve(t, y).at_rate(1.5)
    assert (estimate.value, estimate.low, estimate.high) == (by_curve.value, by_curve.low, by_curve.high)
    assert estimate.details["snr"] == by_curve.details["snr"]
    assert estimate.details["measurement"] == "Gaussian noise that passes 1.5 bits"


def test_the_rate_is_free_of_scale_shift_and_rotation(layer):
    t, y = layer
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    first, second = (
        ip.mutual_information(each, y, estimator="channel", rate=1) for each in (t, (50 * t @ turn + 3).astype("f8"))
    )
    assert first.value == pytest.approx(second.value, abs=0.05)  # the noise is another draw


def test_a_rate_that_the_layer_does_not_have_is_told(layer):
    _, y = layer
    estimate = ip.mutual_information(y[:, None].astype(float), y, estimator="channel", rate=2)
    assert "rate-not-reached" in estimate.flags
    assert estimate.value == pytest.approx(estimate.details["h_y"], abs=0.01)


def test_low_rates_have_a_lower_ladder(layer):
    t, y = layer
    assert ladder_for(0.1)[:2] == (0.0625, 0.125)  # I(X;T) is at most snr / 2 nats
    estimate = ip.mutual_information(t, y, estimator="channel", rate=0.05)
    assert estimate.low < 0.01 < estimate.high  # at much noise, the label's share of the variance: a fifth of the rate


def test_groups_say_nothing_of_one_another(layer):
    """Every sample twice: without groups its double would betray it."""
    t, y = (np.repeat(each, 2, axis=0) for each in layer)
    groups = np.repeat(np.arange(500), 2)
    single = ip.mutual_information(*layer, estimator="channel", snr=4)
    by_groups = ip.mutual_information(t, y, estimator=Channel(snr=4, groups=groups))
    without = ip.mutual_information(t, y, estimator="channel", snr=4)
    assert by_groups.value == pytest.approx(single.value, abs=0.03)
    width, narrow = by_groups.high - by_groups.low, without.high - without.low
    assert narrow < width < 1.3 * (single.high - single.low)


def test_a_projection_keeps_the_information_of_a_wide_layer(layer):
    t, y = layer
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3000, 4)))[0]
    wide = (t @ turn.T).astype(np.float32)  # the same four directions, in 3000 units
    estimator = Channel(snr=4, project=256)
    by_projection = ip.mutual_information(wide, y, estimator=estimator)
    assert by_projection.value == pytest.approx(ip.mutual_information(t, y, estimator=Channel(snr=4)).value, abs=0.08)
    assert by_projection.details["measurement"] == "Gaussian noise at 6.02 dB, 256 random directions"
    assert ip.mutual_information(t, y, estimator=estimator).value == pytest.approx(
        ip.mutual_information(t, y, estimator=Channel(snr=4)).value
    )  # four units are no wide layer


def test_a_row_of_a_plane_has_one_light_the_worse_of_both_informations(layer):
    t, y = layer
    plane = ip.InformationPlane(torch.from_numpy(t), y, estimators={"name": "channel", "snr": ["0 dB", "20 dB"]})
    rows = plane.measure(torch.nn.Sequential(torch.nn.LeakyReLU(1.0)), 0)
    assert [[flag for flag in row["flags"] if flag in flags.LIGHTS] for row in rows] == [["green"], ["red"]]
    assert not any("below-floor" in row["flags"] for row in rows)


def test_groups_of_the_question_are_those_of_the_estimator(layer):
    t, y = (np.repeat(each, 2, axis=0) for each in layer)
    groups = np.repeat(np.arange(500), 2)
    asked = ip.mutual_information(t, y, estimator="channel", snr=4, groups=groups)
    made = ip.mutual_information(t, y, estimator=Channel(snr=4, groups=groups))
    assert (asked.value, asked.low, asked.high) == (made.value, made.low, made.high)
    network = torch.nn.Sequential(torch.nn.LeakyReLU(1.0))
    plane = ip.InformationPlane(torch.from_numpy(t), y, estimators={"name": "channel", "snr": 4}, groups=groups)
    assert plane.measure(network, 0)[0]["i_ty"] == made.value
    assert plane.curves(network, snr=[4])["0"].i_ty(0).value == made.value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snr": "ten"}, "snr='ten'"),
        ({"snr": 0}, "snr=0"),
        ({"snr": []}, "no level"),
        ({"rate": -1}, "rate=-1"),
        ({"snr": 1, "rate": 1}, "give one of them"),
        ({"snr": [1, 2]}, r"several levels, 0 dB, 3\.01 dB"),
        ({"groups": np.zeros(500)}, "one group"),
        ({"groups": np.zeros(3)}, "3"),
        ({"project": 0}, "project=0"),
    ],
)
def test_what_cannot_be_measured_is_named(layer, options, message):
    with pytest.raises(InputError, match=message):
        ip.mutual_information(*layer, estimator="channel", **options)
