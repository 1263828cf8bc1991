"""Usable information: what a probe can predict of the label from a layer, on samples that it has not seen.

    I_V(T -> Y) = H_V(Y) - H_V(Y|T)

H_V(Y|T) is the held-out cross-entropy of a probe of the family V: multinomial logistic regression with an L2 penalty,
or the network's own head where the layer holds its logits. H_V(Y) is the held-out cross-entropy of the best constant
prediction, or log(number of classes).

Xu et al. (2020), A theory of usable information under computational constraints, ICLR 2020, arXiv:2002.10689
(predictive conditional V-entropy and predictive V-information). Nats inside. Bias: a lower bound of I(T;Y) in
expectation where H_V(Y) is that of a constant; low by what the family cannot express and what the training half does
not teach. Negative where the probe has overfitted: that is kept. Never infinite, and not subject to data processing: a
later layer may have more of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.base import Estimator, Resampling
from infoplane.estimators.counting.intervals import error_of_mean
from infoplane.estimators.counting.samples import Ids, Variable
from infoplane.estimators.counting.symbols import constant_units
from infoplane.estimators.distances.columns import Standardiser
from infoplane.estimators.light import CHANCE_ERRORS
from infoplane.flags import ABOVE_CEILING, CONSTANT_UNITS, NOT_CONVERGED, OVERFITTED
from infoplane.types import Information

HEADS = ("linear", "identity")
BASELINES = ("label", "uniform")
FEWEST_SAMPLES = 4
MOST_ITERATIONS = 300
_CHUNK = 512  # samples of a wide layer that are turned at a time
ROUNDING = 1e-9  # nats
LARGEST_GRADIENT = 1e-5  # in nats per unit of a weight; the probe has converged below it


@dataclass(frozen=True)
class HeldOut:
    """Cross-entropies, nats, of every held-out sample: of the probe and of the baseline; the probe's gradient; and the
    numbers of the samples.
    """

    probe: Tensor
    baseline: Tensor
    gradient: float
    samples: Tensor


@final
class Usable(Estimator):
    """Information of a layer about classes that a linear probe, or the network's own head, can use.

    For what a linear probe could read out: held out, and negative where it overfits.

    ``head``: ``"linear"`` fits a logistic regression on a share 1 - ``held_out`` of the samples, drawn by ``seed``
    class by class (or by whole groups of samples, where there are groups), in float64; ``"identity"`` takes the layer's
    values as logits, one unit a class in ascending order of the labels, and uses all samples. ``penalty`` is the weight
    of half the squared weights (units are standardised).
    ``baseline``: ``"label"`` (best constant prediction) or ``"uniform"`` (log of the number of classes).

    >>> import infoplane as ip, torch
    >>> y = torch.arange(400) % 2
    >>> t = y[:, None] + 0.1 * torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    >>> 0.8 < ip.mutual_information(t, y, estimator="usable").value < 1
    True
    """

    name: ClassVar[str] = "usable"
    resampling: Resampling = "own"
    chained: ClassVar[bool] = False
    informations: ClassVar[tuple[str, ...]] = ("i_ty",)

    def __init__(
        self,
        head: str = "linear",
        penalty: float = 1e-3,
        held_out: float = 0.5,
        baseline: str = "label",
        seed: int = 0,
    ) -> None:
        for kind, given, known in (("head", head, HEADS), ("baseline", baseline, BASELINES)):
            if given not in known:
                raise UnknownNameError(kind, given, known)
        if not 0 < penalty < math.inf:
            raise InputError(f"penalty must be a positive number, got {penalty!r}: for example penalty=0.001")
        if not 0 < held_out < 1:
            raise InputError(f"held_out must lie between 0 and 1, got {held_out!r}: for example held_out=0.5")
        self.head, self.penalty, self.held_out = head, penalty, held_out
        self.baseline, self.seed = baseline, seed

    @property
    def measurement(self) -> str:
        if self.head == "identity":
            return "cross-entropy of the layer's values as logits"
        return f"held-out cross-entropy of a linear probe, penalty {self.penalty:g}"

    def prepare(self, t: Tensor) -> Tensor:
        return t

    def with_input(self, prepared: Tensor, x: Variable) -> Information:
        raise InputError("usable information is about labels: ask for I(T;Y), or take another estimator for I(X;T)")

    def with_label(self, prepared: Tensor, y: Variable) -> Information:
        labels = y.classes()
        constant = int(constant_units(prepared[None]))
        held = self._held(prepared, labels, y.groups)
        each = held.baseline - held.probe
        value = float(each.mean())
        error, reach = error_of_mean(each, None if y.groups is None else y.groups[held.samples])
        flags = tuple(
            flag
            for flag, raised in (
                (CONSTANT_UNITS, constant > 0),
                (NOT_CONVERGED, held.gradient > LARGEST_GRADIENT),
                (OVERFITTED, value < -reach - ROUNDING),
                (ABOVE_CEILING, value > labels.entropy() + reach + ROUNDING),
            )
            if raised
        )
        amounts = {"baseline": float(held.baseline.mean()), "cross_entropy": float(held.probe.mean())}
        return Information(
            value,
            labels.n,
            "population",
            "lower bound" if self.baseline == "label" else "estimate",
            low=None if math.isnan(reach) else value - reach,
            high=None if math.isnan(reach) else value + reach,
            flags=flags,
            amounts=amounts
            | {
                "standard_error": error,
                "chance": None if math.isnan(error) else CHANCE_ERRORS * error,
                "h_y": labels.entropy(),
            },
            facts={"held_out": len(each), "constant_units": constant},
            interval=None if math.isnan(reach) else "population 95 %",
        )

    def _held(self, t: Tensor, labels: Ids, groups: Tensor | None) -> HeldOut:
        if self.head == "identity":
            if t.shape[1] != labels.count:
                raise InputError(
                    f"{t.shape[1]} units for {labels.count} classes: head='identity' needs one logit a class; "
                    "use head='linear'"
                )
            everything = torch.arange(labels.n, device=t.device)
            baseline = self._baseline(everything, labels)
            return HeldOut(_cross_entropies(t.to(torch.float64), labels.ids), baseline, 0.0, everything)
        fit, held = self._split(labels) if groups is None else self._split_groups(labels, groups)
        logits, gradient = self._probe(t, labels, fit)
        each = _cross_entropies(logits[held], labels.ids[held])
        return HeldOut(each, self._baseline(fit, labels)[held], gradient, held)

    def _baseline(self, fit: Tensor, labels: Ids) -> Tensor:
        """Cross-entropy of every sample where all are predicted alike; ``fit`` numbers the samples it is learned on."""
        if self.baseline == "uniform":
            return torch.full((labels.n,), math.log(labels.count), dtype=torch.float64, device=labels.ids.device)
        return -_log_shares(fit, labels)[labels.ids]

    def _split(self, labels: Ids) -> tuple[Tensor, Tensor]:
        """Sample numbers to fit on and to hold out, each class by the same share; a lone sample is fitted on."""
        order = torch.randperm(labels.n, generator=torch.Generator().manual_seed(self.seed)).to(labels.ids.device)
        by_class = order[labels.ids[order].argsort(stable=True)]
        ids = labels.ids[by_class]
        sizes = labels.counts.to(ids.device)
        rank = torch.arange(labels.n, device=ids.device) - (sizes.cumsum(0) - sizes)[ids]  # within the class
        held = rank < (sizes * self.held_out).floor()[ids]
        if labels.n < FEWEST_SAMPLES or not bool(held.any()):
            raise InputError(
                f"{labels.n} samples in {labels.count} classes leave none to hold out: give several samples of each"
            )
        return by_class[~held], by_class[held]

    def _split_groups(self, labels: Ids, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Sample numbers to fit on and to hold out, each group on one side; the first group of a class is fitted on."""
        members = [(groups == group).nonzero()[:, 0] for group in groups.unique()]
        known: set[int] = set()
        fit: list[Tensor] = []
        held: list[Tensor] = []
        wanted = self.held_out * labels.n
        for at in torch.randperm(len(members), generator=torch.Generator().manual_seed(self.seed)).tolist():
            classes = set(labels.ids[members[at]].tolist())
            (held if classes <= known and sum(len(group) for group in held) < wanted else fit).append(members[at])
            known |= classes
        if labels.n < FEWEST_SAMPLES or not held:
            raise InputError(
                f"{len(members)} groups in {labels.count} classes leave none to hold out: give several groups of each"
            )
        return torch.cat(fit), torch.cat(held)

    def _probe(self, t: Tensor, labels: Ids, fit: Tensor) -> tuple[Tensor, float]:
        """Logits of all samples, fitted on some, and the largest gradient that is left."""
        standard = Standardiser.of(t[fit])
        known = standard(t[fit])
        if known.shape[1] > len(fit):  # the penalty keeps the weights in the span of the rows that they are fitted to
            span = torch.linalg.qr(known.T).Q
            rows = torch.cat([standard(some) @ span for some in t.split(_CHUNK)])
        else:
            rows = standard(t)
        weight = torch.zeros(rows.shape[1], labels.count, dtype=torch.float64, device=t.device)
        offset = _log_shares(fit, labels)
        known, ids = rows[fit], labels.ids[fit]
        solver = torch.optim.LBFGS(
            [weight, offset],
            max_iter=MOST_ITERATIONS,
            tolerance_grad=LARGEST_GRADIENT / 10,
            tolerance_change=1e-14,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            logs = torch.addmm(offset, known, weight).log_softmax(1)
            error = logs.exp()
            error[torch.arange(len(ids), device=ids.device), ids] -= 1
            error /= len(ids)  # the gradient of the logits
            weight.grad, offset.grad = torch.addmm(weight, known.T, error, beta=self.penalty), error.sum(0)
            return self.penalty / 2 * weight.square().sum() - logs.gather(1, ids[:, None]).mean()

        if bool(standard.varies.any()):
            solver.step(loss)
            loss()
        left = [float(p.grad.abs().max()) for p in (weight, offset) if p.grad is not None]
        return torch.addmm(offset, rows, weight), max(left, default=0.0)


def _log_shares(rows: Tensor, labels: Ids) -> Tensor:
    """(classes,) logarithms of the shares of the classes among some samples."""
    return (torch.bincount(labels.ids[rows], minlength=labels.count).to(torch.float64) / len(rows)).log()


def _cross_entropies(logits: Tensor, ids: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits, ids, reduction="none")
