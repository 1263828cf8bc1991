"""Layers shown batch by batch -> what the estimators need of them: codes and the like, and activations where they must.

There are two ways, with the same result. ``Whole`` keeps all activations and prepares them at once: faster for small
layers. ``InPieces`` reads every batch inside the hook and lets it go.
"""

from __future__ import annotations

import abc
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from infoplane.errors import RecordingError
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.consistency import decision_symbols
from infoplane.estimators.counting.pieces import Pieces, Rows, RowWise
from infoplane.estimators.counting.symbols import Symbols
from infoplane.recording.inputs import Inputs
from infoplane.recording.pooling import Pool, pooled
from infoplane.recording.record import mask_of

_FULL = (torch.float32, torch.float64)

Key = tuple[str, int, str]  # a layer's name, the number of its call, and what pooling adds to the name


@dataclass(frozen=True)
class Gathered:
    """What is known of all layers once they were shown.

    ``prepared`` holds for some estimators, by their number, what they made of every layer: Symbols, or a list with one
    entry a member. The others work on ``kept``, the activations (members, rows, units) by layer, of the samples in
    ``rows`` (None: of all). ``decision`` is the arg-max of the last layer; ``half``, the layers of half precision.
    """

    layers: tuple[str, ...]
    prepared: Mapping[int, list[Any]]
    kept: Mapping[str, Tensor]
    decision: Symbols
    rows: Tensor | None = None
    half: frozenset[str] = frozenset()

    def take(self, keep: Tensor) -> Gathered:
        """Of some samples: ``keep`` (samples,) bool."""
        prepared = {
            number: [
                each.take(keep) if isinstance(each, Symbols) else [one.take(keep) for one in each] for each in layers
            ]
            for number, layers in self.prepared.items()
        }
        inside = keep if self.rows is None else keep[self.rows]
        places = keep.cumsum(0) - 1  # of the samples that stay
        return replace(
            self,
            prepared=prepared,
            kept={layer: t[:, inside.to(t.device)] for layer, t in self.kept.items()},
            decision=self.decision.take(keep),
            rows=None if self.rows is None else places[self.rows[inside]],
        )


class Collector(abc.ABC):
    """Takes the outputs of layers as rows of units."""

    def __init__(self, inputs: Inputs, pool: Pool, tokens: Tensor | None, samples: int) -> None:
        self._inputs, self._pool, self._tokens = inputs, pool, tokens
        self._plain = pool == "flatten" and tokens is None
        self.samples = samples
        self.half: set[Key] = set()
        self._units: dict[Key, int] = {}

    @abc.abstractmethod
    def add(self, key: Key, t: Tensor, *, fresh: bool) -> None:
        """The next rows (members, samples, units) of one layer; ``fresh``: nothing else uses their memory."""

    @abc.abstractmethod
    def gathered(self) -> Gathered:
        """What came together."""

    def check_units(self, key: Key, t: Tensor) -> None:
        """An error where a layer has another width than in the batches before."""
        units = self._units.setdefault(key, t.shape[2])
        if units != t.shape[2]:
            raise RecordingError(
                f"layer {key[0]!r} puts out {units} units a sample in one batch and {t.shape[2]} in another: pool "
                "sequences of differing length, pool='mean' or 'last'"
            )

    def take(self, start: int, name: str, number: int, t: Tensor, lengths: Tensor | None) -> None:
        """The next output of a layer, (members, samples, ...)."""
        if self._plain and t.ndim == 3 and t.dtype in _FULL:
            self.add((name, number, ""), _countable(t), fresh=False)
            return
        mask = None if self._tokens is None else self._tokens[start : start + t.shape[1]]
        if mask is None:
            mask = mask_of(self._inputs, t[0], lengths, start)
        for end, rows in pooled(name, t, self._pool, mask):
            if t.dtype not in _FULL and t.is_floating_point():
                self.half.add((name, number, end))
            self.add((name, number, end), _countable(rows), fresh=rows.data_ptr() != t.data_ptr())


@final
class Whole(Collector):
    """Keeps everything; ``lasting``: outputs stay as they are until they were prepared."""

    def __init__(self, base: Any, estimators: Sequence[Estimator], rows: Tensor | None, *, lasting: bool) -> None:
        super().__init__(*base)
        self._estimators, self._rows, self._lasting = estimators, rows, lasting
        self._stores: dict[Key, Rows] = {}
        self._tensors: dict[Key, Tensor] = {}

    def add(self, key: Key, t: Tensor, *, fresh: bool) -> None:
        if t.shape[1] == self.samples:
            self._tensors[key] = t if fresh or self._lasting else t.clone()
            return
        self.check_units(key, t)
        if key not in self._stores:
            self._stores[key] = Rows(self.samples)
        self._stores[key].add(t)

    def gathered(self) -> Gathered:
        names = _names(self._stores or self._tensors)
        layers = [store.tensor() for key, store in self._stores.items()] or list(self._tensors.values())
        prepared: dict[int, list[Any]] = {
            number: made.layers(layers)
            for number, made in enumerate(self._estimators)
            if isinstance(made, SymbolEstimator)
        }
        kept = dict(zip(names.values(), layers, strict=True)) if len(prepared) < len(self._estimators) else {}
        if self._rows is not None:
            kept = {name: t[:, self._rows.to(t.device)] for name, t in kept.items()}
        half = frozenset(names[key] for key in self.half)
        return Gathered(tuple(names.values()), prepared, kept, decision_symbols(layers[-1]), self._rows, half)


@final
class InPieces(Collector):
    """Reads every batch at once and lets it go. Where ``passes`` is 2: show all, ``turn``, and show all again."""

    def __init__(self, base: Any, estimators: Sequence[Estimator], rows: Tensor | None) -> None:
        super().__init__(*base)
        self._estimators, self._rows = estimators, rows
        self._readers: dict[Key, _Reader] = {}
        self._first = True
        each = [pieces_of(made, self.samples) for made in estimators]
        self.passes = max((pieces.passes for pieces in each if pieces is not None), default=1)
        self._looking = self.passes == 2

    def turn(self) -> None:
        """The first of two passes is over."""
        self._looking = False

    def add(self, key: Key, t: Tensor, *, fresh: bool) -> None:
        self.check_units(key, t)
        if key not in self._readers:
            self._readers[key] = _Reader(self._estimators, self.samples, self._rows)
        if self._looking:
            self._readers[key].look(t)
        else:
            self._readers[key].take(t, decides=self._may_be_last(key))

    def _may_be_last(self, key: Key) -> bool:
        """Which layer is the last one is known once a layer is shown for the second time."""
        self._first = self._first and self._readers[key].seen == 0
        return self._first or key == next(reversed(self._readers))

    def gathered(self) -> Gathered:
        names = _names(self._readers)
        readers = list(self._readers.values())
        for key, reader in self._readers.items():
            reader.check(names[key])
        prepared = {}
        for number, made in enumerate(self._estimators):
            if isinstance(made, SymbolEstimator) or pieces_of(made, self.samples) is not None:
                prepared[number] = [reader.prepared(number) for reader in readers]
        kept = {names[key]: reader.few.tensor() for key, reader in self._readers.items() if reader.few}
        half = frozenset(names[key] for key in self.half)
        return Gathered(tuple(names.values()), prepared, kept, readers[-1].decision(), self._rows, half)


@final
class _Reader:
    """One layer in pieces: what each estimator keeps of it."""

    def __init__(self, estimators: Sequence[Estimator], samples: int, rows: Tensor | None) -> None:
        self._estimators, self._samples, self._rows = estimators, samples, rows
        self._pieces: dict[int, Pieces] = {}
        for number, made in enumerate(estimators):
            pieces = pieces_of(made, samples)
            if pieces is not None:
                self._pieces[number] = pieces
        left = [made for number, made in enumerate(estimators) if number not in self._pieces]
        counted = any(isinstance(made, SymbolEstimator) for made in left)
        others = any(not isinstance(made, SymbolEstimator) for made in left)
        self._all = Rows(samples) if counted or (others and rows is None) else None
        self.few: Rows | None = None
        if others:
            self.few = self._all if rows is None else Rows(len(rows))
        self._decisions = Rows(samples)
        self.seen = 0

    def look(self, t: Tensor) -> None:
        for pieces in self._pieces.values():
            if pieces.passes == 2:
                pieces.look(t)

    def take(self, t: Tensor, *, decides: bool) -> None:
        for pieces in self._pieces.values():
            pieces.take(t)
        if self._all is not None:
            self._all.add(t)
        if self.few is not None and self._rows is not None:
            inside = self._rows[(self._rows >= self.seen) & (self._rows < self.seen + t.shape[1])] - self.seen
            self.few.add(t[:, inside.to(t.device)])
        if decides:
            self._decisions.add(decision_symbols(t).codes)
        self.seen += t.shape[1]

    def check(self, name: str) -> None:
        if self.seen != self._samples:
            raise RecordingError(f"layer {name!r} gave {self.seen} rows in all, and {self._samples} are measured")

    def prepared(self, number: int) -> Any:
        if number in self._pieces:
            return self._pieces[number].prepared()
        made, store = self._estimators[number], self._all
        if store is None or not isinstance(made, SymbolEstimator):
            raise RecordingError(f"nothing was kept for the estimator {made.name!r}")
        return made.symbols(store.tensor())

    def decision(self) -> Symbols:
        codes = self._decisions.tensor()
        return Symbols(codes, torch.zeros_like(codes, dtype=torch.bool), 0, 0, 1)


def pieces_of(made: Estimator, samples: int) -> Pieces | None:
    """How an estimator reads one layer in pieces; None where it needs the layer whole."""
    return made.pieces(samples) if isinstance(made, RowWise) else None


def _names(keys: Mapping[Key, Any]) -> dict[Key, str]:
    """What the layers are called: those that ran several times have a number each."""
    often = {name for name, number, _ in keys if number > 0}
    names = {key: f"{key[0]}#{key[1]}{key[2]}" if key[0] in often else key[0] + key[2] for key in keys}
    if len(set(names.values())) < len(names):
        twice = [name for name, count in Counter(names.values()).items() if count > 1]
        raise RecordingError(f"two layers would be called {twice[0]!r}: select one of them")
    return names


def _countable(t: Tensor) -> Tensor:
    """Where entropies can be computed: Apple's devices have no float64, so their activations come to main memory."""
    return t.cpu() if t.device.type == "mps" else t
