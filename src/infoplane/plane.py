"""The one place where recorded layers meet estimators: activations of a network or a family -> rows of a trajectory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import as_activations, check_units, estimator
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.doubt import group_members
from infoplane.estimators.samples import (
    as_array,
    check_classes,
    check_lengths,
    input_ids,
    input_variable,
    label_variable,
)
from infoplane.measuring import Moment, Question, Shuffles, as_members, estimate_layers
from infoplane.networks import Family
from infoplane.recording import record
from infoplane.trajectory import Trajectory
from infoplane.types import FAMILIES, NATS_PER, Units, checksum

Layers = Any  #: None, a name, a glob, a module, or a list of these (see ``infoplane.record``)


@final
class InformationPlane:
    """Measures every layer of a network, or of a family of copies, on fixed samples, step after step.

    ``x`` (samples, ...) and ``y`` (samples,) are what is measured on: labels as ``ip.mutual_information`` takes them,
    or a table of label sets ``{"digit": ..., "parity": ...}``. ``layers`` as in ``ip.record``. ``estimators``: a
    name, a table with options, an instance, or a list of these. ``family`` says how copies become one number, one
    name or several: ``exact`` (default where symbols are counted), ``sampled`` (the report's), ``per-copy`` (default
    elsewhere), ``single`` (one row a copy); a lone network is always ``single``. Measuring never changes the network,
    its mode or any random state but the plane's own (``seed``). ``shuffles``: each number also on that many random
    orders of inputs and labels, in the columns ``i_xt_null`` and ``i_ty_null`` (their means); ``groups`` (samples,)
    names samples that are shuffled as wholes.

    Errors: ``InputError`` where x and y do not fit; ``NonFiniteError`` naming layer, step and rows.

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
        y: Any,
        *,
        layers: Layers = None,
        estimators: Any = "binned",
        family: str | Sequence[str] | None = None,
        units: Units = "bits",
        shuffles: int = 0,
        groups: Any = None,
        seed: int = 0,
    ) -> None:
        check_units(units)
        self.layers, self.units = layers, units
        self.estimators = _estimators(estimators)
        self.family = _families(family, self.estimators)
        self.x = x if isinstance(x, Tensor) else torch.from_numpy(np.ascontiguousarray(as_array(x)))
        labels = y if isinstance(y, Mapping) else {"y": y}
        check_lengths(x=len(self.x), **{name: len(as_array(values)) for name, values in labels.items()})
        continuous = all(made.continuous for made in self.estimators)
        variables = {name: label_variable(values, continuous=continuous) for name, values in labels.items()}
        for name, label in variables.items():
            if label.ids is not None:
                check_classes(label.ids, name)
        shuffled = Shuffles(shuffles, group_members(groups, len(self.x)), seed) if shuffles else None
        self._question = Question(self.estimators, input_variable(x), variables, units, shuffled)
        self._device = torch.device("cpu")
        self._nulls: dict[tuple[Any, ...], tuple[float | None, float | None]] = {}
        self._draws = torch.Generator().manual_seed(seed)
        self._moved: dict[tuple[torch.device, torch.dtype], Tensor] = {}
        self.trajectory = Trajectory(meta=self._facts(labels))

    def measure(self, model: nn.Module | Family | Sequence[nn.Module], step: int) -> list[dict[str, Any]]:
        """Rows for every layer of ``model`` at ``step``, which are also added to ``trajectory``.

        ``model``: any module, a ``Family``, or a list of modules with the same layers.
        """
        rows = self._rows(model, step)
        for row in rows if self._nulls else ():
            row["i_xt_null"], row["i_ty_null"] = self._nulls.get(_kind(row), (None, None))
        self.trajectory.extend(rows)
        return rows

    def take_as_null(self, model: nn.Module | Family | Sequence[nn.Module]) -> None:
        """Let a network with the same layers, for example an untrained one, be the null of all measurements to come.

        Its I(X;T) and I(T;Y) then stand in the columns ``i_xt_null`` and ``i_ty_null``: what the architecture and the
        estimator show without any learning. Errors: ``InputError`` where shuffles are the null already.
        """
        if self._question.shuffles is not None:
            raise InputError("shuffled samples are the null of this plane already: leave shuffles=0 to take a network")
        self._nulls = {_kind(row): (row["i_xt"], row["i_ty"]) for row in self._rows(model, -1)}

    def _rows(self, model: nn.Module | Family | Sequence[nn.Module], step: int) -> list[dict[str, Any]]:
        copies = _copies(model)
        kinds = self.family if copies > 1 else ("single",)
        draws = torch.randint(copies, (len(self.x),), generator=self._draws) if "sampled" in kinds else None
        if copies > 1:
            self.trajectory.meta["log2_j"] = math.log2(copies)
        if kinds == ("sampled",) and draws is not None and isinstance(model, Family):
            drawn = model.sampled_activations(self._inputs_for(model), self.layers, draws)
            activations = {name: as_activations(t)[None] for name, t in drawn.items()}
            return self._estimate(activations, kinds, torch.zeros_like(draws), step)  # one "copy": the drawn rows
        return self._estimate(self._activations(model), kinds, draws, step)

    def _estimate(
        self, activations: Mapping[str, Tensor], kinds: Sequence[str], draws: Tensor | None, step: int
    ) -> list[dict[str, Any]]:
        device = next(iter(activations.values())).device
        if device != self._device:  # data follows the network, once
            self._device, self._question = device, self._question.to(device)
        return estimate_layers(activations, self._question, Moment(step, tuple(kinds), draws))

    def _activations(self, model: nn.Module | Family | Sequence[nn.Module]) -> dict[str, Tensor]:
        """Layer -> (members, samples, units)."""
        if isinstance(model, Family):
            recorded = model.activations(self._inputs_for(model), self.layers, lend=True)
            return {name: as_members(t) for name, t in recorded.items()}
        if isinstance(model, nn.Module):
            return {name: as_activations(t)[None] for name, t in record(model, self.x, self.layers).items()}
        each = [record(member, self.x, self.layers) for member in model]
        return {name: torch.stack([as_activations(one[name]) for one in each]) for name in each[0]}

    def _inputs_for(self, family: Family) -> Tensor:
        """x where the family is, in the type that it computes with; moved once."""
        place = (family.device, family.dtype)
        if place not in self._moved:
            self._moved[place] = family.inputs(self.x)
        return self._moved[place]

    def _facts(self, labels: Mapping[str, Any]) -> dict[str, Any]:
        """What is true of all rows, for the trajectory's ``meta``."""
        scale = NATS_PER[self.units]
        x, y = self._question.x.classes(), next(iter(self._question.labels.values())).ids
        known: dict[str, float] = {}
        if y is not None:
            joint = input_ids(torch.stack([x.ids, y.ids], dim=1))
            known = {"h_y": y.entropy() / scale, "i_xy": (x.entropy() + y.entropy() - joint.entropy()) / scale}
        return {
            "measurement": "; ".join(made.measurement for made in self.estimators),
            "units": self.units,
            "n": len(self.x),
            "log2_n": math.log2(len(self.x)),
            "h_x": x.entropy() / scale,
            **known,
            "data_checksum": checksum(as_array(self.x), *(as_array(values) for values in labels.values())),
        }


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
