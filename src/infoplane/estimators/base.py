"""What an estimator is: activations are prepared once, then held against the input and against labels."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast, final

import torch
from torch import Tensor

from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators.counting.copies import family_table
from infoplane.estimators.counting.readings import (
    Count,
    Manner,
    Nonfinite,
    Reading,
    nonfinite_message,
    with_layer_facts,
)
from infoplane.estimators.counting.samples import Ids, Variable, distinct_ids, number
from infoplane.estimators.counting.symbols import Symbols, bad_rows
from infoplane.estimators.light import judged
from infoplane.types import Estimate, Information, Kind, Units

Resampling = Literal["jackknife", "parts", "own", "none"]


class Estimator(abc.ABC):
    """One way of estimating mutual information; its options are its constructor's arguments, kept by their names.

    ``continuous`` says whether it takes a continuous label, ``informations`` which of I(X;T) and I(T;Y) it defines,
    ``screens`` whether it deals with rows of NaN or infinity by itself.
    ``resampling`` says how an interval for the population is made of estimates of some samples (module ``resampling``):
    ``"jackknife"`` leaves groups out, for a value that is smooth in the samples' shares; ``"parts"`` for any other that
    settles as samples are added; ``"own"`` where the estimator has an interval of its own, with groups too; ``"none"``
    where its bias falls too slowly to be seen in the samples.
    """

    name: ClassVar[str]
    continuous: ClassVar[bool] = False
    chained: ClassVar[bool] = True
    informations: ClassVar[tuple[str, ...]] = ("i_xt", "i_ty")
    screens: ClassVar[bool] = False
    resampling: Resampling = "parts"

    @abc.abstractmethod
    def prepare(self, t: Tensor) -> Any:
        """What with_input and with_label share, computed once; ``t`` (samples, units) finite float32 or float64."""

    @abc.abstractmethod
    def with_input(self, prepared: Any, x: Variable) -> Information:
        """I(X;T); called only where ``informations`` has it."""

    @abc.abstractmethod
    def with_label(self, prepared: Any, y: Variable) -> Information:
        """I(T;Y)."""

    @final
    def about_input(self, prepared: Any, x: Variable, units: Units = "bits") -> Estimate:
        """I(X;T) as the estimate that a user sees."""
        return judged(self.with_input(prepared, x)).estimate(self.measurement, units)

    @final
    def about_label(self, prepared: Any, y: Variable, units: Units = "bits") -> Estimate:
        """I(T;Y) as the estimate that a user sees."""
        information = self.with_label(prepared, y)
        flags, facts = (*information.flags, *y.flags), {**information.facts, "label": y.kind}
        return judged(replace(information, flags=flags, facts=facts)).estimate(self.measurement, units)

    @property
    @abc.abstractmethod
    def measurement(self) -> str:
        """The measurement model that belongs beside every number: "30 bins on [-1, 1]"."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options, by name (as scikit-learn's)."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


class NumbersOrClasses(Estimator):
    """An estimator that has one formula for another variable of numbers, and one for classes."""

    continuous: ClassVar[bool] = True

    @abc.abstractmethod
    def with_numbers(self, prepared: Any, other: Variable) -> Information:
        """The information of the layer and a variable of numbers."""

    @abc.abstractmethod
    def with_classes(self, prepared: Any, classes: Ids) -> Information:
        """The information of the layer and classes."""

    def with_input(self, prepared: Any, x: Variable) -> Information:
        return self.with_classes(prepared, x.classes()) if x.numbers is None else self.with_numbers(prepared, x)

    def with_label(self, prepared: Any, y: Variable) -> Information:
        return self.with_numbers(prepared, y) if y.ids is None else self.with_classes(prepared, y.classes())


class LadderEstimator(Estimator):
    """An estimator at one level of a ladder, or at several: one pass over a layer serves all levels and label sets."""

    @abc.abstractmethod
    def levels(self) -> Sequence[LadderEstimator]:
        """An estimator for each level that was asked for; itself where that is one."""

    @property
    @abc.abstractmethod
    def level(self) -> str:
        """What tells it from the others in tables: ``10 dB``."""

    @property
    @abc.abstractmethod
    def kinship(self) -> Hashable:
        """Estimators with equal ones prepare the same thing, which can serve them in one pass."""

    @abc.abstractmethod
    def foresee(self, prepared: Any, kin: Sequence[Any], labels: Sequence[Variable]) -> None:
        """Work out in one pass what will be asked of ``prepared``: by estimators of equal kinship, about labels."""


class SymbolEstimator(Estimator):
    """An estimator that counts symbols: everything follows from one 64-bit code a sample.

    ``kind`` is what its numbers are without a correction: exact where nothing was cut into bins.
    """

    kind: ClassVar[Kind] = "plug-in"
    screens: ClassVar[bool] = True
    resampling: Resampling = "jackknife"
    nonfinite: Nonfinite
    correction: str
    interval: str = "none"

    @abc.abstractmethod
    def layers(self, ts: Sequence[Tensor]) -> list[Symbols]:
        """Codes of several layers, each (members, samples, units)."""

    def symbols(self, t: Tensor) -> Symbols:
        """Codes of one layer (members, samples, units)."""
        return self.layers([t])[0]

    def prepare(self, t: Tensor) -> Symbols:
        return self.symbols(t[None])

    def with_input(self, prepared: Symbols, x: Variable) -> Information:
        inputs = x.classes()
        return self.count([prepared], inputs, number(torch.zeros_like(inputs.ids)), "single").informations()[0]

    def with_label(self, prepared: Symbols, y: Variable) -> Information:
        labels = y.classes()
        return self.count([prepared], distinct_ids(y.n, labels.ids.device), labels, "single").informations()[1]

    def readings(
        self,
        layers: Sequence[Symbols],
        x: Ids,
        y: Ids,
        family: str,
        *,
        draws: Tensor | None = None,
        units: Units = "bits",
    ) -> list[list[Reading]]:
        """Both informations of several layers; for each one reading, or one a copy where ``family`` is ``single``."""
        count = self.count(layers, x, y, family, draws=draws)
        return count.read(count.numbers.tolist(), units)

    def count(
        self,
        layers: Sequence[Symbols],
        x: Ids,
        y: Ids,
        family: str,
        *,
        draws: Tensor | None = None,
        places: Sequence[str] = (),
    ) -> Count:
        """Everything counted, where the symbols are; nothing is transferred before ``Count.read``.

        ``places`` says for each layer where it is, for messages: "layer 'fc1', step 3".
        """
        codes, x, y, draws = self._screen(layers, x, y, draws)
        table = family_table(codes, x, y, family, draws=draws, correction=self.correction)
        kind = self.kind if self.correction == "none" else "estimate"
        manner = Manner(self.name, self.correction, self.nonfinite, self.interval, kind)
        return Count(with_layer_facts(table, layers), codes, layers, x, y, family, manner, places)

    def _screen(
        self, layers: Sequence[Symbols], x: Ids, y: Ids, draws: Tensor | None
    ) -> tuple[Tensor, Ids, Ids, Tensor | None]:
        """Codes (layers, members, samples) with rows of NaN or infinity treated as ``nonfinite`` says."""
        codes = torch.stack([symbols.codes for symbols in layers])
        if self.nonfinite in ("error", "keep"):
            return codes, x, y, draws
        bad = torch.stack([symbols.bad for symbols in layers])
        if self.nonfinite == "own-cell":
            return codes.masked_fill(bad, -1), x, y, draws
        keep = ~bad.any(0).any(0)
        if not bool(keep.any()):
            raise NonFiniteError(f"all {keep.numel()} rows contain NaN/Inf: nothing is left to measure")
        return codes[..., keep], x.take(keep), y.take(keep), None if draws is None else draws[..., keep]


def check_nonfinite(policy: str) -> Nonfinite:
    """The policy, or an error that lists the ones there are."""
    policies = ("error", "drop-row", "own-cell", "keep")
    if policy not in policies:
        raise InputError(f"nonfinite={policy!r} is not known: choose one of {', '.join(policies)}")
    return cast(Nonfinite, policy)


def check_finite(t: Tensor, place: str = "") -> None:
    """An error that counts the samples of ``t`` (..., samples, units) with NaN or infinity, where there are any."""
    check_rows(bad_rows(t).reshape(-1, t.shape[-2]), place)


def check_rows(bad: Tensor, place: str = "") -> None:
    """An error that counts the samples with NaN or infinity, ``bad`` (members, samples), where there are any."""
    if bool(bad.any()):
        where = f"{place}: " if place else ""
        raise NonFiniteError(where + nonfinite_message(bad, '"drop-row"'))
