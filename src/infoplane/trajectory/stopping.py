"""The newest rows of a trajectory -> a decision to stop or to go on, with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

from infoplane.errors import InputError, UnknownNameError
from infoplane.trajectory.monitor import Monitor, Rows, monitored, parse_monitor

_PUBLISHED_LAST = 1e-19  # the published rule's "last value", which it never updates


@dataclass(frozen=True)
class Decision:
    """What one look says. ``value`` and ``best`` are in the unit of the rows; ``best_epoch`` is where ``best`` was."""

    stop: bool
    reason: str
    value: float | None
    best: float | None
    best_epoch: int | None
    improved: bool


@final
@dataclass(frozen=True, kw_only=True)
class InformationStopping:
    """When to stop training: when an information quantity of one layer no longer improves.

    This is only the description; ``start()`` gives the state that decides. The criterion looks at the epochs that are
    multiples of ``check_every``, from ``start_from_epoch`` on. As in Keras [1], a look improves on the best value
    before it if it exceeds it by more than ``min_delta`` (``mode="min"``: falls below it by more); the first value
    always improves; training stops at the look that is the ``patience``-th in a row without improvement, or the first
    where ``patience`` is 0, but never at the very first look. So where the best look is number e, look e + 1 stops for
    a patience of 0 and 1 alike, and look e + p for a patience of p. A value that is missing, NaN or infinite is a look
    without improvement.

    Args:
        monitor: an expression of ``I(X;T)``, ``I(T;Y)``, ``H(T)``, ``H(T|X)`` (or ``i_xt``, ``i_ty``, ``h_t``,
            ``h_t_given_x``), ``beta`` and numbers with ``+ - * /`` and parentheses; or a function of all newest rows.
        beta: the price of one unit of I(X;T).
        min_delta: the least improvement that counts, in the unit of the rows, 0 or more.
        patience: looks without improvement to wait for.
        mode: ``"max"`` or ``"min"``.
        start_from_epoch: the first epoch at which to look.
        restore_best_weights: ask the training to go back to the weights of the best look.
        check_every: epochs from one look to the next.
        layer: ``"last"``, a name, or a position (0 first, -1 last).
        rule: ``"report"`` is a published rule [2]: stop at a look if ``value - 1e-19 < min_delta * 1e-19``, whatever
            came before. Data processing makes I(T;Y) - beta I(X;T) at most 0 for beta of 1 or more, so with the default
            monitor it then stops at its first look, always. It is there to show that; patience and mode are not used.
        family: which rows, where there are several kinds; if None, ``exact`` before ``per-copy``, ``single`` and
            ``sampled``. Rows of single copies are averaged where there is none for the whole family.
        estimator: likewise; if None, the one that comes first.
        split: likewise.
        label: likewise.

    Raises:
        InputError: a setting outside its range, or an expression of anything else.

    Example:
        >>> state = InformationStopping(monitor="I(T;Y)", patience=1).start()
        >>> rows = [[{"step": e, "layer": "fc", "layer_index": 0, "i_ty": v}] for e, v in enumerate((0.1, 0.4, 0.3))]
        >>> [state.update(epoch, rows[epoch]).stop for epoch in range(3)]
        [False, False, True]

    References:
        [1] keras.callbacks.EarlyStopping, https://keras.io/api/callbacks/early_stopping
        [2] The stopping rule of the report that this library rebuilds; see the documentation, "the report re-examined".
    """

    monitor: Monitor = "I(T;Y) - beta*I(X;T)"
    beta: float = 1.0
    min_delta: float = 0.0
    patience: int = 0
    mode: Literal["max", "min"] = "max"
    start_from_epoch: int = 0
    restore_best_weights: bool = False
    check_every: int = 1
    layer: str | int = "last"
    rule: Literal["improvement", "report"] = "improvement"
    family: str | None = None
    estimator: str | None = None
    split: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("mode", ("max", "min")), ("rule", ("improvement", "report"))):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known)
        for name, least in (("patience", 0), ("start_from_epoch", 0), ("check_every", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f"{name} is {value!r}: a whole number of {least} or more is needed")
        if not (math.isfinite(self.min_delta) and self.min_delta >= 0):
            raise InputError(
                f"min_delta is {self.min_delta!r}: an absolute amount of 0 or more is needed; "
                "for a quantity that should fall say mode='min'"
            )
        if not math.isfinite(self.beta):
            raise InputError(f"beta is {self.beta!r}: a finite number is needed")
        if isinstance(self.monitor, str):
            parse_monitor(self.monitor)

    def looks_at(self, epoch: int) -> bool:
        """Whether the criterion looks after this epoch; rows are needed only then."""
        return epoch >= self.start_from_epoch and epoch % self.check_every == 0

    def start(self) -> StoppingState:
        """The state before the first epoch."""
        return StoppingState(self)


@final
@dataclass
class StoppingState:
    """What a criterion remembers from look to look; ``to_dict`` and ``from_dict`` carry it over an interruption."""

    criterion: InformationStopping
    best: float | None = None
    best_epoch: int | None = None
    waited: int = 0  # looks without improvement since the best one

    def update(self, epoch: int, rows: Rows) -> Decision:
        """Look at the newest rows after ``epoch`` and decide.

        Raises:
            InputError: no rows, or none of the wanted layer, family, estimator, split or label.
        """
        criterion = self.criterion
        if not criterion.looks_at(epoch):
            return self._decision(False, f"epoch {epoch} is not one to look at", None, improved=False)
        kinds = {name: getattr(criterion, name) for name in ("split", "label", "family", "estimator")}
        value, missing = monitored(criterion.monitor, rows, beta=criterion.beta, layer=criterion.layer, kinds=kinds)
        improved = value is not None and (
            self.best is None
            or (value - self.best if criterion.mode == "max" else self.best - value) > criterion.min_delta
        )
        if improved:
            self.best, self.best_epoch, self.waited = value, epoch, 0
        else:
            self.waited += 1
        if criterion.rule == "report":
            return self._published(value, missing, improved=improved)
        if improved:
            return self._decision(False, f"{_shown(value)} is the best so far", value, improved=True)
        fault = missing or f"{_shown(value)} does not improve on {_shown(self.best)} by more than {criterion.min_delta}"
        first_look = self.best is None and self.waited == 1
        stop = self.waited >= criterion.patience and not first_look
        waited = f"{self.waited} looks without improvement, patience {criterion.patience}"
        return self._decision(stop, f"{fault}; {waited}", value, improved=False)

    def to_dict(self) -> dict[str, Any]:
        """What to write down, in values that JSON has a form for."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    @classmethod
    def from_dict(cls, criterion: InformationStopping, saved: Mapping[str, Any]) -> StoppingState:
        """The state that ``to_dict`` wrote down, of the same criterion.

        Raises:
            InputError: not what ``to_dict`` writes.
        """
        if set(saved) != {"best", "best_epoch", "waited"}:
            raise InputError(
                f"a saved state has best, best_epoch and waited; this one has {', '.join(saved) or 'none'}"
            )
        return cls(criterion, saved["best"], saved["best_epoch"], saved["waited"])

    def _published(self, value: float | None, missing: str, *, improved: bool) -> Decision:
        if value is None:
            return self._decision(False, f"{missing}; the published rule goes on", value, improved=False)
        stop = value - _PUBLISHED_LAST < self.criterion.min_delta * _PUBLISHED_LAST
        how = "is not above" if stop else "is above"
        reason = f"{_shown(value)} {how} the published rule's constant 1e-19"
        return self._decision(stop, reason, value, improved=improved)

    def _decision(self, stop: bool, reason: str, value: float | None, *, improved: bool) -> Decision:
        return Decision(stop, reason, value, self.best, self.best_epoch, improved)


def _shown(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
