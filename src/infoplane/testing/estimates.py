"""Checks of the estimate: what it says of itself, units and bounds, and whether its value can be right.

Three of them look at 20 samples without dependence, drawn with fixed seeds: the result is the same whenever they run.
Over the choice of these seeds, an estimator whose bias and standard deviation are at most .05 nats fails
``independence`` with probability below 1e-5, and one that is not clipped fails ``no-clipping`` with probability 0 (a
continuous value is exactly 0 with probability 0). ``dependence`` is passed by an estimator that sees nothing with
probability 1/21 at most, if its values are exchangeable.
"""

from __future__ import annotations

import math
import re
from typing import get_args

import numpy as np

from infoplane.testing.subject import (
    ARITHMETIC,
    REPEATS,
    ROUNDING,
    CheckFailed,
    EstimatorCheck,
    Sample,
    Subject,
    call,
    doubts,
    near,
    sample,
)
from infoplane.types import NATS_PER, Kind

#: The mean value of samples without dependence, in nats, that needs no flag.
LITTLE = 0.1
#: The share of values that are exactly 0 from which they are taken for clipped.
CLIPPED = 0.25
#: A value this far above a ceiling, in nats, is above it.
LEAST_EXCESS = 1e-9
#: Details that are amounts of information.
_AMOUNTS = re.compile(r"h_[a-z]|h_[a-z]_given_[a-z]|log_[a-z]+|null|standard_error")


def check_estimate(subject: Subject) -> None:
    """Plain numbers, the number of samples, the unit that was asked for, a known kind, and flags that are texts."""
    for shown, estimate in subject.both(sample(), "bits"):
        promised = [
            ("a finite Python float as value", _is_number(estimate.value), estimate.value),
            ("a finite Python float or None as low", estimate.low is None or _is_number(estimate.low), estimate.low),
            (
                "a finite Python float or None as high",
                estimate.high is None or _is_number(estimate.high),
                estimate.high,
            ),
            ("n = 160", estimate.n == 160, estimate.n),
            ("units = 'bits'", estimate.units == "bits", estimate.units),
            (f"one of the kinds {', '.join(get_args(Kind))}", estimate.kind in get_args(Kind), estimate.kind),
        ]
        for expected, keeps, found in promised:
            if not keeps:
                raise CheckFailed(expected, repr(found), shown)
    for shown, information in subject.own(sample()):  # those of an estimate are a tuple whatever they were
        if not _are_flags(information.flags):
            raise CheckFailed("a tuple of texts as flags", repr(information.flags), shown)


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _are_flags(flags: object) -> bool:
    return isinstance(flags, tuple) and all(isinstance(flag, str) and flag for flag in flags)


def check_details(subject: Subject) -> None:
    """The measurement model and the estimand stand beside the number."""
    for shown, estimate in subject.both(sample()):
        measurement = estimate.details.get("measurement")
        if measurement != subject.estimator.measurement:
            raise CheckFailed(f"details['measurement'] = {subject.estimator.measurement!r}", repr(measurement), shown)
        estimand = estimate.details.get("estimand")
        if estimand not in ("empirical", "population"):
            raise CheckFailed("details['estimand'] = 'empirical' or 'population'", repr(estimand), shown)


def check_bounds(subject: Subject) -> None:
    """low <= value <= high, wherever they are given.

    An interval that has a centre of its own, as that of an estimate whose bias is known, says so in
    ``details["interval"]``; the value may lie outside it.
    """
    drawn = ((_call(subject, "unrelated"), estimate) for estimate in subject.without_dependence)
    for shown, estimate in [*subject.both(sample()), *drawn]:
        low, high = (bound if bound is not None else estimate.value for bound in (estimate.low, estimate.high))
        own_centre = estimate.details.get("interval", "none") != "none"
        if not (low <= high and (low <= estimate.value <= high or own_centre)):
            raise CheckFailed("low <= value <= high", f"{estimate.low}, {estimate.value}, {estimate.high}", shown)


def _call(subject: Subject, which: str) -> str:
    """The call for a related or unrelated sample."""
    rows = f"continuous={subject.continuous_rows}"
    if which == "related":
        return call("t, y", given=f"t, x, y = infoplane.testing.related({rows})")
    return call("t, y", given=f"for seed in range({REPEATS}): t, x, y = infoplane.testing.unrelated(seed, {rows})")


def check_units(subject: Subject) -> None:
    """Bits are nats over log 2: the value, the bounds, and the entropies in the details."""
    of_units = subject.both(sample(), "nats"), subject.both(sample(), "bits")
    for (_, nats), (shown, bits) in zip(*of_units, strict=True):
        pairs = {name: (getattr(nats, name), getattr(bits, name)) for name in ("value", "low", "high")}
        amounts = (name for name in nats.details if _AMOUNTS.fullmatch(name))
        pairs |= {f"details[{name!r}]": (nats.details[name], bits.details.get(name)) for name in amounts}
        for name, (in_nats, in_bits) in pairs.items():
            if in_nats is None and in_bits is None:
                continue
            wanted = math.nan if in_nats is None else in_nats / NATS_PER["bits"]
            if in_bits is None or not math.isclose(in_bits, wanted, rel_tol=ROUNDING, abs_tol=1e-15):
                raise CheckFailed(f"{name} = {wanted:.9g} bits, from {in_nats} nats", repr(in_bits), shown)


def check_label_entropy(subject: Subject) -> None:
    """Where the details have H(Y), it can be an entropy of the labels: Shannon's, or that of another order."""
    t, _, y = sample()
    found = subject.about_label(t, y).details.get("h_y")
    shares = np.bincount(y) / len(y)
    least, most = -math.log(shares.max()), math.log(len(shares))
    if found is not None and not least - ROUNDING <= found <= most + ROUNDING:
        raise CheckFailed(f"details['h_y'] from {least:.6g} to {most:.6g} nats", repr(found), call("t, y"))


def _needs_no_correction(subject: Subject) -> str:
    return "its entropies are corrected" if subject.counts and not subject.plug_in else ""


def check_ceiling(subject: Subject) -> None:
    """A value above H(Y) carries a flag, unless it is an upper bound; H(Y) as corrected, where it is."""
    estimate = subject.with_dependence
    most = max(math.log(2), estimate.details.get("h_y") or 0) + LEAST_EXCESS
    if estimate.value > most and estimate.kind != "upper bound" and not doubts(estimate):
        raise CheckFailed(f"a flag on a value above H(Y) = {most:.6g}", str(estimate), _call(subject, "related"))


def check_order_of_samples(subject: Subject) -> None:
    """The same samples in another order have the same information; exactly where symbols are counted."""
    t, x, y = sample()
    wanted = subject.both(sample())
    tolerance = 0.0 if subject.counts else ARITHMETIC
    for seed in range(10):
        order = np.random.default_rng(seed).permutation(len(t))
        moved = subject.both(Sample(t[order], x[order], y[order]))
        for (_, estimate), (shown, other) in zip(moved, wanted, strict=True):
            shown = f"order = numpy.random.default_rng({seed}).permutation(160); {shown}, all of them [order]"
            near(estimate.value, other.value, tolerance, "the value of the first order", shown)


def check_independence(subject: Subject) -> None:
    """Activations and labels that have nothing to do with each other: nearly no information on average, or a flag.

    A lower bound may be lower, an upper bound higher.
    """
    estimates = subject.without_dependence
    kind = estimates[0].kind
    mean = math.fsum(estimate.value for estimate in estimates) / REPEATS
    too_high = not mean <= LITTLE and kind != "upper bound"
    too_low = not mean >= -LITTLE and kind != "lower bound"
    flagged = sum(bool(doubts(estimate)) for estimate in estimates)
    if (too_high or too_low) and flagged < REPEATS / 2:
        found = f"{mean:.4g}, and {flagged} of {REPEATS} flagged"
        raise CheckFailed(f"a mean of 0 nats to {LITTLE}, or flags", found, _call(subject, "unrelated"))


def check_no_clipping(subject: Subject) -> None:
    """Values below 0 say something about bias: they are not replaced by 0."""
    zeros = sum(estimate.value == 0 for estimate in subject.without_dependence)
    if zeros >= CLIPPED * REPEATS:
        found = f"{zeros} of {REPEATS} are exactly 0"
        raise CheckFailed("values that are not clipped", found, _call(subject, "unrelated"))


def check_dependence(subject: Subject) -> None:
    """A layer that is all but the label has more information than any of the samples without dependence."""
    value = subject.with_dependence.value
    most = max(estimate.value for estimate in subject.without_dependence)
    if not value > most:
        found = f"{value:.6g}, and up to {most:.6g} without dependence"
        raise CheckFailed("more information than by chance", found, _call(subject, "related"))


CHECKS = (
    EstimatorCheck(check_estimate),
    EstimatorCheck(check_details),
    EstimatorCheck(check_bounds),
    EstimatorCheck(check_units),
    EstimatorCheck(check_label_entropy, _needs_no_correction),
    EstimatorCheck(check_ceiling),
    EstimatorCheck(check_order_of_samples),
    EstimatorCheck(check_independence),
    EstimatorCheck(check_no_clipping),
    EstimatorCheck(check_dependence),
)
