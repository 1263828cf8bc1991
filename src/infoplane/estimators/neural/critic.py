"""The frame of the neural bounds: two samples -> scores of held-out pairs -> a bound and its doubts.

Every bound is a function of the scores f(t_i, v_j) of pairs of samples, where i = j is a pair that occurred. The first
half of a seeded permutation trains the critic: four fifths of it in minibatches with Adam, the last fifth for early
stopping. The value comes from all pairs of the second half, in blocks of rows: memory O(samples x chunk). Fewer than 20
samples are refused, since both halves need a few. Samples that belong together are on one side.

The scores are separable: f(t, v) = g(t) . h(v) + a(t) + b(v), with perceptrons of two hidden layers, so that a batch of
B samples gives B^2 pairs for 2B evaluations. Units are brought to mean 0 and standard deviation 1 with the numbers of
the training half; training runs in float32.

Options, logs, splits, training, stopping and assembly are here, once; the file of a bound has its equation: a loss, the
part of each row, and the contributions whose mean is the value.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.checks import real_number, whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, Resampling
from infoplane.estimators.counting.intervals import error_of_mean
from infoplane.estimators.counting.samples import Variable
from infoplane.estimators.counting.symbols import constant_units
from infoplane.estimators.distances.columns import Standardiser
from infoplane.estimators.light import CHANCE_ERRORS
from infoplane.flags import ABOVE_CEILING, CONSTANT_UNITS, DIVERGING, NOT_LEARNED, OVERFITTED, Flag
from infoplane.types import Information, Kind

FEWEST_SAMPLES = 20  # both halves need a few, and the first one some to stop by
STOPPING_SHARE = 0.2  # of the training half
CHECK_EVERY = 20  # steps between two looks at the stopping part
PATIENCE = 8  # looks without improvement before training stops
MOST_STOPPING_ROWS = 1024  # a look scores their square: a million pairs
PAIRS_AT_ONCE = 1 << 22  # scores held in memory during evaluation: 32 MB in float64
EMBEDDING = 32  # length of g(t) and h(v)
LARGEST_GRADIENT = 5.0  # the losses with an exponential would otherwise leave for infinity in one step
FEWEST_EFFECTIVE = 30.0  # rows that carry the mean of exponentials
OVERFITTED_NATS = 0.5  # the training part may exceed the held-out half by this, or by half of itself


@final
class ReluNetwork:
    """Two hidden ReLU layers, with weights of its own random numbers."""

    def __init__(self, sizes: tuple[int, int, int], generator: torch.Generator, device: torch.device) -> None:
        inputs, hidden, outputs = sizes
        self.parameters: list[Tensor] = []
        for rows, columns in ((inputs, hidden), (hidden, hidden), (hidden, outputs)):
            # drawn in main memory, so that a seed starts from the same weights on every device
            weight = torch.randn(rows, columns, generator=generator) / math.sqrt(rows)
            self.parameters += [weight.to(device), torch.zeros(columns, device=device)]
        for parameter in self.parameters:
            parameter.requires_grad_()

    def __call__(self, rows: Tensor) -> Tensor:
        """(samples, inputs) -> (samples, outputs)."""
        first, first_bias, second, second_bias, third, third_bias = self.parameters
        rows = torch.relu(torch.addmm(first_bias, rows, first))
        rows = torch.relu(torch.addmm(second_bias, rows, second))
        return torch.addmm(third_bias, rows, third)


class Scorer(abc.ABC):
    """Something with parameters that scores pairs of samples."""

    parameters: Sequence[Tensor]

    @abc.abstractmethod
    def __call__(self, t: Tensor, v: Tensor) -> Tensor:
        """Scores (rows of t, rows of v)."""


@final
class Separable(Scorer):
    """f(t, v) = g(t) . h(v) + a(t) + b(v)."""

    def __init__(self, units: int, dimensions: int, hidden: int, generator: torch.Generator, device: torch.device):
        self._of_t = ReluNetwork((units, hidden, EMBEDDING + 1), generator, device)
        self._of_v = ReluNetwork((dimensions, hidden, EMBEDDING + 1), generator, device)
        self.parameters = [*self._of_t.parameters, *self._of_v.parameters]

    def __call__(self, t: Tensor, v: Tensor) -> Tensor:
        left, right = self._of_t(t), self._of_v(v)
        products = left[:, :EMBEDDING] @ right[:, :EMBEDDING].T / math.sqrt(EMBEDDING)  # (rows of t, rows of v)
        return products + left[:, EMBEDDING:] + right[:, EMBEDDING:].T  # + (rows of t, 1) + (1, rows of v)


@dataclass(frozen=True)
class Scored:
    """The scores of some samples, as far as a bound needs them: (samples,) float64 each.

    ``own`` has the score of each pair that occurred, ``rows`` the bound's statistic of each row of pairs.
    """

    own: Tensor
    rows: Tensor


@dataclass(frozen=True)
class Parts:
    """The numbers of the samples that train, of those that say when to stop, and of those that are held out."""

    fit: Tensor
    stop: Tensor
    held: Tensor

    @classmethod
    def of(cls, n: int, groups: Tensor | None, generator: torch.Generator, device: torch.device) -> Parts:
        """A random half is held out; with ``groups`` (samples,) no group is in two parts.

        Raises:
            InputError: there are fewer groups than parts, or one that is larger than all others together.
        """
        half = n // 2
        last = half - max(2, int(half * STOPPING_SHARE))
        if groups is None:
            order = torch.randperm(n, generator=generator).to(device)
            return cls(order[:last], order[last:half], order[half:])
        members = [(groups == group).nonzero()[:, 0] for group in groups.unique()]
        order = torch.randperm(len(members), generator=generator)
        each = [members[at] for at in order.tolist()]
        ends = torch.tensor([len(group) for group in each]).cumsum(0)
        # the whole groups that come nearest to both cuts, at least one of them in each part
        stop = min(max(int((ends - half).abs().argmin()) + 1, 2), len(each) - 1)
        begin = min(max(int((ends - last).abs().argmin()) + 1, 1), stop - 1)
        parts = [torch.cat(some) if some else ends[:0] for some in (each[:begin], each[begin:stop], each[stop:])]
        if len(each) < 3 or min(map(len, parts)) < 2:
            raise InputError(
                f"{len(each)} groups leave too few samples to train on, to stop by or to hold out: give more groups"
            )
        return cls(*(part.to(device) for part in parts))


class NeuralBound(Estimator):
    """A bound made of scores: a subclass says how scores are learned and what they come to.

    Args:
        hidden: units in each of the two hidden layers.
        steps: the most steps of training; it stops earlier where the stopping part no longer improves.
        batch_size: samples in a step, which give ``batch_size`` squared pairs.
        learning_rate: Adam's.
        seed: of the split, the weights and the batches; the same seed gives the same number.

    Raises:
        InputError: an option is out of range; or there are fewer than 20 samples.
    """

    continuous: ClassVar[bool] = True
    resampling: Resampling = "own"
    bound: ClassVar[Kind]
    title: ClassVar[str]

    def __init__(
        self,
        hidden: int = 64,
        steps: int = 1000,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ) -> None:
        whole_number("hidden", hidden, least=1, example=64)
        whole_number("steps", steps, least=0, example=1000)
        whole_number("batch_size", batch_size, least=2, example=256)
        real_number("learning_rate", learning_rate, above=0, example=0.001)
        self.hidden, self.steps, self.batch_size = hidden, steps, batch_size
        self.learning_rate, self.seed = learning_rate, seed

    @abc.abstractmethod
    def scorer(self, t: Tensor, v: Tensor, generator: torch.Generator) -> Scorer:
        """A fresh scorer for samples like ``t`` (samples, units) and ``v`` (samples, dimensions)."""

    @abc.abstractmethod
    def loss(self, scores: Tensor, own: Tensor) -> Tensor:
        """What training makes small, () from scores (samples, samples); ``own`` marks the diagonal."""

    @abc.abstractmethod
    def statistic(self, scores: Tensor, own: Tensor) -> Tensor:
        """Each row's part in the bound, (rows,), from scores (rows, samples); ``own`` marks the pairs that occurred."""

    @abc.abstractmethod
    def contributions(self, scored: Scored) -> Tensor:
        """(samples,) numbers whose mean is the bound, in nats, and whose spread gives its standard error."""

    @abc.abstractmethod
    def doubts(self, value: float, scored: Scored) -> tuple[Flag, ...]:
        """Flags for a value in nats."""

    @property
    def measurement(self) -> str:
        return f"{self.title} of a network with {self.hidden} hidden units, on the half that it was not trained on"

    def prepare(self, t: Tensor) -> Tensor:
        return t

    def with_input(self, prepared: Tensor, x: Variable) -> Information:
        return self._information(prepared, x, "h_x")

    def with_label(self, prepared: Tensor, y: Variable) -> Information:
        return self._information(prepared, y, "h_y")

    def _information(self, t: Tensor, variable: Variable, entropy: str) -> Information:
        n = len(t)
        if n < FEWEST_SAMPLES:
            raise InputError(f"{n} samples: {self.name} trains on one half of them, give it at least {FEWEST_SAMPLES}")
        constant = int(constant_units(t[None]))
        h_v = None if variable.ids is None else variable.ids.entropy()
        nothing = Information(
            0.0,
            n,
            "population",
            self.bound,
            flags=(CONSTANT_UNITS,) if constant else (),
            amounts={"log_n": math.log(n - n // 2)} | ({} if h_v is None else {entropy: h_v}),
            facts={"constant_units": constant, "held_out": n - n // 2},
        )
        values = variable.values().to(t.device)
        if constant == t.shape[1] or bool((values == values[:1]).all()):
            return nothing
        with torch.inference_mode(False), torch.enable_grad():
            scored, fitted, parts, steps = self._train_and_score(t.clone(), values.clone(), variable.groups)
        each = self.contributions(scored)
        held = len(each)
        error, reach = error_of_mean(each, None if variable.groups is None else variable.groups[parts.held])
        value, bounded = float(each.mean()), not math.isnan(reach)
        gap = float(self.contributions(fitted).mean()) - value
        flags = (*nothing.flags, *self.doubts(value, scored))
        overfitted = gap > max(OVERFITTED_NATS, 0.5 * (value + gap))
        if self.bound == "lower bound" and overfitted:
            flags += (OVERFITTED,)
        unlearned = steps == 0 or value <= 1.96 * error or gap > max(value, CHANCE_ERRORS * error)
        if self.bound == "upper bound" and unlearned:
            flags += (NOT_LEARNED,)  # q is then no better than the shares are, or far from p on new samples
        if h_v is not None and value > h_v:
            flags += (ABOVE_CEILING,)
        return replace(
            nothing,
            value=value,
            low=value - reach if bounded and self.bound == "lower bound" else None,
            high=value + reach if bounded and self.bound == "upper bound" else None,
            flags=flags,
            amounts={
                **nothing.amounts,
                "standard_error": error if bounded else None,
                "chance": CHANCE_ERRORS * error if bounded else None,
                "on_training_part": value + gap,
                "log_n": math.log(held),
            },
            facts={**nothing.facts, "steps": steps, "held_out": held},
            interval="one-sided 97.5 %" if bounded else None,
        )

    def _train_and_score(self, t: Tensor, v: Tensor, groups: Tensor | None) -> tuple[Scored, Scored, Parts, int]:
        """Scores of the held-out half and of the training part, the parts, and the steps that were kept."""
        generator = torch.Generator().manual_seed(self.seed)
        parts = Parts.of(len(t), groups, generator, t.device)
        fit, stop = parts.fit, parts.stop[:MOST_STOPPING_ROWS]
        trained = torch.cat([fit, parts.stop])
        t, v = _standardised(t, trained), _standardised(v, trained)
        scorer = self.scorer(t, v, generator)
        steps = self._train(scorer, (t[fit], v[fit]), (t[stop], v[stop]), generator)
        with torch.no_grad():
            held = self._score(scorer, t[parts.held], v[parts.held])
            return held, self._score(scorer, t[fit], v[fit]), parts, steps

    def _train(
        self,
        scorer: Scorer,
        fit: tuple[Tensor, Tensor],
        stop: tuple[Tensor, Tensor],
        generator: torch.Generator,
    ) -> int:
        """Train; leaves the parameters that were best on the stopping part, and returns their step."""

        def loss(t: Tensor, v: Tensor) -> Tensor:
            return self.loss(scorer(t, v), torch.eye(len(t), dtype=torch.bool, device=t.device))

        optimiser = torch.optim.Adam(scorer.parameters, lr=self.learning_rate)
        best, least, kept, waited = [p.detach().clone() for p in scorer.parameters], math.inf, 0, 0
        for step in range(self.steps + 1):
            if step % CHECK_EVERY == 0 or step == self.steps:
                with torch.no_grad():
                    now = float(loss(*stop))
                if now < least:
                    best, least, kept, waited = [p.detach().clone() for p in scorer.parameters], now, step, 0
                elif (waited := waited + 1) >= PATIENCE or not math.isfinite(now):
                    break
            # without replacement: a sample that is twice in a batch would count as "another" of itself
            rows = torch.randperm(len(fit[0]), generator=generator)[: self.batch_size].to(fit[0].device)
            optimiser.zero_grad()
            loss(fit[0][rows], fit[1][rows]).backward()
            torch.nn.utils.clip_grad_norm_(scorer.parameters, LARGEST_GRADIENT)
            optimiser.step()
        with torch.no_grad():
            for parameter, value in zip(scorer.parameters, best, strict=True):
                parameter.copy_(value)
        return kept

    def _score(self, scorer: Scorer, t: Tensor, v: Tensor) -> Scored:
        """All pairs of ``t`` (samples, units) and ``v`` (samples, dimensions), some rows of the square at a time."""
        n = len(t)
        chunk = max(1, PAIRS_AT_ONCE // n)
        own, rows = [], []
        places = torch.arange(n, device=t.device)
        for start in range(0, n, chunk):
            scores = scorer(t[start : start + chunk], v).to(torch.float64)  # (chunk, samples)
            marks = places[start : start + chunk, None] == places  # exactly one in a row
            own.append(scores[marks])
            rows.append(self.statistic(scores, marks))
        return Scored(torch.cat(own), torch.cat(rows))


class CriticBound(NeuralBound):
    """A bound made of the scores of a separable critic."""

    def scorer(self, t: Tensor, v: Tensor, generator: torch.Generator) -> Scorer:
        return Separable(t.shape[1], v.shape[1], self.hidden, generator, t.device)


class DualBound(CriticBound):
    """A bound E[f] - (a mean of exp f over the pairs that did not occur): of each row its log mean exp is kept."""

    @abc.abstractmethod
    def second_mean(self, rows: Tensor) -> Tensor:
        """What is taken off the mean of f, () from the log mean exp of each row's other pairs (rows,)."""

    def loss(self, scores: Tensor, own: Tensor) -> Tensor:
        return self.second_mean(self.statistic(scores, own)) - scores.diagonal().mean()

    def statistic(self, scores: Tensor, own: Tensor) -> Tensor:
        return log_mean_exp_of_others(scores, own)

    def doubts(self, value: float, scored: Scored) -> tuple[Flag, ...]:
        return (DIVERGING,) if heavy_tail(scored.rows) else ()


def log_mean_exp(logs: Tensor) -> Tensor:
    """log of the mean of exp(logs), () from (rows,)."""
    return logs.logsumexp(0) - math.log(len(logs))


def log_mean_exp_of_others(scores: Tensor, own: Tensor) -> Tensor:
    """log of the mean of exp(scores) over the pairs that did not occur, for each row: (rows,) from (rows, samples)."""
    return scores.masked_fill(own, -math.inf).logsumexp(1) - math.log(scores.shape[1] - 1)


def heavy_tail(logs: Tensor) -> bool:
    """Whether a few of the rows carry the mean of exp(logs): the effective number is 1 / sum of squared shares."""
    shares = (logs - logs.logsumexp(0)).exp()
    return not bool(1 / shares.square().sum() >= FEWEST_EFFECTIVE)  # "not >=", so that NaN is a heavy tail too


def _standardised(values: Tensor, rows: Tensor) -> Tensor:
    """float32, mean 0 and standard deviation 1 over ``rows``; without the columns that are constant there.

    Values are (samples, columns), ``rows`` numbers those of the training half: the held-out half has no part in it.
    """
    standard = Standardiser.of(values[rows])
    if not bool(standard.varies.any()):
        return torch.zeros(len(values), 1, device=values.device)
    return standard(values).to(torch.float32)
