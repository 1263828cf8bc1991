"""What is checked, on which samples, and how a check says that it failed.

Every call is made on a copy of the estimator and with the global random numbers in a known state that is put back
afterwards, so that one fault shows in the check that looks for it and in no other.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InfoplaneError
from infoplane.estimators import as_activations, mutual_information
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.types import Estimate, Information, Units

#: How far two values may differ that have the same sums in another order, in nats.
ARITHMETIC = 1e-6
#: How far they may differ where everything is counted.
ROUNDING = 1e-12
#: Samples without dependence are drawn this many times.
REPEATS = 20


class CheckFailed(InfoplaneError, AssertionError):
    """One promise that an estimator does not keep: what was expected, what was found, and the call that shows it."""

    def __init__(self, expected: str, found: str, call: str) -> None:
        self.expected, self.found, self.call = expected, found, call
        super().__init__(f"expected {expected}; found {found}; seen in: {call}")


class Sample(NamedTuple):
    """Activations (samples, units) float32, inputs (samples,) and labels (samples,) whole numbers."""

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray


def sample(*, n: int = 160, units: int = 3, seed: int = 0) -> Sample:
    """The usual sample of the checks: multiples of 1/8 in [-1, 1], forty inputs, three labels that depend on the first
    unit. All activations are exact in every floating-point type, and some of them are 0.

    Example:
        >>> t, x, y = sample()
        >>> t.shape, len(set(x)), len(set(y))
        ((160, 3), 40, 3)
    """
    rng = np.random.default_rng(seed)
    t = (np.round(8 * np.tanh(rng.normal(size=(n, units)))) / 8).astype(np.float32) + np.float32(0)
    y = np.digitize(t[:, 0] + 0.3 * rng.normal(size=n), [-0.3, 0.3])
    return Sample(t, np.arange(n) % 40, y)


def related(*, n: int = 200, continuous: bool = False) -> Sample:
    """A layer of two units that knows a label of two classes: I(T;Y) = H(Y) = log 2, or .08 nats less.

    The label is the sign of the first unit. Rows are one of four, as many of each, in random order (a pattern that
    repeats would be flagged as ordered), or, where they are ``continuous``, normally distributed around (-2, 0) and
    (2, 0), so that signs err once in 44 times.
    """
    level = np.random.default_rng(1000).permutation(n) % 4
    if continuous:
        t = np.random.default_rng(0).normal(size=(n, 2)) + np.outer(level // 2 * 4 - 2, [1, 0])
    else:
        t = np.array([[-0.75, 0.25], [-0.25, 0.75], [0.25, 0.75], [0.75, 0.25]])[level]
    return Sample(t.astype(np.float32), np.arange(n), level // 2)


def unrelated(seed: int, *, n: int = 200, continuous: bool = False) -> Sample:
    """The activations of ``related``, with labels that a coin decides: I(T;Y) = 0."""
    t, x, _ = related(n=n, continuous=continuous)
    return Sample(t, x, np.random.default_rng(seed).integers(0, 2, size=n))


def doubts(estimate: Estimate) -> set[str]:
    """The flags that say that something is doubtful."""
    return {str(flag) for flag in estimate.flags} - {"green", "amber"}


@final
class Subject:
    """An estimator that is checked, with the calls that the checks make."""

    def __init__(self, estimator: Estimator) -> None:
        self.estimator = estimator

    @property
    def counts(self) -> bool:
        return isinstance(self.estimator, SymbolEstimator)

    @property
    def plug_in(self) -> bool:
        return isinstance(self.estimator, SymbolEstimator) and self.estimator.correction == "none"

    @property
    def tolerance(self) -> float:
        return ROUNDING if self.counts else ARITHMETIC

    @functools.cached_property
    def continuous_rows(self) -> bool:
        """Whether it is judged on continuous rows: it doubts rows of few values, and takes these."""
        t, _, y = related()
        if not doubts(self.about_label(t, y)):
            return False
        t, _, y = related(continuous=True)
        try:
            return not doubts(self.about_label(t, y))
        except InfoplaneError:
            return False

    @functools.cached_property
    def with_dependence(self) -> Estimate:
        """I(T;Y) of the related sample, in nats."""
        t, _, y = related(continuous=self.continuous_rows)
        return self.about_label(t, y)

    @functools.cached_property
    def without_dependence(self) -> list[Estimate]:
        """I(T;Y) of unrelated samples, in nats."""
        drawn = (unrelated(seed, continuous=self.continuous_rows) for seed in range(REPEATS))
        return [self.about_label(one.t, one.y) for one in drawn]

    def copy(self) -> Estimator:
        return copy.copy(self.estimator)

    def about_label(self, t: Any, y: Any, units: Units = "nats") -> Estimate:
        """I(T;Y), by the public function; without the interval that it adds, which would stand in place of bounds."""
        with known_random(), kept(t, y):
            return mutual_information(t, y, estimator=self.copy(), units=units, intervals=False)

    def about_input(self, t: Any, x: Any, units: Units = "nats") -> Estimate:
        """I(X;T), as a plane asks for it."""
        made = self.copy()
        with known_random(), kept(t, x):
            activations = as_activations(t)
            return made.about_input(made.prepare(activations), input_variable(x).to(activations.device), units)

    def both(self, asked: Sample, units: Units = "nats") -> list[tuple[str, Estimate]]:
        """The informations that there are, each with the call that makes it."""
        found = [(call("t, y", units), self.about_label(asked.t, asked.y, units))]
        if "i_xt" in self.estimator.informations:
            found.append((input_call("t", units), self.about_input(asked.t, asked.x, units)))
        return found

    def own(self, asked: Sample) -> list[tuple[str, Information]]:
        """What the estimator itself gives, before it is judged, each with the call that makes it."""
        made = self.copy()
        shown = "t, x, y = infoplane.testing.sample(); estimator.with_{0}(estimator.prepare(t), {1})"
        with known_random():
            ready = made.prepare(torch.from_numpy(asked.t))
            found = [(shown.format("label", "y"), made.with_label(ready, label_variable(asked.y)))]
            if "i_xt" in made.informations:
                found.append((shown.format("input", "x"), made.with_input(ready, input_variable(asked.x))))
        return found

    def equal(self, found: Estimate, wanted: Estimate, what: str, shown: str) -> None:
        """Fails unless two values are the same but for rounding."""
        near(found.value, wanted.value, self.tolerance, what, shown)


@dataclass(frozen=True)
class EstimatorCheck:
    """A check; ``needs`` answers why it does not apply to a subject, or with nothing where it does."""

    function: Callable[[Subject], None]
    needs: Callable[[Subject], str] = lambda subject: ""

    @property
    def name(self) -> str:
        """Of ``check_half_precision``: half-precision."""
        return self.function.__name__.removeprefix("check_").replace("_", "-")


def call(arguments: str, units: Units = "nats", given: str = "t, x, y = infoplane.testing.sample()") -> str:
    """A call of the public function, as text that can be typed."""
    asked = f'infoplane.mutual_information({arguments}, estimator=estimator, units="{units}", intervals=False)'
    return f"{given}; {asked}"


def input_call(t: str, units: Units = "nats", given: str = "t, x, y = infoplane.testing.sample()") -> str:
    """A call for the input, in words."""
    return f'{given}; estimator.about_input(estimator.prepare({t}), x, "{units}")'


def near(found: float, wanted: float, tolerance: float, what: str, shown: str) -> None:
    """Fails unless ``found`` is ``wanted``, both in nats; NaN is near nothing."""
    if not abs(found - wanted) <= tolerance:
        raise CheckFailed(f"{what}, {wanted:.9g} nats to {tolerance:g}", f"{found:.9g}", shown)


@contextlib.contextmanager
def known_random() -> Iterator[None]:
    """The global random numbers of torch, numpy and Python start anew inside, and go on afterwards as if unused."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


@contextlib.contextmanager
def kept(*arguments: Any) -> Iterator[None]:
    """Arrays and tensors hold the same numbers afterwards, even if the estimator has written into them."""
    arrays = [one.detach() if isinstance(one, Tensor) else one for one in arguments]
    copies = [copy.deepcopy(one) for one in arrays]
    try:
        yield
    finally:
        for one, before in zip(arrays, copies, strict=True):
            if isinstance(one, Tensor | np.ndarray) and not bool((one == before).all()):
                one[...] = before
