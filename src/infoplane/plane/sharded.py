"""One measurement spread over processes: each records its own samples, and only codes are gathered, 8 bytes a layer.

Every process makes codes with the same bins and the same weights of the hash: where a rule looks at the range of the
values, the processes agree on it first, in one more pass. Process 0 counts, and gets the numbers that one process with
all samples would get, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, final

import torch
import torch.distributed as dist
from torch import Tensor, nn

from infoplane.checks import step_number
from infoplane.errors import InputError
from infoplane.estimators import check_units
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import SymbolEstimator
from infoplane.estimators.counting.pieces import CodePieces
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    ids_of_codes,
    input_codes,
    label_ids,
)
from infoplane.estimators.counting.symbols import Symbols
from infoplane.plane.gather import Gathered, InPieces, pieces_of
from infoplane.plane.measure import Snapshot, answers_to
from infoplane.plane.options import chosen_estimators
from infoplane.plane.passes import Key, Pass, read
from infoplane.plane.question import Moment, Question
from infoplane.plane.rows import RowFrame, rows_of
from infoplane.plane.splits import known_facts
from infoplane.recording.inputs import Inputs
from infoplane.recording.placement import DEFAULT_BATCH
from infoplane.trajectory.trajectory import Trajectory
from infoplane.types import Units

_BATCHES = 16  # recorded at a time


@final
class ShardedPlane:
    """An information plane of more samples than one process records: each process has its own part of them.

    ``x`` (samples, ...) and ``y`` (samples,) whole numbers, or numbers that stand for classes, are this process's
    samples: ``x[part], y[part]`` with ``part = ShardedPlane.part(len(x))``. They may be memory-mapped; activations are
    never kept. ``estimators``: those that count symbols, with bins that do not depend on the order of the values;
    ``layers``, ``units`` and ``batch_size`` as in ``InformationPlane``. ``group``: processes of ``torch.distributed``
    that exchange tensors in main memory (backend gloo); without any, one process does it all. ``trajectory`` fills up
    in process 0.

    Memory: in every process 8 bytes a sample and layer; in process 0 the same for all samples, and as much again for
    x, y and the network's decision, with about 60 bytes a sample while it counts.

    Raises:
        InputError: samples that do not fit, or an estimator that needs activations.

    Example:
        >>> import infoplane as ip
        >>> data = ip.datasets.load("report-simple", samples=500)
        >>> part = ip.ShardedPlane.part(len(data.x))
        >>> plane = ip.ShardedPlane(data.x[part], data.y[part])
        >>> network = ip.networks.six_layer()
        >>> plane.measure(network, 0) == ip.InformationPlane(data.x, data.y).measure(network, 0)
        True
    """

    @shielded
    def __init__(
        self,
        x: Any,
        y: Any,
        *,
        layers: Any = None,
        estimators: Any = "binned",
        units: Units = "bits",
        batch_size: int | None = None,
        group: dist.ProcessGroup | None = None,
    ) -> None:
        check_units(units)
        self._x, self._layers, self._batch = x, layers, batch_size or DEFAULT_BATCH
        self.estimators = _counting(estimators, len(x))
        self._ranks = _Ranks.of(group, len(x), len(y))
        codes = self._ranks.joined(torch.cat([input_codes(rows) for rows in _some(x, self._batch)])[None])
        labels = self._ranks.joined(_numbers(y)[None])
        measurement = "; ".join(estimator.measurement for estimator in self.estimators)
        self.trajectory = Trajectory(meta={"measurement": measurement, "units": units})
        self._question: Question | None = None
        if self._ranks.rank == 0:
            y_ids = label_ids(labels[0].numpy())
            check_classes(y_ids)
            self._question = Question(self.estimators, Variable(ids_of_codes(codes[0])), {"y": Variable(y_ids)}, units)
            self.trajectory.meta.update(known_facts(self._question))

    @staticmethod
    def part(n: int, *, batch_size: int | None = None, group: dist.ProcessGroup | None = None) -> slice:
        """Which of ``n`` samples this process should take: whole batches, so that they are those of one process."""
        rank, size = _place_of(group)
        batch = batch_size or DEFAULT_BATCH
        each = -(-n // batch)  # batches in all
        return slice(min(rank * each // size * batch, n), min((rank + 1) * each // size * batch, n))

    def measure(self, model: nn.Module, step: int) -> list[dict[str, Any]]:
        """Rows for every layer at ``step`` in process 0, none in the others; all of them have to call it.

        ``model`` has the same weights in every process.
        """
        step = step_number(step)
        gathered = self._joined(*self._gathered(model))
        if self._question is None:
            return []
        answers = answers_to(self._question, [Snapshot(gathered, Moment(step, ("single",)))])
        columns = RowFrame.of(self._question, gathered.layers, answers[0]).filled(answers, [step], gathered.half)
        self.trajectory.extend_columns(columns)
        return rows_of(columns)

    def _gathered(self, model: nn.Module) -> tuple[Gathered, list[int]]:
        """This process's own samples; and how many units of each layer are constant in all processes."""
        collector, constant = InPieces(self.estimators, len(self._x), None), _ConstantUnits()
        last_pass = collector.passes == 1

        def take(key: Key, rows: Tensor, output: Tensor) -> None:
            rows = rows.cpu()
            collector.take(key, rows, output)
            if last_pass:
                constant.take(key, rows)

        for number in range(collector.passes):
            if number:
                collector.agree(self._ranks.widest)
                collector.turn()
                last_pass = True
            for samples in _some(self._x, self._batch):
                read(Pass(model, Inputs(samples), self._layers, batch=self._batch), take)
        return collector.gathered(), constant.counts(self._ranks)

    def _joined(self, mine: Gathered, constant: Sequence[int]) -> Gathered:
        """What all processes gathered, in process 0; in the others, their own."""
        prepared: dict[int, list[Symbols]] = {number: [] for number in mine.prepared}
        for units in constant:  # a layer at a time, to hold little twice
            for number, layers in mine.prepared.items():
                prepared[number].append(replace(self._ranks.joined_symbols(layers.pop(0)), constant=units))
        return replace(mine, prepared=prepared, decision=self._ranks.joined_symbols(mine.decision))


@final
class _ConstantUnits:
    """Which units of which layer are the same for all samples of this process."""

    def __init__(self) -> None:
        self._first: dict[Key, Tensor] = {}  # (units,)
        self._constant: dict[Key, Tensor] = {}  # (units,) bool

    def take(self, key: Key, rows: Tensor) -> None:
        """The next rows (1, samples, units)."""
        if key not in self._first:
            self._first[key] = rows[0, 0].clone()
            self._constant[key] = torch.ones(rows.shape[2], dtype=torch.bool)
        self._constant[key] &= (rows[0] == self._first[key]).all(0)

    def counts(self, ranks: _Ranks) -> list[int]:
        """How many are so, layer by layer, in all processes together."""
        counts = []
        for key, first in self._first.items():
            same = self._constant[key] & (first == ranks.of_first(first))
            counts.append(int(ranks.reduced(same.to(torch.uint8), "MIN").sum()))
        return counts


@final
@dataclass(frozen=True)
class _Ranks:
    """The processes, and how many samples each has."""

    group: dist.ProcessGroup | None
    rank: int
    counts: list[int]

    @classmethod
    def of(cls, group: dist.ProcessGroup | None, x: int, y: int) -> _Ranks:
        """All of them; each learns of a mistake in any of them, so that none waits for ever."""
        rank, size = _place_of(group)
        mine = torch.tensor([x, y])
        each = [torch.empty_like(mine) for _ in range(size)]
        if size > 1:
            dist.all_gather(each, mine, group=group)
        else:
            each = [mine]
        for number, (samples, labels) in enumerate(torch.stack(each).tolist()):
            if samples != labels or samples == 0:
                raise InputError(
                    f"process {number} has {samples} samples and {labels} labels: it needs as many, and at least one "
                    "batch (give a smaller batch_size, or take fewer processes)"
                )
        return cls(group, rank, [samples for samples, _ in torch.stack(each).tolist()])

    def reduced(self, t: Tensor, how: Literal["MIN", "MAX", "SUM"]) -> Tensor:
        """Number by number over all processes."""
        t = t.clone()
        if len(self.counts) > 1:
            dist.all_reduce(t, getattr(dist.ReduceOp, how), group=self.group)
        return t

    def of_first(self, t: Tensor) -> Tensor:
        """What process 0 has."""
        t = t.clone()
        if len(self.counts) > 1:
            dist.broadcast(t, self._global(0), group=self.group)
        return t

    def joined(self, t: Tensor) -> Tensor:
        """``t`` (1, samples) of all processes one after the other in process 0; in the others, their own."""
        if self.rank > 0:
            dist.send(t.contiguous(), self._global(0), group=self.group)
        if self.rank > 0 or len(self.counts) == 1:
            return t
        whole = t.new_empty(1, sum(self.counts))
        parts = whole.split(self.counts, 1)
        parts[0].copy_(t)
        for number, part in enumerate(parts[1:], 1):  # one row: every part is contiguous
            dist.recv(part, self._global(number), group=self.group)
        return whole

    def widest(self, ends: Tensor) -> Tensor:
        """The smallest and largest value of every unit (2, units) in all processes."""
        return torch.stack([self.reduced(ends[0], "MIN"), self.reduced(ends[1], "MAX")])

    def joined_symbols(self, mine: Symbols) -> Symbols:
        """The codes of all samples, in process 0."""
        outside = int(self.reduced(torch.tensor(int(mine.outside)), "SUM"))
        return replace(mine, codes=self.joined(mine.codes), bad=self.joined_flags(mine.bad), outside=outside)

    def joined_flags(self, flags: Tensor) -> Tensor:
        """As ``joined``; where none is set anywhere, nothing is sent."""
        if bool(self.reduced(flags.any().to(torch.uint8), "MAX")):
            return self.joined(flags.to(torch.uint8)).to(torch.bool)
        return flags.new_zeros(1, sum(self.counts) if self.rank == 0 else flags.shape[1])

    def _global(self, rank: int) -> int:
        return rank if self.group is None else dist.get_global_rank(self.group, rank)


def _place_of(group: dist.ProcessGroup | None) -> tuple[int, int]:
    """The number of this process, and how many there are."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(group), dist.get_world_size(group)


def _counting(asked: Any, samples: int) -> tuple[SymbolEstimator, ...]:
    """The estimators that can read a layer in pieces of every process.

    Raises:
        InputError: one that needs the activations of all samples in one place.
    """
    estimators = chosen_estimators(asked)
    for estimator in estimators:
        if not isinstance(pieces_of(estimator, samples), CodePieces):
            raise InputError(
                f"{estimator.name} ({estimator.measurement}) needs the activations of all samples in one place: "
                "choose binned with the rule report, fixed, layer, unit, width, distinct or sign"
            )
    return cast(tuple[SymbolEstimator, ...], estimators)


def _numbers(y: Any) -> Tensor:
    """Labels (samples,) float64, in which whole numbers are exact."""
    array = as_array(y)
    if array.dtype.kind not in "biuf" or array.size != len(array):
        raise InputError(
            f"y has shape {array.shape} and holds {array.dtype}: give a number for each sample, for example the class, "
            "y.argmax(1) of one-hot labels"
        )
    return torch.from_numpy(array.reshape(-1).astype("float64"))


def _some(x: Any, batch: int) -> Iterator[Any]:
    for start in range(0, len(x), _BATCHES * batch):
        rows = x[start : start + _BATCHES * batch]
        yield rows if isinstance(rows, Tensor) else as_array(rows)
