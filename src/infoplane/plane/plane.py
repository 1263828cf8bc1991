"""The one place where recorded layers meet estimators: activations of a network or a family -> rows of a trajectory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import check_units, estimator
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.naming import described
from infoplane.family import Family
from infoplane.family.members import need_own_parameters
from infoplane.plane.gather import Gathered, InPieces, Whole
from infoplane.plane.measure import estimate_layers
from infoplane.plane.passes import Model, Show, show
from infoplane.plane.plan import Plan, plan
from infoplane.plane.question import WHOLE, Moment, Question
from infoplane.plane.schedule import Every, Pace
from infoplane.plane.splits import Asked, Split, by_split
from infoplane.recording.evaluation import is_sharded
from infoplane.recording.outputs import Part
from infoplane.recording.placement import DEFAULT_BATCH
from infoplane.recording.pooling import Pool, check_pool
from infoplane.recording.record import check_batch_size
from infoplane.recording.stillness import Stillness
from infoplane.trajectory.trajectory import Trajectory
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
    ``given`` names a label set: beside all samples, those of each of its values are measured, with the label
    ``digit=3`` for I(X;T|digit=3), and ``other|digit=3`` for the information about another label set.

    ``x`` may be a tuple or a table of several inputs, ``model(*x)`` or ``model(**x)``. ``pool`` makes rows of
    convolutions and sequences: ``"flatten"``, ``"channel"`` (each a layer of its own, ``conv[3]``), ``"mean"``,
    ``"pooled"``, ``"last"``, ``"token"`` (each token a sample; labels (samples,) or (samples, tokens)), a function, or
    a table of these by glob. ``select``: which part of an output, as in ``ip.record``.

    Activations are read inside the hooks and not kept, ``batch_size`` samples at a time (None: 4096, or fewer where
    layers are large). Estimators that need them whole may take ``max_activation_bytes``, and look at ``subsample``
    samples only (None: all).

    ``every`` and ``max_share`` leave steps out: all but the multiples of a number, or but about twenty a decade
    (``"log"``); and those that would take more than this share of the wall time since the first call, expecting each
    measurement to take as long as the last one. The first call always measures.

    Errors: ``InputError`` where x and y do not fit, x was changed in place later, or more activations would have to be
    kept than allowed, before they are; ``NonFiniteError`` naming layer, step and rows.

    >>> import infoplane as ip, torch
    >>> x, y = torch.randn(200, 4), torch.arange(200) % 2
    >>> plane = ip.InformationPlane(x, y)
    >>> rows = plane.measure(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Tanh()), step=0)
    >>> [row["layer"] for row in rows]
    ['0', '1']
    """

    def __init__(  # noqa: PLR0913 (public keywords)
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
        given: str | None = None,
        pool: Pool = "flatten",
        select: Part = None,
        batch_size: int | None = None,
        subsample: int | None = None,
        max_activation_bytes: float = 2e9,
        every: Every = 1,
        max_share: float | None = None,
    ) -> None:
        check_units(units)
        check_pool(pool)
        check_batch_size(batch_size)
        self.layers, self.units = layers, units
        self._pool, self._part, self._batch = pool, select, batch_size
        self._limit = max_activation_bytes
        self._few = _few(subsample, seed)
        self.estimators = _estimators(estimators)
        self.family = _families(family, self.estimators)
        self._pace = Pace(every, max_share)
        self._shuffles = shuffles
        self._splits: list[Split] = []
        asked = Asked(shuffles, seed, subsample, given, tokens=pool == "token")
        for name, x_here, y_here, groups_here in by_split(x, y, groups):
            blank = Question(self.estimators, Variable(None), {}, units, split=name)
            try:
                self._splits.append(Split(x_here, y_here, blank, groups=groups_here, asked=asked))
            except InputError as error:
                if y is not None:
                    raise
                raise InputError(f"split {name!r}: {error}") from error
        self._stillness = Stillness()
        self._plans: dict[tuple[bool, int], Plan] = {}
        self._ways: dict[tuple[bool, int, str], tuple[int, bool]] = {}
        self._nulls: dict[tuple[Any, ...], tuple[float | None, float | None]] = {}
        self.trajectory = Trajectory(meta=self._facts())

    @property
    def measuring_seconds(self) -> float:
        """Seconds that the measurements in ``trajectory`` took together."""
        return self._pace.seconds

    def measure(self, model: Model, step: int, *, force: bool = False) -> list[dict[str, Any]]:
        """Rows for every layer of ``model`` at ``step``, which are also added to ``trajectory``.

        ``model``: any module, a ``Family``, or a list of modules with the same layers. No rows where ``every`` or
        ``max_share`` leave this step out, unless ``force`` is set.
        """
        if self._pace.budget.max_share is not None and isinstance(model, nn.Module) and is_sharded(model):
            raise InputError(
                "max_share asks each process for its own clock, and a network of fully_shard needs all processes at "
                "the same steps: give every=... instead"
            )
        if not self._pace.is_due(step) and not force:
            return []
        before = self._pace.clock()
        rows = self._rows(model, step)
        if not isinstance(model, Family):
            self._stillness.look([model] if isinstance(model, nn.Module) else model, step)
        for row in rows if self._nulls else ():
            row["i_xt_null"], row["i_ty_null"] = self._nulls.get(_kind(row), (None, None))
        self.trajectory.extend(rows)
        self._pace.took(self._pace.clock() - before)
        return rows

    def take_as_null(self, model: Model) -> None:
        """Let a network with the same layers, for example an untrained one, be the null of all measurements to come.

        Its I(X;T) and I(T;Y) then stand in the columns ``i_xt_null`` and ``i_ty_null``: what the architecture and the
        estimator show without any learning. Errors: ``InputError`` where shuffles are the null already.
        """
        if self._shuffles:
            raise InputError("shuffled samples are the null of this plane already: leave shuffles=0 to take a network")
        self._nulls = {_kind(row): (row["i_xt"], row["i_ty"]) for row in self._rows(model, -1)}

    def random_state(self) -> dict[str, Tensor]:
        """Where the streams stand that draw a copy for every sample, by split: part of a checkpoint."""
        return {split.name: split.stream.get_state() for split in self._splits}

    def load_random_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on drawing from where ``state`` stood."""
        for split in self._splits:
            split.stream.set_state(state[split.name].clone())

    def _rows(self, model: Model, step: int) -> list[dict[str, Any]]:
        copies = _copies(model)
        if copies > 1:
            self.trajectory.meta["log2_j"] = math.log2(copies)
        kinds = self.family if copies > 1 else ("single",)
        rows = []
        for split in self._splits:
            split.check_unchanged(step)
            draws = split.draws(copies) if "sampled" in kinds else None
            drawn = kinds == ("sampled",) and isinstance(model, Family)
            gathered = self._gathered(model, split, draws if drawn else None)
            if drawn and draws is not None:
                draws = torch.zeros_like(draws)  # one "copy": the drawn rows
            moment = Moment(step, tuple(kinds), draws)
            device = gathered.decision.codes.device
            found, shares = estimate_layers(gathered, split.question_on(device), moment)
            rows += found
            for keep, question in split.conditions_on(device):
                there = moment if draws is None else Moment(step, tuple(kinds), draws[keep])
                rows += estimate_layers(gathered.take(keep), question, there)[0]
            if shares:
                self.trajectory.meta["all_differ"] = shares  # of the newest measurement
        return rows

    def _gathered(self, model: Model, split: Split, draws: Tensor | None) -> Gathered:
        """Everything that the estimators need of all layers, read batch by batch."""
        inputs = split.inputs_for(model) if isinstance(model, Family) else split.inputs
        batch, at_once = self._way(model, split)
        base = (inputs, self._pool, split.mask, split.n)
        what = Show(self.layers, self._part, batch, lend=True, draws=draws)
        if at_once:
            lasting = len(inputs) <= batch and (isinstance(model, Family) or not isinstance(model, nn.Module))
            whole = Whole(base, self.estimators, split.rows, lasting=lasting)
            show(model, inputs, what, whole.take)
            return whole.gathered()
        pieces = InPieces(base, self.estimators, split.rows)
        if pieces.passes == 2:
            show(model, inputs, what, pieces.take)
            pieces.turn()
        show(model, inputs, what, pieces.take)
        return pieces.gathered()

    def _way(self, model: Model, split: Split) -> tuple[int, bool]:
        """How such a model is read, the same at every step: how many samples at a time, and whether to keep all."""
        kind = (isinstance(model, Family), _copies(model))
        if (*kind, split.name) not in self._ways:
            if kind not in self._plans:
                largest = max(self._splits, key=lambda each: len(each.inputs))
                inputs = largest.inputs_for(model) if isinstance(model, Family) else largest.inputs
                what = Show(self.layers, self._part, self._batch or 0)
                self._plans[kind] = plan(model, inputs, what, self._pool, limit=self._limit, copies=kind[1])
                self.trajectory.meta["recording_batch"] = self._plans[kind].batch
            made, samples = self._plans[kind], len(split.inputs)
            few = split.n if split.rows is None else len(split.rows)
            made.check(samples, (split.n, few), self.estimators, self._limit)
            self._ways[*kind, split.name] = made.batch, made.is_whole(samples, self.estimators, self._limit)
        return self._ways[*kind, split.name]

    def _facts(self) -> dict[str, Any]:
        """What is true of all rows, and of the first split, for the trajectory's ``meta``."""
        facts = {
            "measurement": "; ".join(made.measurement for made in self.estimators),
            "estimators": described(self.estimators),
            "units": self.units,
            "recording_batch": self._batch or DEFAULT_BATCH,
            **self._few,
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


def _copies(model: Model) -> int:
    if isinstance(model, Family):
        return model.copies
    if isinstance(model, nn.Module):
        return 1
    if isinstance(model, Sequence) and len(model) and all(isinstance(member, nn.Module) for member in model):
        need_own_parameters(model)
        return len(model)
    raise InputError(f"model is {type(model).__name__}: measure a torch.nn.Module, an ip.Family or a list of modules")


def _few(subsample: int | None, seed: int) -> dict[str, Any]:
    """What ``meta`` says about the samples that estimators see which need activations."""
    if subsample is None:
        return {}
    if isinstance(subsample, bool) or not isinstance(subsample, int) or subsample < 2:
        raise InputError(f"subsample is {subsample!r}: give a number of samples from 2 up, or None for all")
    return {"subsample": {"samples": subsample, "seed": seed}}
