"""Mutual information as a metric of torchmetrics: batch by batch, process by process, one number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators import as_activations, check_units, estimator, mutual_information
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.labels import Missing
from infoplane.types import Units

try:
    from torchmetrics import Metric
    from torchmetrics.utilities import dim_zero_cat
except ImportError as error:
    raise InputError("this metric needs torchmetrics: pip install infoplane[metrics]") from error


@final
class MutualInformation(Metric):
    """I(T;Y) of everything that ``update`` was given, of all processes together: what ``ip.mutual_information`` says.

    ``estimator``: a name, a table with options such as ``{"name": "binned", "bins": 10}``, or an instance;
    ``continuous``, ``discrete``, ``y_bins``, ``missing`` and ``ignore_index`` as of ``ip.mutual_information``;
    ``kwargs`` as of every metric. ``update(t, y)`` takes activations or predictions (samples, ...) and labels.
    All are kept, since most bins depend on all of them; ``merge_state`` joins two metrics, ``reset`` begins anew.
    Calling the metric also estimates that batch alone, for which it needs two classes; ``update`` does not.

    Raises:
        InputError: from ``compute``, and whatever else ``ip.mutual_information`` raises.

    Example:
        >>> metric = MutualInformation({"name": "binned", "bins": "distinct"})
        >>> metric.update(torch.tensor([0, 0]), torch.tensor([1, 1]))
        >>> metric.update(torch.tensor([1, 1]), torch.tensor([0, 0]))
        >>> metric.compute()
        tensor(1.)
    """

    is_differentiable: bool | None = False
    higher_is_better: bool | None = True
    full_state_update: bool | None = False

    t: list[Tensor]
    y: list[Tensor]

    def __init__(
        self,
        estimator: Estimator | str | Mapping[str, Any] = "binned",
        *,
        units: Units = "bits",
        y_bins: int | None = None,
        continuous: str | Sequence[str] | None = None,
        discrete: str | Sequence[str] | None = None,
        missing: Missing = "error",
        ignore_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_units(units)
        self.estimator, self.units = _made(estimator), units
        self._labels: dict[str, Any] = {
            "y_bins": y_bins, "continuous": continuous, "discrete": discrete, "missing": missing,
            "ignore_index": ignore_index,
        }  # fmt: skip
        self.add_state("t", default=[], dist_reduce_fx="cat")
        self.add_state("y", default=[], dist_reduce_fx="cat")

    def update(self, t: Tensor, y: Tensor) -> None:
        """Take ``t`` (samples, ...) and ``y`` (samples,) in."""
        if len(t) != len(y):
            raise InputError(f"t has {len(t)} samples, y has {len(y)}: they must describe the same samples, row by row")
        self.t.append(as_activations(t))
        self.y.append(y.detach())

    def compute(self) -> Tensor:
        """The estimate in ``units``, ()."""
        if len(self.t) == 0:
            raise InputError("there is nothing to estimate: call update(t, y) first")
        estimate = mutual_information(
            dim_zero_cat(self.t), dim_zero_cat(self.y), estimator=self.estimator, units=self.units, **self._labels
        )
        return torch.tensor(estimate.value, device=self.device)

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """A value, or a list of them in the order of the steps: figure and axes; the computed one if None."""
        drawn: Any = self._plot(val, ax)
        figure, axes = drawn
        axes.set_ylabel(f"I(T;Y) [{self.units}, {self.estimator.measurement}]")
        return figure, axes


_made = estimator  # the argument of MutualInformation has the same name
