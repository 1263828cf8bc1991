"""A question + what was gathered of every layer -> answers. Pure: the same in, the same out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import Estimator, LadderEstimator, SymbolEstimator, check_finite, check_rows
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.consistency import Bounds, flagged_layers
from infoplane.estimators.counting.readings import Count, Reading
from infoplane.estimators.counting.samples import Variable, distinct_ids
from infoplane.estimators.counting.symbols import Symbols
from infoplane.estimators.doubt import one_value_each, orders, reordered
from infoplane.estimators.registry import together
from infoplane.estimators.resampling import with_group_intervals, with_interval
from infoplane.flags import merged
from infoplane.plane.gather import Gathered
from infoplane.plane.question import WHOLE, Moment, Question
from infoplane.types import NATS_PER, Estimate, Units

_AVERAGED = ("i_xt", "i_xt_low", "i_xt_high", "i_ty", "i_ty_low", "i_ty_high")


@final
@dataclass(frozen=True)
class Answer:
    """What one estimator says of every layer, about one label set, in one way of reading the copies.

    ``layers`` has the readings of every layer: one, or one a copy where ``kind`` is ``single``.
    """

    name: str
    kind: str
    label: str
    layers: list[list[Reading]]


@final
@dataclass(frozen=True)
class Snapshot:
    """What was gathered of all layers at one moment."""

    gathered: Gathered
    moment: Moment

    @property
    def draws(self) -> Tensor | None:
        """The copy of each sample, where the codes are."""
        draws = self.moment.draws
        return None if draws is None else draws.to(self.gathered.decision.codes.device)

    @property
    def shape(self) -> Hashable:
        """What moments that are counted in one call have in common."""
        return self.gathered.layers, self.moment.kinds, self.gathered.decision.codes.shape

    def take(self, keep: Tensor) -> Snapshot:
        """Of some samples: ``keep`` (samples,) bool."""
        moment = self.moment
        draws = None if moment.draws is None else moment.draws[keep]
        return Snapshot(self.gathered.take(keep), Moment(moment.step, moment.kinds, draws))

    @property
    def waiting_bytes(self) -> int:
        """What the codes take, with those of the decision."""
        layers = sum(len(symbols) for symbols in self.gathered.prepared.values())
        return self.gathered.decision.codes.nbytes * (layers + 1)

    def is_an_error(self, estimators: Sequence[Estimator]) -> bool:
        """Whether NaN or infinity was met by an estimator that counts symbols and takes it for an error."""
        return any(
            symbols.has_bad_rows
            for number, estimator in enumerate(estimators)
            if isinstance(estimator, SymbolEstimator) and estimator.nonfinite == "error"
            for symbols in self.gathered.prepared[number]
        )


@shielded
def answers_to(question: Question, snapshots: Sequence[Snapshot]) -> list[list[Answer]]:
    """For each moment everything that is asked, estimator by estimator.

    Moments of one ``shape`` are counted in one call: small layers take less time than the calls for them.
    """
    each: list[list[Answer]] = [[] for _ in snapshots]
    number = 0
    for kin in together(question.estimators):
        if isinstance(kin[0], SymbolEstimator):
            answers = _by_counting(kin[0], number, snapshots, question)
        else:
            answers = [_by_member(kin, number, snapshot, question) for snapshot in snapshots]
        for so_far, new in zip(each, answers, strict=True):
            so_far += new
        number += len(kin)
    return each


def shares_that_all_differ(answers: Sequence[Answer], layers: Sequence[str]) -> dict[str, float]:
    """The share of the inputs on which all copies differ, by layer, where ``exact`` was asked for."""
    exact = next((answer for answer in answers if answer.kind == "exact"), None)
    if exact is None:
        return {}
    shares = {layer: readings[0].all_differ for layer, readings in zip(layers, exact.layers, strict=True)}
    return {layer: share for layer, share in shares.items() if share is not None}


def _by_counting(
    estimator: SymbolEstimator, number: int, snapshots: Sequence[Snapshot], question: Question
) -> list[list[Answer]]:
    """Everything counted where the symbols are, then one transfer for all; the network's decision is counted beside."""
    layers = [snapshot.gathered.prepared[number] for snapshot in snapshots]
    decided = [(*symbols, snapshot.gathered.decision) for symbols, snapshot in zip(layers, snapshots, strict=True)]
    kinds = [(kind, label) for kind in snapshots[0].moment.kinds for label in question.labels]
    x, labels = question.x.classes(), {label: y.classes() for label, y in question.labels.items()}
    symbols, draws, places = list(chain(*decided)), _draws(snapshots, len(decided[0])), _Places(question, snapshots)
    counts = [
        _doubted(estimator.count(symbols, x, labels[label], kind, draws=draws, places=places), question)
        for kind, label in kinds
    ]
    regroup = [_regrouped(estimator, symbols, question, kind, label, draws) for kind, label in kinds]
    symbols, draws = list(chain(*layers)), _draws(snapshots, len(layers[0]))
    nulls = [
        [
            estimator.count(symbols, x_null.classes(), y_null.classes(), kind, draws=draws)
            for x_null, y_null in _shuffled_variables(question, question.labels[label])
        ]
        for kind, label in kinds
    ]
    read = iter(_transfer([*counts, *chain(*nulls)], question.units))
    readings = [
        _by_moment(regrouped(next(read)), len(snapshots)) for regrouped in regroup
    ]  # (kinds, moments, layers + 1)
    repeats = [[_by_moment(next(read), len(snapshots)) for _ in several] for several in nulls]

    def answer(kind: str, label: str, counted: list[list[Reading]], shuffled: list[list[list[Reading]]]) -> Answer:
        *layers, decision = counted
        floors = [reading.i_ty for reading in decision]
        flagged = _flagged(layers, floors, question, label, chained=estimator.chained)
        return Answer(question.names[number], kind, label, _with_nulls(flagged, shuffled))

    return [
        [
            answer(*asked, counted[at], [repeat[at] for repeat in several])
            for asked, counted, several in zip(kinds, readings, repeats, strict=True)
        ]
        for at in range(len(snapshots))
    ]


def _doubted(count: Count, question: Question) -> Count:
    """With an interval in closed form, where every number is to have one."""
    if question.intervals and count.manner.interval == "none":
        count.manner = replace(count.manner, interval="jackknife")
    return count


def _regrouped(
    estimator: SymbolEstimator,
    symbols: Sequence[Symbols],
    question: Question,
    kind: str,
    label: str,
    draws: Tensor | None,
) -> Callable[[list[list[Reading]]], list[list[Reading]]]:
    """What gives the lines of a count their intervals over groups, where there are groups and intervals are wanted."""
    x, y = question.x, question.labels[label]
    if y.groups is None or not (question.intervals or estimator.interval != "none"):
        return lambda lines: lines

    def again(keep: Tensor) -> list[list[Reading]]:
        some = [each.take(keep) for each in symbols]
        drawn = None if draws is None else draws[..., keep]
        count = estimator.count(some, x.take(keep).classes(), y.take(keep).classes(), kind, draws=drawn)
        count.manner = replace(count.manner, interval="none")
        return count.read(count.numbers.tolist(), question.units)

    return partial(with_group_intervals, again=again, groups=y.groups, seed=question.seed)


def _draws(snapshots: Sequence[Snapshot], layers: int) -> Tensor | None:
    """Draws (samples,), or of several moments (moments x layers, 1, samples), as ``count`` takes them."""
    first = snapshots[0].draws
    if first is None or len(snapshots) == 1:
        return first
    each = torch.stack([snapshot.draws for snapshot in snapshots if snapshot.draws is not None])
    return each.repeat_interleave(layers, 0)[:, None]


def _by_moment(layers: list[list[Reading]], moments: int) -> list[list[list[Reading]]]:
    """The lines of a count, which run moment by moment."""
    each = len(layers) // moments
    return [layers[start : start + each] for start in range(0, len(layers), each)]


@final
class _Places(Sequence[str]):
    """Where an error was met, layer by layer; put into words only if one is."""

    def __init__(self, question: Question, snapshots: Sequence[Snapshot]) -> None:
        self._question, self._snapshots = question, snapshots

    def __len__(self) -> int:
        return len(self._snapshots) * (len(self._snapshots[0].gathered.layers) + 1)

    def __getitem__(self, at: Any) -> Any:
        moment, layer = divmod(at, len(self) // len(self._snapshots))
        snapshot = self._snapshots[moment]
        return place_of(snapshot.gathered.layers[layer], self._question, snapshot.moment)


def place_of(layer: str, question: Question, moment: Moment) -> str:
    """Where an error was met, in words."""
    return f"layer {layer!r}, step {moment.step}" + ("" if question.split == WHOLE else f", split {question.split!r}")


def _shuffled_variables(question: Question, y: Variable) -> Iterable[tuple[Variable, Variable]]:
    if question.shuffles is None:
        return
    members, times, seed = question.shuffles.members, question.shuffles.times, question.shuffles.seed
    of_x, of_y = (orders(members, times, seed, whole=one_value_each(variable, members)) for variable in (question.x, y))
    for order_x, order_y in zip(of_x, of_y, strict=True):
        yield reordered(question.x, order_x), reordered(y, order_y)


def _with_nulls(layers: list[list[Reading]], repeats: list[list[list[Reading]]]) -> list[list[Reading]]:
    """The readings with those of the shuffles, which have the same shape."""
    if not repeats:
        return layers
    return [
        [
            reading._replace(
                i_xt_nulls=tuple(null for repeat in repeats if (null := repeat[at][copy].i_xt) is not None),
                i_ty_nulls=tuple(repeat[at][copy].i_ty for repeat in repeats),
            )
            for copy, reading in enumerate(readings)
        ]
        for at, readings in enumerate(layers)
    ]


def _flagged(
    layers: list[list[Reading]], floors: Sequence[float | None], question: Question, label: str, *, chained: bool
) -> list[list[Reading]]:
    """With the flags that need more than one layer; ``floors`` has one for each reading of a layer."""
    scale, y = NATS_PER[question.units], question.labels[label].ids
    known = Bounds(
        NATS_PER["bits"] / scale,
        h_x=question.x.classes().entropy() / scale,
        h_y=None if y is None else y.entropy() / scale,
        chained=chained,
    )
    copies = [
        flagged_layers([readings[copy] for readings in layers], replace(known, floor=floor))
        for copy, floor in enumerate(floors)
    ]
    return [list(readings) for readings in zip(*copies, strict=True)]


def _transfer(counts: Sequence[Count], units: Units) -> list[list[list[Reading]]]:
    """All counts of a measurement in one transfer from the device; in main memory there is nothing to save by that."""
    if counts[0].numbers.device.type == "cpu":
        return [count.read(count.numbers.tolist(), units) for count in counts]
    flat = torch.cat([count.numbers.flatten() for count in counts]).tolist()
    result, at = [], 0
    for count in counts:
        layers, width = count.numbers.shape
        lines = [flat[at + row * width : at + (row + 1) * width] for row in range(layers)]
        at += layers * width
        result.append(count.read(lines, units))
    return result


def _by_member(kin: Sequence[Estimator], number: int, snapshot: Snapshot, question: Question) -> list[Answer]:
    """Readings of estimators that work on one network at a time and that one pass serves, from ``number`` on."""
    gathered, decision = snapshot.gathered, snapshot.gathered.decision
    if question.few is not None and gathered.rows is not None and number not in gathered.prepared:
        question, decision = question.few, decision.take(gathered.rows)
    each: list[dict[str, list[list[Reading]]]] = [{label: [] for label in question.labels} for _ in kin]
    for at, layer in enumerate(gathered.layers):
        place = place_of(layer, question, snapshot.moment)
        members = [_of_member(kin, t, ready, question) for t, ready in _members(kin[0], number, gathered, at, place)]
        for which, layers in enumerate(each):
            for label in question.labels:
                layers[label].append([readings[which][label] for readings in members])
    floors = {label: _floors(decision, question, label) for label in question.labels}
    if isinstance(kin[0], LadderEstimator):  # behind a noise of its own a layer may know less than the decision
        floors = {label: [None] * len(each) for label, each in floors.items()}
    return [
        Answer(
            question.names[number + which],
            kind,
            label,
            layers if kind == "single" else [[_mean_reading(members)] for members in layers],
        )
        for which, labels in enumerate(each)
        for kind in snapshot.moment.kinds
        for label, layers in (
            (name, _flagged(each, floors[name], question, name, chained=kin[which].chained))
            for name, each in labels.items()
        )
    ]


def _members(
    estimator: Estimator, number: int, gathered: Gathered, at: int, place: str
) -> Iterable[tuple[Tensor | None, Any]]:
    """The activations of every member of one layer, if they were kept, and what the estimator prepared of them."""
    if number in gathered.prepared:
        each = gathered.prepared[number][at]
        check_rows(torch.stack([member.bad for member in each]), place)
        yield from ((None, member) for member in each)
        return
    t = gathered.kept[gathered.layers[at]]
    if not estimator.screens:
        check_finite(t, place)
    for member in t:
        yield member, estimator.prepare(member)


def _of_member(
    kin: Sequence[Estimator], t: Tensor | None, prepared: Any, question: Question
) -> list[dict[str, Reading]]:
    """Readings of one layer of one network, by estimator, for every label set."""
    shuffled = {label: list(_shuffled_variables(question, y)) for label, y in question.labels.items()}
    if isinstance(kin[0], LadderEstimator):
        kin[0].foresee(
            prepared, kin, [*question.labels.values(), *(y for pairs in shuffled.values() for _, y in pairs)]
        )
    return [_of_estimator(estimator, t, prepared, question, shuffled) for estimator in kin]


def _of_estimator(
    estimator: Estimator,
    t: Tensor | None,
    prepared: Any,
    question: Question,
    shuffled: Mapping[str, Sequence[tuple[Variable, Variable]]],
) -> dict[str, Reading]:
    defined = "i_xt" in estimator.informations
    i_xt = estimator.about_input(prepared, question.x, question.units) if defined else None
    ended = partial(with_interval, estimator=estimator, t=t, ready=prepared, seed=question.seed)
    if question.intervals and i_xt is not None:
        i_xt = ended(i_xt, y=question.x, about="input")
    readings = {}
    for label, y in question.labels.items():
        if y.ids is not None and y.ids.count == 1:
            readings[label] = Reading.of(i_xt, Estimate(0.0, question.units, n=y.n))  # about a constant
            continue
        i_ty = estimator.about_label(prepared, y, question.units)
        reading = Reading.of(i_xt, ended(i_ty, y=y) if question.intervals else i_ty)
        shuffles = [
            Reading.of(
                estimator.about_input(prepared, x_null, question.units) if defined else None,
                estimator.about_label(prepared, y_null, question.units),
            )
            for x_null, y_null in shuffled[label]
        ]
        readings[label] = _with_nulls([[reading]], [[[null]] for null in shuffles])[0][0]
    return readings


def _floors(decision: Symbols, question: Question, label: str) -> list[float] | list[None]:
    """What every copy's decision knows about the label; None for a label of numbers."""
    ids = question.labels[label].ids
    if ids is None:
        return [None] * len(decision.codes)
    count = Binned("distinct").count([decision], distinct_ids(ids.n, ids.ids.device), ids, "single")
    return [reading.i_ty for reading in count.read(count.numbers.tolist(), question.units)[0]]


def _mean_reading(members: Sequence[Reading]) -> Reading:
    """The mean over the copies, with every flag that any of them has."""
    flags = merged(*(member.flags for member in members))
    means = {name: _mean([getattr(member, name) for member in members]) for name in _AVERAGED}
    kinds: dict[str, Any] = {
        name: None if means[f"{name[:4]}_low"] is means[f"{name[:4]}_high"] is None else getattr(members[0], name)
        for name in ("i_xt_interval", "i_ty_interval")
    }
    nulls: dict[str, Any] = {
        name: tuple(np.mean([getattr(member, name) for member in members], axis=0).tolist())
        for name in ("i_xt_nulls", "i_ty_nulls")
    }
    return Reading(n=members[0].n, flags=flags, **means, **kinds, **nulls)


def _mean(values: Sequence[float | None]) -> Any:
    return None if None in values else float(np.mean(values))  # type: ignore[arg-type]
