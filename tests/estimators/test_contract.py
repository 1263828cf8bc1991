"""What is promised of every estimator, whatever it does inside: one row of ``cases.py`` is put through all of it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from infoplane.errors import InfoplaneError, InputError, NonFiniteError
from infoplane.estimators import REGISTRY, as_activations, estimator, mutual_information
from infoplane.estimators.samples import input_variable, label_ids

from ..conftest import load


def sample(n=160, units=3, seed=0):
    """Activations with repeated rows (n, units), and labels of three classes that depend on them (n,)."""
    rng = np.random.default_rng(seed)
    t = np.round(np.tanh(rng.normal(size=(n, units))), 1).astype(np.float32)
    y = np.digitize(t[:, 0] + 0.3 * rng.normal(size=n), [-0.3, 0.3])
    return t, y


def information(case, t, y, units="bits"):
    return mutual_information(t, y, estimator=case.name, units=units, **case.options)


def informations(case, t, x, y):
    """The estimates that there are: I(T;Y), and I(X;T) unless the estimator has none."""
    made = estimator(case.name, **case.options)
    estimates = [information(case, t, y)]
    if "i_xt" in made.informations:
        estimates.append(made.with_input(made.prepare(as_activations(t)), input_variable(x)))
    return estimates


def test_every_estimator_has_a_row():
    cases = load(Path(__file__).parent / "cases.py").CASES
    assert {case.name for case in cases} == set(REGISTRY)


def test_options_come_back_and_make_the_same_estimator(case):
    made = estimator(case.name, **case.options)
    again = type(made)(**made.get_params())
    assert case.options.items() <= made.get_params().items()
    assert again.get_params() == made.get_params()
    assert again.measurement == made.measurement != ""
    assert estimator({"name": case.name, **case.options}).get_params() == made.get_params()
    assert estimator(made) is made


@pytest.mark.parametrize(
    "form",
    [
        lambda t: t.tolist(),
        lambda t: t.astype(np.float64).astype(np.float32),
        torch.from_numpy,
        lambda t: torch.from_numpy(t).requires_grad_(),
        lambda t: pd.DataFrame(t),
        np.asfortranarray,
        lambda t: np.repeat(t, 2, axis=1)[:, ::2],
        lambda t: np.ascontiguousarray(t[::-1])[::-1],
        lambda t: np.frombuffer(t.tobytes(), dtype=t.dtype).reshape(t.shape),
        lambda t: t.reshape(len(t), 1, -1),
    ],
    ids=[
        "list",
        "float32",
        "tensor",
        "gradient",
        "pandas",
        "fortran",
        "strided",
        "backwards",
        "read-only",
        "one more axis",
    ],
)
def test_the_form_of_the_activations_does_not_matter(case, form):
    t, y = sample()
    given = form(t)
    expected = information(case, t.astype(np.float64) if isinstance(given, list) else t, y)
    if case.counts:
        assert information(case, given, y) == expected
    else:
        assert information(case, given, y).value == pytest.approx(expected.value, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_taken_as_float32(case, dtype):
    t, y = sample()
    half = torch.from_numpy(t).to(dtype)
    assert information(case, half, y) == information(case, half.float(), y)


def test_nothing_is_written_into_the_arguments(case):
    t, y = sample()
    tensor, before, labels = torch.from_numpy(t), t.copy(), y.copy()
    information(case, tensor, y)
    assert np.array_equal(tensor.numpy(), before)
    assert np.array_equal(y, labels)


def test_an_estimate_says_what_it_is(case):
    t, y = sample()
    for estimate in informations(case, t, np.arange(len(t)), y):
        assert estimate.kind in ("plug-in", "exact", "lower bound", "upper bound", "estimate")
        assert estimate.n == len(t)
        assert estimate.units == "bits"
        assert isinstance(estimate.flags, tuple)
        assert estimate.details["measurement"] == estimator(case.name, **case.options).measurement
        assert math.isfinite(estimate.value)


def test_bits_are_nats_over_the_logarithm_of_two(case):
    t, y = sample()
    bits, nats = information(case, t, y), information(case, t, y, "nats")
    assert nats.units == "nats"
    assert bits.value == pytest.approx(nats.value / math.log(2), rel=1e-15)
    for name in ("low", "high"):
        if getattr(nats, name) is not None:
            assert getattr(bits, name) == pytest.approx(getattr(nats, name) / math.log(2), rel=1e-15)
    assert bits.details.keys() == nats.details.keys()
    for name in nats.details:
        if name.startswith("h_"):
            assert bits.details[name] == pytest.approx(nats.details[name] / math.log(2), rel=1e-15)


def test_the_order_of_the_samples_does_not_matter(unordered_case):
    case = unordered_case
    t, y = sample()
    x = np.arange(len(t)) % 40
    expected = informations(case, t, x, y)
    for seed in range(20 if case.counts else 3):
        order = np.random.default_rng(seed).permutation(len(t))
        moved = informations(case, t[order], x[order], y[order])
        if case.counts:  # exactly: sums run over counts in ascending order
            assert moved == expected
        for one, other in zip(moved, expected, strict=True):
            assert one.value == pytest.approx(other.value, abs=1e-6)


def test_the_names_of_classes_do_not_matter(case):
    t, y = sample()
    tolerance = 1e-12 if case.counts else 1e-10
    expected = information(case, t, y).value
    assert information(case, t, np.array(["a", "b", "c"])[y]).value == pytest.approx(expected, abs=tolerance)
    assert information(case, t, np.array([-7, -1, 3])[y]).value == pytest.approx(expected, abs=tolerance)
    if case.counts:
        assert information(case, t, np.array(["b", "c", "a"])[y]).value == pytest.approx(expected, abs=tolerance)


def test_the_order_of_units_does_not_matter(counting_case):
    t, y = sample()
    expected = information(counting_case, t, y).value
    assert information(counting_case, t[:, [2, 0, 1]], y).value == pytest.approx(expected, abs=1e-12)


def test_a_constant_layer_knows_nothing(case):
    _, y = sample()
    constant = np.full((len(y), 4), 0.25, dtype=np.float32)
    for estimate in informations(case, constant, np.arange(len(y)), y):
        assert estimate.value == pytest.approx(0, abs=1e-12 if case.counts else 0.05)
        if case.counts:
            assert "constant-units" in estimate.flags
            assert estimate.details["constant_units"] == 4


def test_a_copied_or_a_constant_unit_adds_nothing(counting_case):
    case = counting_case
    t, y = sample()
    for extra in (t[:, :1], np.full_like(t[:, :1], t[5, 1])):
        wider = information(case, np.hstack([t, extra]), y)
        assert wider.value == information(case, t, y).value
        assert wider.details["h_t"] == information(case, t, y).details["h_t"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_an_error(case, value):
    t, y = sample()
    t[[12, 40, 41], 1] = value
    with pytest.raises(NonFiniteError, match=r"3 of 160 rows contain NaN/Inf \(first row 12\)"):
        information(case, t, y)


def test_bad_samples_are_errors_of_ours(case):
    t, y = sample()
    for bad_t, bad_y in ((t, y[:-1]), (t[:1], y[:1]), (t[:0], y[:0]), (t, np.zeros_like(y)), (t[:, :0], y)):
        with pytest.raises(InputError):
            information(case, bad_t, bad_y)
    with pytest.raises(InfoplaneError):
        information(case, t, y, units="bytes")


def test_label_entropy_is_the_most_there_is_to_know(plug_in_case):
    case = plug_in_case
    for seed in range(10):
        t, y = sample(n=40 + 30 * seed, seed=seed)
        estimate = information(case, t, y)
        assert -1e-12 <= estimate.value <= label_ids(y).entropy() / math.log(2) + 1e-12


def test_a_layer_that_is_the_label_knows_all_of_it(counting_case):
    case = counting_case
    _, y = sample()
    estimate = information(case, (y / 2 - 0.5)[:, None].astype(np.float32), y)
    assert estimate.value == pytest.approx(estimate.details["h_y"], abs=1e-12)
