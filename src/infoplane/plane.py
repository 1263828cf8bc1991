"""The one place where recorded layers meet estimators: activations of a network or a family -> rows of a trajectory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from infoplane.budget import Every, Pace
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import as_activations, check_units, estimator
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.samples import (
    Variable,
)
from infoplane.measuring import (
    WHOLE,
    Moment,
    Question,
    estimate_layers,
)
from infoplane.networks import Family
from infoplane.recording import record
from infoplane.splits import Split, by_split
from infoplane.trajectory import Trajectory
from infoplane.types import FAMILIES, Units

Layers = Any  #: None, a name, a glob, a module, or a list of these (see ``infoplane.record``)


@final
class InformationPlane:
    """Measures every layer of a network, or of a family of copies, on fixed samples, step after step.

    ``x`` (samples, ...) and ``y`` (samples,) are what is measured on: labels as ``ip.mutual_information`` takes them,
    or a table of label sets ``{"digit": ..., "parity": ...}``. Several splits are one table
    ``{"train": (x, y), "test": (x, y)}`` in the place of ``x``: rows of each, named in the column ``split``. ``layers``
    as in ``ip.record``. ``estimators``: a name, a table with options, an instance, or a list of these. ``family`` says
    how copies become one number, one name or several: ``exact`` (default where symbols are counted), ``sampled`` (the
    report's), ``per-copy`` (default elsewhere), ``single`` (one row a copy); a lone network is always ``single``.
    Measuring never changes the network, its mode or any random state but the plane's own (``seed``). ``shuffles``: each
    number also on that many random orders of inputs and labels, in the columns ``i_xt_null`` and ``i_ty_null`` (their
    means); ``groups`` (samples,), a table of these for several splits, names samples that are shuffled as wholes.

    ``every`` and ``max_share`` leave steps out: all but the multiples of a number, or but about twenty a decade
    (``"log"``); and those that would take more than this share of the wall time since the first call, expecting each
    measurement to take as long as the last one. The first call always measures.

    Errors: ``InputError`` where x and y do not fit, or x was changed in place later; ``NonFiniteError`` naming layer,
    step and rows.

    >>> import infoplane as ip, torch
    >>> x, y = torch.randn(200, 4), torch.arange(200) % 2
    >>> plane = ip.InformationPlane(x, y)
    >>> rows = plane.measure(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Tanh()), step=0)
    >>> [row["layer"] for row in rows]
    ['0', '1']
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        layers: Layers = None,
        estimators: Any = "binned",
        family: str | Sequence[str] | None = None,
        units: Units = "bits",
        shuffles: int = 0,
        groups: Any = None,
        seed: int = 0,
        every: Every = 1,
        max_share: float | None = None,
    ) -> None:
        check_units(units)
        self.layers, self.units = layers, units
        self.estimators = _estimators(estimators)
        self.family = _families(family, self.estimators)
        self._pace = Pace(every, max_share)
        self._shuffles = shuffles
        self._splits: list[Split] = []
        for name, x_here, y_here, groups_here in by_split(x, y, groups):
            blank = Question(self.estimators, Variable(None), {}, units, split=name)
            try:
                self._splits.append(Split(x_here, y_here, blank, shuffles=shuffles, groups=groups_here, seed=seed))
            except InputError as error:
                if not isinstance(x, Mapping):
                    raise
                raise InputError(f"split {name!r}: {error}") from error
        self._nulls: dict[tuple[Any, ...], tuple[float | None, float | None]] = {}
        self.trajectory = Trajectory(meta=self._facts())

    @property
    def measuring_seconds(self) -> float:
        """Seconds that the measurements in ``trajectory`` took together."""
        return self._pace.seconds

    def measure(
        self, model: nn.Module | Family | Sequence[nn.Module], step: int, *, force: bool = False
    ) -> list[dict[str, Any]]:
        """Rows for every layer of ``model`` at ``step``, which are also added to ``trajectory``.

        ``model``: any module, a ``Family``, or a list of modules with the same layers. No rows where ``every`` or
        ``max_share`` leave this step out, unless ``force`` is set.
        """
        if not self._pace.is_due(step) and not force:
            return []
        before = self._pace.clock()
        rows = self._rows(model, step)
        for row in rows if self._nulls else ():
            row["i_xt_null"], row["i_ty_null"] = self._nulls.get(_kind(row), (None, None))
        self.trajectory.extend(rows)
        self._pace.took(self._pace.clock() - before)
        return rows

    def take_as_null(self, model: nn.Module | Family | Sequence[nn.Module]) -> None:
        """Let a network with the same layers, for example an untrained one, be the null of all measurements to come.

        Its I(X;T) and I(T;Y) then stand in the columns ``i_xt_null`` and ``i_ty_null``: what the architecture and the
        estimator show without any learning. Errors: ``InputError`` where shuffles are the null already.
        """
        if self._shuffles:
            raise InputError("shuffled samples are the null of this plane already: leave shuffles=0 to take a network")
        self._nulls = {_kind(row): (row["i_xt"], row["i_ty"]) for row in self._rows(model, -1)}

    def _rows(self, model: nn.Module | Family | Sequence[nn.Module], step: int) -> list[dict[str, Any]]:
        copies = _copies(model)
        if copies > 1:
            self.trajectory.meta["log2_j"] = math.log2(copies)
        kinds = self.family if copies > 1 else ("single",)
        rows = []
        for split in self._splits:
            split.check_unchanged(step)
            draws = split.draws(copies) if "sampled" in kinds else None
            if kinds == ("sampled",) and draws is not None and isinstance(model, Family):
                drawn = model.sampled_activations(split.inputs_for(model), self.layers, draws)
                activations = {name: as_activations(t)[None] for name, t in drawn.items()}
                draws = torch.zeros_like(draws)  # one "copy": the drawn rows
            else:
                activations = self._activations(model, split)
            question = split.question_on(next(iter(activations.values())).device)
            found, shares = estimate_layers(activations, question, Moment(step, tuple(kinds), draws))
            rows += found
            if shares:
                self.trajectory.meta["all_differ"] = shares  # of the newest measurement
        return rows

    def _activations(self, model: nn.Module | Family | Sequence[nn.Module], split: Split) -> dict[str, Tensor]:
        """Layer -> (members, samples, units)."""
        if isinstance(model, Family):
            recorded = model.activations(split.inputs_for(model), self.layers, lend=True)
            return {name: _countable(_as_members(t)) for name, t in recorded.items()}
        if isinstance(model, nn.Module):
            recorded = record(model, split.x, self.layers)
            return {name: _countable(as_activations(t)[None]) for name, t in recorded.items()}
        each = [record(member, split.x, self.layers) for member in model]
        return {name: _countable(torch.stack([as_activations(one[name]) for one in each])) for name in each[0]}

    def _facts(self) -> dict[str, Any]:
        """What is true of all rows, and of the first split, for the trajectory's ``meta``."""
        facts = {
            "measurement": "; ".join(made.measurement for made in self.estimators),
            "units": self.units,
            **self._splits[0].facts,
        }
        each = {split.name: split.facts for split in self._splits}
        return facts if list(each) == [WHOLE] else facts | {"splits": each}


def _kind(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must agree for one row to be the null of another."""
    return tuple(row[name] for name in ("split", "layer", "copy", "family", "estimator", "label"))


def _estimators(given: Any) -> tuple[Estimator, ...]:
    several = given if isinstance(given, (list, tuple)) else [given]
    if not several:
        raise InputError("estimators is empty: name at least one, for example estimators='binned'")
    return tuple(estimator(one) for one in several)


def _families(given: str | Iterable[str] | None, estimators: Sequence[Estimator]) -> tuple[str, ...]:
    if given is None:
        return ("exact",) if all(isinstance(made, SymbolEstimator) for made in estimators) else ("per-copy",)
    kinds = (given,) if isinstance(given, str) else tuple(given)
    for kind in kinds:
        if kind not in FAMILIES:
            raise UnknownNameError("family", kind, FAMILIES)
        if kind in ("exact", "sampled"):
            for made in estimators:
                if not isinstance(made, SymbolEstimator):
                    raise InputError(
                        f"the estimator {made.name!r} counts no symbols, so family={kind!r} is not defined for it: use "
                        "family='per-copy' or 'single'"
                    )
    if not kinds:
        raise InputError("family is empty: name at least one of exact, sampled, per-copy, single")
    return kinds


def _copies(model: nn.Module | Family | Sequence[nn.Module]) -> int:
    if isinstance(model, Family):
        return model.copies
    if isinstance(model, nn.Module):
        return 1
    if isinstance(model, Sequence) and len(model) and all(isinstance(member, nn.Module) for member in model):
        return len(model)
    raise InputError(f"model is {type(model).__name__}: measure a torch.nn.Module, an ip.Family or a list of modules")


def _as_members(t: Tensor) -> Tensor:
    """(members, samples, ...) -> (members, samples, units) float32 or float64, in the memory it has if it can."""
    if t.ndim == 3 and t.dtype in (torch.float32, torch.float64):
        return t.detach()
    members, samples = t.shape[:2]
    return as_activations(t.reshape(members * samples, -1)).view(members, samples, -1)


def _countable(t: Tensor) -> Tensor:
    """Activations where entropies can be computed: Apple's devices have no float64, so theirs come to main memory."""
    return t.cpu() if t.device.type == "mps" else t
