"""Rows of units, batch by batch -> what the estimators need of them: codes and the like, or activations.

There are two ways, with the same result. ``Whole`` keeps all activations and prepares them at once: faster for small
layers. ``InPieces`` reads every batch inside the hook and lets it go.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from infoplane.errors import RecordingError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.consistency import decision_symbols
from infoplane.estimators.counting.pieces import CodePieces, Pieces, Rows, RowWise
from infoplane.estimators.counting.symbols import Symbols
from infoplane.plane.passes import Key, names_of
from infoplane.recording.pooling import FULL
from infoplane.recording.select import UnreadableLayers


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
                each.take(keep) if isinstance(each, Symbols) else [member.take(keep) for member in each]
                for each in layers
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
    """Takes the rows of layers and keeps what the estimators need of them.

    ``samples`` rows come in all, of which those numbered in ``rows`` (None: all) are for estimators that need
    activations. In ``passes`` passes all of them come; ``turn`` is called between two.
    """

    passes: int = 1

    def __init__(self, estimators: Sequence[Estimator], samples: int, rows: Tensor | None) -> None:
        self.estimators, self.samples, self.rows = estimators, samples, rows
        self.half: set[Key] = set()
        self._units: dict[Key, int] = {}

    @abc.abstractmethod
    def add(self, key: Key, t: Tensor, *, fresh: bool) -> None:
        """The next rows (members, samples, units) of one layer; ``fresh``: nothing else uses their memory."""

    @abc.abstractmethod
    def turn(self) -> None:
        """One pass is over, and another one follows."""

    @abc.abstractmethod
    def gathered(self) -> Gathered:
        """What came together."""

    def check_units(self, key: Key, t: Tensor) -> None:
        """An error where a layer has no units, or another width than in the batches before."""
        if t.shape[2] == 0:
            raise UnreadableLayers(f"layer {key[0]!r} puts out no units for a sample, {tuple(t.shape)}", [key[0]])
        units = self._units.setdefault(key, t.shape[2])
        if units != t.shape[2]:
            raise UnreadableLayers(
                f"layer {key[0]!r} puts out {units} units a sample in one batch and {t.shape[2]} in another: pool "
                "sequences of differing length, pool='mean' or 'last'",
                [key[0]],
            )

    @shielded  # inside the hook, where the network may have switched autocast on by itself
    def take(self, key: Key, rows: Tensor, output: Tensor) -> None:
        """The next rows of one layer, and the output that they were made of."""
        if output.dtype not in FULL and output.is_floating_point():
            self.half.add(key)
        self.check_units(key, rows)
        self.add(key, rows, fresh=rows is not output and rows.data_ptr() != output.data_ptr())


@final
class Whole(Collector):
    """Keeps everything; ``lasting``: outputs stay as they are until they were prepared."""

    def __init__(self, estimators: Sequence[Estimator], samples: int, rows: Tensor | None, *, lasting: bool) -> None:
        super().__init__(estimators, samples, rows)
        self._lasting = lasting
        self._stores: dict[Key, Rows] = {}
        self._tensors: dict[Key, Tensor] = {}

    def turn(self) -> None:
        raise RecordingError("everything was kept in the first pass, so that there is no second one")

    def add(self, key: Key, t: Tensor, *, fresh: bool) -> None:
        if t.shape[1] == self.samples:
            self._tensors[key] = t if fresh or self._lasting else t.clone()
            return
        if key not in self._stores:
            self._stores[key] = Rows(self.samples)
        self._stores[key].add(t)

    @shielded
    def gathered(self) -> Gathered:
        names = names_of(self._stores or self._tensors)
        layers = [store.tensor() for store in self._stores.values()] or list(self._tensors.values())
        prepared: dict[int, list[Any]] = {
            number: estimator.layers(layers)
            for number, estimator in enumerate(self.estimators)
            if isinstance(estimator, SymbolEstimator)
        }
        kept = dict(zip(names.values(), layers, strict=True)) if len(prepared) < len(self.estimators) else {}
        if self.rows is not None:
            kept = {name: t[:, self.rows.to(t.device)] for name, t in kept.items()}
        half = frozenset(names[key] for key in self.half)
        return Gathered(tuple(names.values()), prepared, kept, decision_symbols(layers[-1]), self.rows, half)


@final
class InPieces(Collector):
    """Reads every batch at once and lets it go. Bins that follow the values' range look at it in a pass before."""

    def __init__(self, estimators: Sequence[Estimator], samples: int, rows: Tensor | None) -> None:
        super().__init__(estimators, samples, rows)
        self._layers: dict[Key, _LayerInPieces] = {}
        self._first = True
        each = [pieces_of(estimator, samples) for estimator in estimators]
        self.passes = max((pieces.passes for pieces in each if pieces is not None), default=1)
        self._looking = self.passes == 2

    def turn(self) -> None:
        self._looking = False

    @shielded
    def agree(self, exchange: Callable[[Tensor], Tensor]) -> None:
        """Between both passes: ``exchange`` the ranges of the units (2, units) for wider ones, of all processes."""
        for layer in self._layers.values():
            layer.agree(exchange)

    def add(self, key: Key, t: Tensor, *, fresh: bool) -> None:
        if key not in self._layers:
            self._layers[key] = _LayerInPieces(self.estimators, self.samples, self.rows)
        if self._looking:
            self._layers[key].look(t)
        else:
            self._layers[key].take(t, decides=self._may_be_last(key))

    def _may_be_last(self, key: Key) -> bool:
        """Which layer is the last one is known once a layer is shown for the second time."""
        self._first = self._first and self._layers[key].seen == 0
        return self._first or key == next(reversed(self._layers))

    @shielded
    def gathered(self) -> Gathered:
        names = names_of(self._layers)
        layers = list(self._layers.values())
        for key, layer in self._layers.items():
            layer.check(names[key])
        prepared = {}
        for number, estimator in enumerate(self.estimators):
            if isinstance(estimator, SymbolEstimator) or pieces_of(estimator, self.samples) is not None:
                prepared[number] = [layer.prepared(number) for layer in layers]
        kept = {names[key]: layer.few.tensor() for key, layer in self._layers.items() if layer.few}
        half = frozenset(names[key] for key in self.half)
        return Gathered(tuple(names.values()), prepared, kept, layers[-1].decision(), self.rows, half)


@final
class _LayerInPieces:
    """One layer in pieces: what each estimator keeps of it."""

    def __init__(self, estimators: Sequence[Estimator], samples: int, rows: Tensor | None) -> None:
        self._estimators, self._samples, self._rows = estimators, samples, rows
        self._pieces: dict[int, Pieces] = {}
        for number, estimator in enumerate(estimators):
            pieces = pieces_of(estimator, samples)
            if pieces is not None:
                self._pieces[number] = pieces
        left = [estimator for number, estimator in enumerate(estimators) if number not in self._pieces]
        counted = any(isinstance(estimator, SymbolEstimator) for estimator in left)
        others = any(not isinstance(estimator, SymbolEstimator) for estimator in left)
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

    def agree(self, exchange: Callable[[Tensor], Tensor]) -> None:
        for pieces in self._pieces.values():
            if isinstance(pieces, CodePieces) and pieces.ends is not None:
                pieces.look(exchange(pieces.ends)[None])  # as if the ends were two more samples

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
        estimator, store = self._estimators[number], self._all
        if store is None or not isinstance(estimator, SymbolEstimator):
            raise RecordingError(f"nothing was kept for the estimator {estimator.name!r}")
        return estimator.symbols(store.tensor())

    def decision(self) -> Symbols:
        codes = self._decisions.tensor()
        return Symbols(codes, torch.zeros_like(codes, dtype=torch.bool), 0, 0, 1)


def pieces_of(estimator: Estimator, samples: int) -> Pieces | None:
    """How an estimator reads one layer in pieces; None where it needs the layer whole."""
    return estimator.pieces(samples) if isinstance(estimator, RowWise) else None
