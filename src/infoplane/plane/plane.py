"""The one place where recorded layers meet estimators: activations of a network or a family -> rows of a trajectory."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn

from infoplane.checks import step_number
from infoplane.companions.curve import ratios_of
from infoplane.companions.curves import Curves
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.channel import Channel
from infoplane.estimators.counting.labels import Missing
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.difference import need_no_split
from infoplane.estimators.naming import described
from infoplane.family import Family
from infoplane.plane.curves import curves_of
from infoplane.plane.gather import Gathered
from infoplane.plane.measure import Snapshot, answers_to, shares_that_all_differ
from infoplane.plane.memory import AT_ONCE, Memory, recalled
from infoplane.plane.options import PlaneOptions, chosen_estimators, chosen_families
from infoplane.plane.passes import Model, Pass, copies_of, read
from infoplane.plane.plan import ReadingPlan, Way, plan
from infoplane.plane.question import WHOLE, Moment, Question
from infoplane.plane.rows import Columns, Nulls, RowFrame, as_nulls, joined, rows_of, with_nulls
from infoplane.plane.schedule import Every, Pace
from infoplane.plane.significance import Correction, ShuffledValue, p_values, shuffled_values
from infoplane.plane.splits import Split, by_split
from infoplane.plane.terms import terms_of
from infoplane.recording.evaluation import is_sharded, warn_of_batch_statistics
from infoplane.recording.outputs import Part
from infoplane.recording.placement import DEFAULT_BATCH
from infoplane.recording.pooling import Pool
from infoplane.recording.select import Layers, UnreadableLayers
from infoplane.recording.stillness import Stillness
from infoplane.trajectory.trajectory import Trajectory
from infoplane.types import Units

_WHOLE = (Channel(),)  # an estimator that reads whole activations

if TYPE_CHECKING:
    import pandas


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
    means), ``p_xt`` and ``p_ty``, and in :meth:`p_values`; ``groups`` (samples,), a table of these for several splits,
    names samples that belong together: they are shuffled and held out as wholes, and intervals are those of groups.
    ``intervals``: every number has one, as of ``ip.mutual_information``, at up to three times the cost (at fifty times
    for counts of groups).
    ``keep_terms``: rows can be held against each other with ``trajectory.difference``, for up to sixty estimates more.
    ``continuous`` and ``discrete`` name the label sets (``"y"`` where there is one) whose values are numbers, or
    classes; ``y_bins`` cuts those of numbers into so many classes. ``missing="drop"`` leaves out samples without a
    label, and ``ignore_index`` the samples, or tokens, whose label is that number: -100, say.
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

    Raises:
        InputError: x and y do not fit, x was changed in place later, or more activations would have to be kept than
            allowed; the last before any is.
        NonFiniteError: activations with NaN or infinity; the message names layer, step and rows.

    Example:
        >>> import infoplane as ip, torch
        >>> x, y = torch.randn(200, 4), torch.arange(200) % 2
        >>> plane = ip.InformationPlane(x, y)
        >>> rows = plane.measure(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Tanh()), step=0)
        >>> [row["layer"] for row in rows]
        ['0', '1']
    """

    @shielded
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
        intervals: bool = False,
        keep_terms: bool = False,
        seed: int = 0,
        continuous: str | Iterable[str] | None = None,
        discrete: str | Iterable[str] | None = None,
        y_bins: int | None = None,
        missing: Missing = "error",
        ignore_index: int | None = None,
        given: str | None = None,
        pool: Pool = "flatten",
        select: Part = None,
        batch_size: int | None = None,
        subsample: int | None = None,
        max_activation_bytes: float = 2e9,
        every: Every = 1,
        max_share: float | None = None,
    ) -> None:
        self._options = PlaneOptions(
            layers=layers, estimators=estimators, family=family, units=units, shuffles=shuffles, seed=seed,
            intervals=intervals, keep_terms=keep_terms,
            continuous=continuous, discrete=discrete, y_bins=y_bins, missing=missing, ignore_index=ignore_index,
            given=given, pool=pool, select=select, batch_size=batch_size, subsample=subsample,
            max_activation_bytes=max_activation_bytes, every=every, max_share=max_share,
        )  # fmt: skip
        self.layers, self.units = layers, units
        self.estimators = chosen_estimators(estimators)
        for estimator in self.estimators if keep_terms else ():
            need_no_split(estimator)
        self.family = chosen_families(family, self.estimators)
        self._pace = Pace(every, max_share)
        self._splits: list[Split] = []
        for name, x_here, y_here, groups_here in by_split(x, y, groups):
            blank = Question(self.estimators, Variable(None), {}, units, split=name)
            try:
                self._splits.append(Split(x_here, y_here, blank, groups=groups_here, options=self._options))
            except InputError as error:
                if y is not None:
                    raise
                raise InputError(f"split {name!r}: {error}") from error
        self._stillness = Stillness()
        self._left_out: frozenset[str] = frozenset()
        self._plans: dict[tuple[bool, int], ReadingPlan] = {}
        self._ways: dict[tuple[bool, int, str, tuple[Estimator, ...]], Way] = {}
        self._frames: dict[tuple[Any, ...], RowFrame] = {}
        self._nulls: Nulls = {}
        self._waiting: list[list[Snapshot] | Memory] = []
        self._shuffled: list[ShuffledValue] = []
        self.trajectory = Trajectory(meta=self._facts())

    def __repr__(self) -> str:
        of = ", ".join(
            f"{split.n} samples" + (f" {split.name!r}" if split.name != WHOLE else "") for split in self._splits
        )
        what = "; ".join(f"{name}: {facts['measurement']}" for name, facts in described(self.estimators).items())
        steps = list(dict.fromkeys(row["step"] for row in self.trajectory))
        layers = len({row["layer"] for row in self.trajectory.last()}) if steps else 0
        stands = f"{len(steps)} steps up to {steps[-1]}, {layers} layers" if steps else "nothing measured yet"
        return f"InformationPlane({of}; {what}; {self.units}; {stands})"

    @property
    def measuring_seconds(self) -> float:
        """Seconds that the measurements in ``trajectory`` took together."""
        return self._pace.seconds

    def measure(self, model: Model, step: int, *, force: bool = False) -> list[dict[str, Any]]:
        """Rows for every layer of ``model`` at ``step``, which are also added to ``trajectory``.

        ``model``: any module, a ``Family``, or a list of modules with the same layers. No rows where ``every`` or
        ``max_share`` leave this step out, unless ``force`` is set.

        Raises:
            InputError: ``step`` is no whole number, or as the class says.
        """
        if self._options.max_share is not None and isinstance(model, nn.Module) and is_sharded(model):
            raise InputError(
                "max_share asks each process for its own clock, and a network of fully_shard needs all processes at "
                "the same steps: give every=... instead"
            )
        step = step_number(step)
        if not self._pace.is_due(step) and not force:
            return []
        before = self._pace.clock()
        self.look(model, step)
        if not isinstance(model, Family):
            self._stillness.look([model] if isinstance(model, nn.Module) else model, step)
        rows = self.answer()
        self._pace.took(self._pace.clock() - before)
        return rows

    def look(self, model: Model, step: int) -> int:
        """The first half of ``measure``: what the estimators need of ``model`` at ``step`` is gathered, and waits.

        Several steps of one family may wait where ``can_wait`` says so; ``answer`` then adds the rows of all of them,
        the same rows in less time.

        Returns:
            How many bytes wait of this step.

        Raises:
            NonFiniteError: at once, as by ``measure``; the rows of the steps that waited are in ``trajectory``.
        """
        memory = self._memory(model, step) if self.can_wait and isinstance(model, Family) else None
        if memory is not None:
            self._waiting.append(memory)
            return memory.waiting_bytes
        snapshots = self._snapshots(model, step)
        fails = self.can_wait and snapshots[0].is_an_error(self.estimators)
        if fails:  # an error belongs to its own step, and leaves the rows of those before
            self.answer()
        self._waiting.append(snapshots)
        if fails:
            self.answer()
        return sum(snapshot.waiting_bytes for snapshot in snapshots)

    def answer(self) -> list[dict[str, Any]]:
        """The second half of ``measure``: the rows of every step that waits, into ``trajectory``.

        Returns:
            The rows of the newest step.
        """
        waiting, self._waiting = self._waiting, []
        steps: list[list[Snapshot]] = []
        for is_memory, group in groupby(waiting, key=lambda each: isinstance(each, Memory)):
            several: list[Any] = list(group)
            steps += self._recalled(several) if is_memory else several
        newest: Columns = {}
        for _, alike in groupby(steps, key=lambda snapshots: snapshots[0].shape if self.can_wait else id(snapshots)):
            snapshots = list(alike)
            columns = self._answered(snapshots)
            if self._nulls:
                columns = with_nulls(columns, self._nulls)
            self.trajectory.extend_columns(columns)
            rows = len(columns["step"]) // len(snapshots)
            newest = {name: values[-rows:] for name, values in columns.items()}
        return rows_of(newest)

    @functools.cached_property
    def can_wait(self) -> bool:
        """Whether all that is asked is counted: then little is kept of a step, and many are counted together."""
        counted = all(isinstance(e, SymbolEstimator) and e.nonfinite != "drop-row" for e in self.estimators)
        return counted and len(self._splits) == 1 and self._options.given is None

    def curves(
        self, model: Model, step: int = 0, *, snr: Any = None, split: str | None = None, seed: int = 0
    ) -> Curves:
        """The information curve of every layer of ``model``, copy by copy: what it knows at every level of a noise.

        Args:
            model: As for :meth:`measure`; the trajectory stays as it is.
            step: For messages.
            snr: As for :func:`infoplane.information_curve`.
            split: Which of several; None: the first.
            seed: Of the noise.

        Raises:
            InputError: a continuous label, or more activations would have to be kept than allowed.
            UnknownNameError: no such split.

        Example:
            >>> import infoplane as ip, torch
            >>> x, y = torch.randn(200, 4), torch.arange(200) % 2
            >>> network = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Tanh())
            >>> ip.InformationPlane(x, y).curves(network, snr=["0 dB", "6 dB"])
            Curves(0, 1)
        """
        names = {each.name: each for each in self._splits}
        if split is not None and split not in names:
            raise UnknownNameError("split", split, names)
        chosen = self._splits[0] if split is None else names[split]
        chosen.check_unchanged(step)
        gathered = self._gathered(model, copies_of(model), chosen, None, _WHOLE)
        question = chosen.question_on(gathered.decision.codes.device)
        return curves_of(gathered, question, ratios_of(snr), Moment(step, ("single",)), seed=seed)

    def p_values(self, correction: Correction = "max", *, quantity: str = "i_ty") -> pandas.DataFrame:
        """The p-values of everything that was measured, for all layers and steps together.

        Args:
            correction: ``"max"`` bounds the chance of any false alarm among all rows, by the largest deviation over
                all of them in the same shuffle; ``"fdr"`` the share of false ones among those that are called; None.
            quantity: ``"i_ty"`` or ``"i_xt"``.

        Returns:
            A row for each number that has shuffles: its place, value and null, ``p_ty``, and ``p_ty_max``.

        Raises:
            InputError: the plane has no shuffles, or has measured nothing.

        Example:
            >>> import infoplane as ip, torch
            >>> x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
            >>> plane = ip.InformationPlane(x, x[:, 0] > 0, estimators="gaussian", shuffles=19)
            >>> rows = plane.measure(torch.nn.Sequential(torch.nn.Tanh()), step=0)
            >>> plane.p_values()["p_ty_max"].tolist()
            [0.05]
        """
        import pandas

        return pandas.DataFrame(p_values(self._shuffled, quantity, correction))

    def take_as_null(self, model: Model) -> None:
        """Let a network with the same layers, for example an untrained one, be the null of all measurements to come.

        Its I(X;T) and I(T;Y) then stand in the columns ``i_xt_null`` and ``i_ty_null``: what the architecture and the
        estimator show without any learning.

        Raises:
            InputError: shuffles are the null already.
        """
        if self._options.shuffles:
            raise InputError("shuffled samples are the null of this plane already: leave shuffles=0 to take a network")
        self._nulls = as_nulls(self._answered([self._snapshots(model, -1)]))

    def random_state(self) -> dict[str, Tensor]:
        """Where the streams stand that draw a copy for every sample, by split: part of a checkpoint."""
        return {split.name: split.stream.get_state() for split in self._splits}

    def load_random_state(self, state: Mapping[str, Tensor]) -> None:
        """Continue to draw from where ``state`` stood."""
        for split in self._splits:
            split.stream.set_state(state[split.name].clone())

    def _memory(self, family: Family, step: int) -> Memory | None:
        """The weights of few copies of a small network, which are looked at later; None where that saves nothing."""
        kinds, drawn = self._kinds(family)
        (split,), few = self._splits, drawn or 2 * family.copies <= AT_ONCE
        if not few or not split.is_plain:
            return None
        way = self._way(family, family.copies, split, self.estimators)
        if not (way.whole and way.lasting):
            return None
        weights = family.remembered()
        if weights is None:
            return None
        split.check_unchanged(step)
        return Memory(family, weights, Moment(step, kinds, self._draws(split, family, kinds)), drawn)

    def _recalled(self, memories: Sequence[Memory]) -> list[list[Snapshot]]:
        """What would have been gathered then."""
        family, (split,) = memories[0].family, self._splits
        way = self._way(family, family.copies, split, self.estimators)
        return [[snapshot] for snapshot in recalled(memories, self._pass(family, split, way, None), self.estimators)]

    def _kinds(self, model: Model) -> tuple[tuple[str, ...], bool]:
        """How the copies are read, and whether each sample goes through its own copy only."""
        kinds = self.family if copies_of(model) > 1 else ("single",)
        return kinds, kinds == ("sampled",) and isinstance(model, Family)

    def _draws(self, split: Split, model: Model, kinds: tuple[str, ...]) -> Tensor | None:
        copies = copies_of(model)
        if copies > 1:
            self.trajectory.meta["log2_j"] = math.log2(copies)
        return split.draws(copies) if "sampled" in kinds else None

    def _snapshots(self, model: Model, step: int) -> list[Snapshot]:
        """What is gathered at one step, split by split."""
        copies, (kinds, drawn) = copies_of(model), self._kinds(model)
        snapshots = []
        for split in self._splits:
            split.check_unchanged(step)
            draws = self._draws(split, model, kinds)
            gathered = self._gathered(model, copies, split, draws if drawn else None)
            if drawn and draws is not None:
                draws = torch.zeros_like(draws)  # one "copy": the drawn rows
            snapshots.append(Snapshot(gathered, Moment(step, kinds, draws)))
        return snapshots

    def _answered(self, steps: Sequence[Sequence[Snapshot]]) -> Columns:
        """The rows of one step, split by split; of several steps, where there is one split."""
        return joined(
            [part for split, snapshots in zip(self._splits, zip(*steps, strict=True), strict=True)
             for part in self._parts(split, snapshots)]
        )  # fmt: skip

    def _gathered(
        self, model: Model, copies: int, split: Split, draws: Tensor | None, others: tuple[Estimator, ...] | None = None
    ) -> Gathered:
        """Everything that the estimators, or ``others``, need of all layers; without layers that cannot be read."""
        while True:
            try:
                return self._read(model, split, draws, self._way(model, copies, split, others or self.estimators))
            except UnreadableLayers as error:
                warnings.warn(f"{error}: left out of every measurement", stacklevel=4)
                self._left_out |= error.names

    def _read(self, model: Model, split: Split, draws: Tensor | None, way: Way) -> Gathered:
        collector, reading = way.collector(), self._pass(model, split, way, draws)
        for number in range(collector.passes):
            if number:
                collector.turn()
            read(reading, collector.take)
        return collector.gathered()

    def _pass(self, model: Model, split: Split, way: Way, draws: Tensor | None) -> Pass:
        inputs, chosen = split.inputs_for(model) if isinstance(model, Family) else split.inputs, self._options
        return Pass(
            model, inputs, chosen.layers, chosen.select, chosen.pool, split.mask, way.batch, lend=True, draws=draws,
            left_out=self._left_out,
        )  # fmt: skip

    def _parts(self, split: Split, snapshots: Sequence[Snapshot]) -> list[Columns]:
        """The rows of one split: of all its samples, then of those that meet each condition."""
        device = snapshots[0].gathered.decision.codes.device
        parts = [self._rows(split.question_on(device), snapshots)]
        for keep, question in split.conditions_on(device):
            parts.append(self._rows(question, [snapshot.take(keep) for snapshot in snapshots]))
        return parts

    def _rows(self, question: Question, snapshots: Sequence[Snapshot]) -> Columns:
        """What the question is answered by, as rows; what is the same at every step is made once."""
        answers, newest = answers_to(question, snapshots), snapshots[-1].gathered
        if question.shuffles is not None:
            for snapshot, each in zip(snapshots, answers, strict=True):
                self._shuffled += shuffled_values(question, newest.layers, each, snapshot.moment.step)
        if self._options.keep_terms and not question.condition:
            self.trajectory.terms |= terms_of(question, snapshots, answers)
        if not question.condition:
            shares = shares_that_all_differ(answers[-1], newest.layers)
            if shares:
                self.trajectory.meta["all_differ"] = shares  # of the newest measurement
        shape = tuple((answer.kind, len(answer.layers[0])) for answer in answers[-1])
        key = (question.split, question.condition, newest.layers, shape)
        if key not in self._frames:
            self._frames[key] = RowFrame.of(question, newest.layers, answers[-1])
        return self._frames[key].filled(answers, [snapshot.moment.step for snapshot in snapshots], newest.half)

    def _way(self, model: Model, copies: int, split: Split, estimators: tuple[Estimator, ...]) -> Way:
        """How such a model is read for these estimators, the same at every step."""
        kind = (isinstance(model, Family), copies)
        if (*kind, split.name, estimators) not in self._ways:
            if kind not in self._plans:
                self._plans[kind] = self._plan(model, copies)
            planned, limit = self._plans[kind], self._options.max_activation_bytes
            samples, few = len(split.inputs), split.n if split.rows is None else len(split.rows)
            planned.check(samples, (split.n, few), estimators, limit)
            whole = planned.is_whole(samples, estimators, limit)
            if isinstance(model, nn.Module):
                warn_of_batch_statistics(model, samples, planned.batch)
            # A family's and a list's outputs are nobody else's; a module may change its own in place later on.
            lasting = samples <= planned.batch and not isinstance(model, nn.Module)
            self._ways[*kind, split.name, estimators] = Way(
                planned.batch, whole, lasting, estimators, split.n, split.rows
            )
        return self._ways[*kind, split.name, estimators]

    def _plan(self, model: Model, copies: int) -> ReadingPlan:
        """After a look at the shapes in the largest split, where that may matter."""
        largest, chosen = max(self._splits, key=lambda split: len(split.inputs)), self._options
        inputs = largest.inputs_for(model) if isinstance(model, Family) else largest.inputs
        reading = Pass(model, inputs, chosen.layers, chosen.select, chosen.pool, largest.mask, left_out=self._left_out)
        reading_plan = plan(reading, limit=chosen.max_activation_bytes, copies=copies, batch=chosen.batch_size)
        self.trajectory.meta["recording_batch"] = reading_plan.batch
        return reading_plan

    def _facts(self) -> dict[str, Any]:
        """What is true of all rows, and of the first split, for the trajectory's ``meta``."""
        few = self._options.subsample
        facts = {
            "measurement": "; ".join(estimator.measurement for estimator in self.estimators),
            "estimators": described(self.estimators),
            "units": self.units,
            "recording_batch": self._options.batch_size or DEFAULT_BATCH,
            **({} if few is None else {"subsample": {"samples": few, "seed": self._options.seed}}),
            **self._splits[0].facts,
        }
        each = {split.name: split.facts for split in self._splits}
        return facts if list(each) == [WHOLE] else facts | {"splits": each}
