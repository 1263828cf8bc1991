"""Checks of estimators that count symbols: what holds for counts holds to rounding."""

from __future__ import annotations

import math

import numpy as np
import torch

from infoplane.testing.subject import (
    ROUNDING,
    CheckFailed,
    EstimatorCheck,
    Sample,
    Subject,
    call,
    input_call,
    near,
    related,
    sample,
)


def check_symbols(subject: Subject) -> None:
    """Rows that are equal have one code, and the value is what counting the codes one by one gives."""
    t, _, y = sample()
    codes = [int(code) for code in subject.copy().prepare(torch.from_numpy(t)).codes[0]]
    code_of: dict[bytes, int] = {}
    for row, code in zip(t, codes, strict=True):
        if code_of.setdefault(row.tobytes(), code) != code:
            raise CheckFailed("one code for equal rows", f"two for {row.tolist()}", "estimator.prepare(t).codes")
    if subject.plug_in:
        near(subject.about_label(t, y).value, _by_hand(codes, y.tolist()), ROUNDING, "the counted value", call("t, y"))


def _by_hand(codes: list[int], labels: list[int]) -> float:
    """The plug-in information in nats, pair by pair."""
    n, pairs = len(codes), list(zip(codes, labels, strict=True))
    return math.fsum(
        pairs.count(pair) / n * math.log(n * pairs.count(pair) / (codes.count(pair[0]) * labels.count(pair[1])))
        for pair in set(pairs)
    )


def check_class_numbers(subject: Subject) -> None:
    """Which number a class has does not matter, not even its place among the others."""
    t, _, y = sample()
    found = subject.about_label(t, np.array(["b", "c", "a"])[y])
    subject.equal(found, subject.about_label(t, y), "the value of y", call('t, numpy.array(["b", "c", "a"])[y]'))


def check_order_of_units(subject: Subject) -> None:
    t, _, y = sample()
    found = subject.about_label(t[:, [2, 0, 1]], y)
    subject.equal(found, subject.about_label(t, y), "the value of t", call("t[:, [2, 0, 1]], y"))


def check_repeated_unit(subject: Subject) -> None:
    """A unit that repeats another one, or never changes, adds nothing."""
    t, _, y = sample()
    wanted = subject.about_label(t, y)
    for what, extra in (("t[:, :1]", t[:, :1]), ("0 * t[:, :1]", 0 * t[:, :1])):
        found = subject.about_label(np.hstack([t, extra]), y)
        near(found.value, wanted.value, 0, "the value of t", call(f"numpy.hstack([t, {what}]), y"))


def check_signed_zero(subject: Subject) -> None:
    """-0.0 and 0.0 are one number."""
    t, _, y = sample()
    other = t.copy()
    other[::2][other[::2] == 0] = -0.0
    shown = call("t, y", given="t, x, y = infoplane.testing.sample(); every second 0.0 written as -0.0")
    subject.equal(subject.about_label(other, y), subject.about_label(t, y), "the value of 0.0", shown)


def check_constant_units(subject: Subject) -> None:
    """Units that never change are counted and flagged."""
    t, _, y = sample()
    estimate = subject.about_label(np.hstack([t, np.full_like(t, 0.25)]), y)
    constant = estimate.details.get("constant_units")
    if "constant-units" not in estimate.flags or constant != 3:
        found = f"details['constant_units'] = {constant}, flags {estimate.flags}"
        raise CheckFailed("3 constant units and their flag", found, call("numpy.hstack([t, 0 * t + 0.25]), y"))


def check_ceilings(subject: Subject) -> None:
    """0 <= I(T;Y) <= min(H(T), H(Y)), and I(X;T) = H(T) <= log n where all inputs differ."""
    t, _, y = sample()
    estimate = subject.about_label(t, y)
    most = min(estimate.details["h_t"], estimate.details["h_y"])
    if not -ROUNDING <= estimate.value <= most + ROUNDING:
        raise CheckFailed(f"between 0 and {most:.9g} nats", f"{estimate.value:.9g}", call("t, y"))
    about_input = subject.about_input(t, np.arange(len(t)))
    shown = input_call("t", given="t, x, y = infoplane.testing.sample(); x = range(160)")
    near(about_input.value, about_input.details["h_t"], ROUNDING, "H(T)", shown)
    if not about_input.value <= math.log(len(t)) + ROUNDING:
        raise CheckFailed(f"at most log 160 = {math.log(160):.9g}", f"{about_input.value:.9g}", shown)


def check_layer_that_is_the_label(subject: Subject) -> None:
    """I(T;Y) = H(Y) where every symbol has one label."""
    t, _, y = related()
    wanted = subject.about_label(t, y)
    shown = call("t, y", given="t, x, y = infoplane.testing.related()")
    near(wanted.value, wanted.details["h_y"], ROUNDING, "H(Y)", shown)


def check_coarser_labels(subject: Subject) -> None:
    """Data processing: labels that are merged hold no more information."""
    t, _, y = sample()
    whole, merged = subject.about_label(t, y).value, subject.about_label(t, np.minimum(y, 1)).value
    if not merged <= whole + ROUNDING:
        raise CheckFailed(f"at most {whole:.9g} nats", f"{merged:.9g}", call("t, numpy.minimum(y, 1)"))


def check_samples_three_times(subject: Subject) -> None:
    """Every sample three times over has the same information."""
    once = sample()
    three = Sample(*(np.concatenate([part] * 3) for part in once))
    for (shown, found), (_, wanted) in zip(subject.both(three), subject.both(once), strict=True):
        near(found.value, wanted.value, ROUNDING, "the value of the samples once", f"{shown}, each three times")


def _needs_counts(subject: Subject) -> str:
    return "" if subject.counts else "it does not count symbols"


def _needs_plug_in(subject: Subject) -> str:
    if not subject.counts:
        return "it does not count symbols"
    return "" if subject.plug_in else "its entropies are corrected"


CHECKS = (
    EstimatorCheck(check_symbols, _needs_counts),
    EstimatorCheck(check_class_numbers, _needs_counts),
    EstimatorCheck(check_order_of_units, _needs_counts),
    EstimatorCheck(check_repeated_unit, _needs_counts),
    EstimatorCheck(check_signed_zero, _needs_counts),
    EstimatorCheck(check_constant_units, _needs_counts),
    EstimatorCheck(check_ceilings, _needs_plug_in),
    EstimatorCheck(check_layer_that_is_the_label, _needs_plug_in),
    EstimatorCheck(check_coarser_labels, _needs_plug_in),
    EstimatorCheck(check_samples_three_times, _needs_plug_in),
)
