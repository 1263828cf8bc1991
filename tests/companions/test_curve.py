"""The information curve: what a user asks of it, and numbers that are known."""

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.companions.curve import Curve
from infoplane.errors import DataFileError, InputError, NonFiniteError, UnknownNameError


@pytest.fixture(scope="module")
def clouds():
    """Two classes two deviations apart on the first of three units."""
    random = np.random.default_rng(0)
    y = random.integers(2, size=800)
    t = random.normal(size=(800, 3))
    t[:, 0] += 2.0 * y
    return t, y


@pytest.fixture(scope="module")
def curve(clouds):
    t, y = clouds
    return ip.information_curve(t, {"class": y, "even": np.arange(800) % 2})


def test_a_row_for_every_level_and_label_set(curve):
    table = curve.to_pandas()
    assert len(curve) == 13
    assert len(table) == 26
    assert list(table["snr"].unique()) == [0.5 * 2.0**k for k in range(13)]
    assert table["i_xt"].is_monotonic_increasing
    assert set(table["units"]) == {"bits"}
    assert "-3 to 33 dB, labels class, even" in repr(curve)


def test_what_is_not_there_is_not_found(curve):
    """The second label set alternates, whatever the layer does."""
    for level in range(len(curve)):
        estimate = curve.i_ty(level, "even")
        assert estimate.low <= 0.01
    assert curve.at("6 dB", "class")[1].low > 0.1
    assert curve.i_ty(3, "even").flags == ("green",)


def test_the_mixture_of_two_clouds(curve):
    """By quadrature along the first unit: the others hold nothing of the class, but take their share of the noise."""
    snr = 4.0
    noise = (3 + 1) / snr
    deviation = np.sqrt(1 + noise)
    grid = np.linspace(-12, 14, 40_001)
    each = [np.exp(-((grid - centre) ** 2) / (2 * deviation**2)) / deviation / np.sqrt(2 * np.pi) for centre in (0, 2)]
    mixture = (each[0] + each[1]) / 2
    truth = sum(np.trapezoid(p * np.log2(p / mixture), grid) for p in each) / 2
    i_xt, i_ty = curve.at(snr, "class")
    assert i_ty.low <= truth <= i_ty.high
    assert i_xt.low <= truth + 1.5 * np.log2(1 + 1 / noise) <= i_xt.high
    assert i_ty.kind == "bracket"


def test_at_equal_rate(curve):
    estimate = curve.at_rate(1.0, "class")
    i_xt, i_ty = curve.at(estimate.details["snr"], "class")
    assert i_xt.value == pytest.approx(1.0, abs=0.02)
    assert i_ty.value == pytest.approx(estimate.value, abs=0.02)
    assert estimate.low <= estimate.value <= estimate.high
    with pytest.raises(InputError, match=r"not 100: choose snr="):
        curve.at_rate(100, "class")


def test_units_shift_and_scale(clouds):
    t, y = clouds
    bits = ip.information_curve(t, y, snr="6 dB")
    nats = ip.information_curve(t, y, snr="6 dB", units="nats")
    moved = ip.information_curve(1e3 * t + 5, y, snr="6 dB")
    assert nats.i_ty(0).value == pytest.approx(bits.i_ty(0).value * np.log(2), rel=1e-12)
    assert moved.i_ty(0).value == pytest.approx(bits.i_ty(0).value, abs=1e-5)
    assert torch.equal(torch.tensor(bits.snr), torch.tensor([10**0.6]))


def test_a_saved_curve_is_the_same(curve, tmp_path):
    curve.save(tmp_path / "curve.json")
    assert Curve.load(tmp_path / "curve.json") == curve
    (tmp_path / "other.json").write_text('{"format": "infoplane curve 1"}')
    with pytest.raises(DataFileError, match="no saved curve"):
        Curve.load(tmp_path / "other.json")


def test_too_few_samples_say_so():
    """64 units apart at little noise: every sample stands alone, and no number is green."""
    random = np.random.default_rng(0)
    curve = ip.information_curve(random.normal(size=(200, 64)), random.integers(2, size=200), snr=["30 dB"])
    assert curve.i_xt(0).flags == ("red",)
    assert curve.i_xt(0).high is None or curve.i_xt(0).high > np.log2(200)
    assert curve.i_ty(0).flags == ("red",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"snr": "ten"}, "snr='ten'"),
        ({"snr": 0}, "snr=0"),
        ({"groups": np.zeros(800)}, "one group"),
        ({"y": np.zeros(800, int)}, "class"),
        ({"y": np.zeros(7, int)}, "7"),
        ({"t": np.ones((800, 2))}, "same activations"),
    ],
)
def test_what_cannot_be_measured_is_named(clouds, options, message):
    given = {"t": clouds[0], "y": clouds[1], **options}
    with pytest.raises(InputError, match=message):
        ip.information_curve(given.pop("t"), given.pop("y"), **given)


def test_doors_that_are_not_there(curve, clouds):
    with pytest.raises(UnknownNameError, match="even"):
        curve.at(4, "odd")
    with pytest.raises(InputError, match="several label sets"):
        curve.at(4)
    with pytest.raises(InputError, match="outside of the curve"):
        curve.at("60 dB", "class")
    with pytest.raises(InputError, match="no labels"):
        ip.information_curve(clouds[0]).i_ty(0)
    bad = clouds[0].copy()
    bad[3] = np.nan
    with pytest.raises(NonFiniteError):
        ip.information_curve(bad, clouds[1])


def test_equal_inputs_have_equal_activations(clouds):
    t, y = clouds
    x = np.arange(800) // 2
    curve = ip.information_curve(t[x], y, x=x, snr=4)
    assert curve.details["h_x"] == pytest.approx(np.log2(400))
    assert curve.i_xt(0) == ip.information_curve(t[x], y, snr=4).i_xt(0)
    with pytest.raises(InputError, match="samples 0, 1 have equal inputs and different activations"):
        ip.information_curve(np.where(np.arange(800)[:, None] == 1, 9.0, t[x]), y, x=x)


def test_the_mean_of_networks_lies_between_the_means_of_their_bounds(clouds, curve):
    t, y = clouds
    other = ip.information_curve(t[:, ::-1] * [1, 1, 3], {"class": y, "even": np.arange(800) % 2})
    mean = Curve.mean([curve, other])
    for name in ("lower", "upper", "lower_error"):
        each = [getattr(several.levels[3].i_xt, name) for several in (curve, other)]
        assert getattr(mean.levels[3].i_xt, name) == pytest.approx(np.mean(each))
    assert mean.details["copies"] == 2
    assert Curve.mean([curve]) is curve
