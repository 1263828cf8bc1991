"""One measurement spread over processes: each records its own samples, and only codes are gathered, 8 bytes a layer.

Every process makes codes with the same bins and the same weights of the hash: where a rule looks at the range of the
values, the processes agree on it first, in one more pass. Process 0 counts, and gets the numbers that one process with
all samples would get, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, final

import torch
import torch.distributed as dist
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.estimators import as_activations, check_units, estimator
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.consistency import decision_symbols
from infoplane.estimators.counting.pieces import CodePieces, extremes, wider
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    ids_of_codes,
    input_codes,
    label_ids,
)
from infoplane.estimators.counting.symbols import Symbols
from infoplane.plane.gather import Gathered, pieces_of
from infoplane.plane.measure import Moment, Question, estimate_layers
from infoplane.plane.splits import known_facts
from infoplane.recording.placement import DEFAULT_BATCH
from infoplane.recording.record import record
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

    Errors: ``InputError`` where samples do not fit, or the estimator needs activations.

    >>> import infoplane as ip
    >>> data = ip.datasets.load("report-simple", samples=500)
    >>> part = ip.ShardedPlane.part(len(data.x))
    >>> plane = ip.ShardedPlane(data.x[part], data.y[part])
    >>> network = ip.networks.six_layer()
    >>> plane.measure(network, 0) == ip.InformationPlane(data.x, data.y).measure(network, 0)
    True
    """

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
        measurement = "; ".join(made.measurement for made in self.estimators)
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
        layers: dict[str, _Layer] = {}
        for look in (True, False) if self._two_passes() else (False,):
            for activations in self._recorded(model):
                for name, t in activations.items():
                    if name not in layers:
                        layers[name] = _Layer(self.estimators, len(self._x), self._ranks.of_first(t[0, 0]))
                    if look:
                        layers[name].look(t)
                    else:
                        layers[name].take(t, decides=name == list(activations)[-1])
            for layer in layers.values() if look else ():
                layer.agree(self._ranks)
        names = tuple(layers)
        decision = layers[names[-1]].decision(self._ranks)
        each = [layers.pop(name).joined(self._ranks) for name in names]  # a layer at a time, to hold little twice
        if self._question is None:
            return []
        prepared = {number: [symbols[number] for symbols in each] for number in range(len(self.estimators))}
        gathered = Gathered(names, prepared, {}, decision)
        rows, _ = estimate_layers(gathered, self._question, Moment(step, ("single",)))
        self.trajectory.extend(rows)
        return rows

    def _two_passes(self) -> bool:
        """Whether bins look at the range of the values first."""
        return any(_pieces_of(made, len(self._x)).passes == 2 for made in self.estimators)

    def _recorded(self, model: nn.Module) -> Iterator[Mapping[str, Tensor]]:
        """Layer -> (1, samples, units), some batches at a time."""
        for rows in _some(self._x, self._batch):
            recorded = record(model, rows, self._layers, self._batch)
            yield {name: as_activations(t).cpu()[None] for name, t in recorded.items()}


@final
class _Layer:
    """One layer of this process's samples: its codes for each estimator, its decision, and which units are constant."""

    def __init__(self, estimators: Sequence[SymbolEstimator], samples: int, first: Tensor) -> None:
        self._pieces = [_pieces_of(made, samples) for made in estimators]
        self._first = first  # (units,) of the first sample of all
        self._constant = torch.ones(len(first), dtype=torch.bool)
        self._ends: Tensor | None = None  # (2, units), the range of every unit
        self._decisions: list[Tensor] = []

    def look(self, t: Tensor) -> None:
        self._ends = wider(self._ends, extremes(t))

    def agree(self, ranks: _Ranks) -> None:
        """The range of the values in all processes, shown to the bins as if these were samples."""
        low, high = self._ends if self._ends is not None else torch.empty(2, 0)
        ends = torch.stack([ranks.reduced(low, "MIN"), ranks.reduced(high, "MAX")])
        for pieces in self._pieces:
            if pieces.passes == 2:
                pieces.look(ends[None])

    def take(self, t: Tensor, *, decides: bool) -> None:
        for pieces in self._pieces:
            pieces.take(t)
        self._constant &= (t[0] == self._first).all(0)
        if decides:
            self._decisions.append(decision_symbols(t).codes)

    def joined(self, ranks: _Ranks) -> list[Symbols]:
        """The codes of all samples for each estimator, in process 0."""
        constant = int(ranks.reduced(self._constant.to(torch.uint8), "MIN").sum())
        found = []
        for pieces in self._pieces:
            mine = pieces.prepared()
            outside = int(ranks.reduced(torch.tensor(int(mine.outside)), "SUM"))
            codes, bad = ranks.joined(mine.codes), ranks.joined_flags(mine.bad)
            found.append(replace(mine, codes=codes, bad=bad, outside=outside, constant=constant))
        return found

    def decision(self, ranks: _Ranks) -> Symbols:
        """What the network decides for all samples, in process 0."""
        codes = ranks.joined(torch.cat(self._decisions, 1))
        return Symbols(codes, torch.zeros_like(codes, dtype=torch.bool), 0, 0, 1)


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
        return cls(group, rank, [int(one[0]) for one in each])

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


def _counting(given: Any, samples: int) -> tuple[SymbolEstimator, ...]:
    found = tuple(estimator(one) for one in (given if isinstance(given, (list, tuple)) else [given]))
    for made in found:
        _pieces_of(made, samples)
    return found  # type: ignore[return-value]


def _pieces_of(made: Estimator, samples: int) -> CodePieces:
    pieces = pieces_of(made, samples)
    if not isinstance(pieces, CodePieces):
        raise InputError(
            f"{made.name} ({made.measurement}) needs the activations of all samples in one place: choose binned with "
            "the rule report, fixed, layer, unit, width, distinct or sign"
        )
    return pieces


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
