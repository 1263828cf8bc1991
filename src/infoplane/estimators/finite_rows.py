"""Any estimator on the samples whose activations are finite: the policy of those that count no symbols."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

from torch import Tensor

from infoplane.errors import InputError, NonFiniteError
from infoplane.estimators.base import Estimator, check_nonfinite
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.counting.symbols import bad_rows
from infoplane.flags import NONFINITE
from infoplane.types import Information


@final
class FiniteRows(Estimator):
    """Another estimator, shown the samples without NaN or infinity; where some are left out, the estimate is flagged.

    Args:
        estimator: the one that sees what is left.
        nonfinite: ``drop-row``; the other policies are for estimators that count symbols.

    Raises:
        InputError: another policy.
        NonFiniteError: from estimating, where no sample is left.

    Example:
        >>> import infoplane as ip
        >>> t, y = [[0.0], [float("nan")], [1.0], [0.1], [0.9]] * 20, [0, 1, 1, 0, 1] * 20
        >>> estimate = ip.mutual_information(t, y, estimator="kde", nonfinite="drop-row")
        >>> estimate.n, estimate.details["dropped_rows"]
        (80, 20)
    """

    screens: ClassVar[bool] = True

    def __init__(self, estimator: Estimator, nonfinite: str = "drop-row") -> None:
        if check_nonfinite(nonfinite) != "drop-row":
            raise InputError(
                f"nonfinite={nonfinite!r} is for estimators that count symbols, and {estimator.name} needs numbers: "
                "use nonfinite='drop-row'"
            )
        self.estimator, self.nonfinite = estimator, nonfinite
        # facts of a class elsewhere, and here of what is inside
        vars(self).update(name=estimator.name, continuous=estimator.continuous, informations=estimator.informations)
        self.resampling = estimator.resampling

    @property
    def measurement(self) -> str:
        return self.estimator.measurement

    def prepare(self, t: Tensor) -> _Rest:
        bad = bad_rows(t)
        dropped = int(bad.sum())
        if dropped == len(t):
            raise NonFiniteError(f"all {len(t)} rows contain NaN/Inf: nothing is left to measure")
        return _Rest(self.estimator.prepare(t[~bad] if dropped else t), ~bad, dropped)

    def with_input(self, prepared: _Rest, x: Variable) -> Information:
        return prepared.flagged(self.estimator.with_input(prepared.inner, prepared.of(x)))

    def with_label(self, prepared: _Rest, y: Variable) -> Information:
        left = prepared.of(y)
        if left.ids is not None and left.ids.count == 1:  # about a constant
            return prepared.flagged(Information(0.0, left.n, "empirical"))
        return prepared.flagged(self.estimator.with_label(prepared.inner, left))


@final
@dataclass(frozen=True)
class _Rest:
    """What the estimator inside prepared of the finite samples, ``keep`` (samples,) bool."""

    inner: Any
    keep: Tensor
    dropped: int

    def of(self, variable: Variable) -> Variable:
        return variable.take(self.keep) if self.dropped else variable

    def flagged(self, information: Information) -> Information:
        if not self.dropped:
            return information
        facts = {**information.facts, "dropped_rows": self.dropped}
        return replace(information, flags=(*information.flags, NONFINITE), facts=facts)
