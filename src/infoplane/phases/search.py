"""A trajectory -> its phases: peaks, gains and losses of I(X;T), and what of a loss no choice of bins makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from infoplane.checks import choice, whole_number
from infoplane.errors import InputError
from infoplane.estimators.base import Estimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.rules import Fixed, Layer
from infoplane.flags import in_doubt
from infoplane.phases.table import CHECKS, Change, Phase, Phases
from infoplane.trajectory.trajectory import Trajectory, concat
from infoplane.types import NATS_PER

_KEY = ("split", "label", "family", "layer", "estimator")
Key = tuple[Any, ...]  #: the values of _KEY


def panel(bins: int = 30, *, low: float = -1.0, high: float = 1.0) -> list[Estimator]:
    """The estimators under which a loss must show before :func:`phases` calls it compression; the first is the one.

    ``bins`` bins on [``low``, ``high``]; half and double as many; ``bins`` from minimum to maximum of the layer; and
    ``bins`` with the Miller-Madow correction. Choose ``low`` and ``high`` so that they hold the layers' values: all
    above counts as one bin.

    Raises:
        InputError: fewer than 4 bins, of which a half would be no bins.

    Example:
        >>> [estimator.measurement for estimator in panel(bins=20)][1:3]
        ['10 bins on [-1, 1]', '40 bins on [-1, 1]']
    """
    bins = whole_number("bins", bins, least=4, example=30)
    fixed = Fixed(bins, low, high)
    return [
        Binned(fixed),
        Binned(Fixed(bins // 2, low, high)),
        Binned(Fixed(2 * bins, low, high)),
        Binned(Layer(bins)),
        Binned(fixed, correction="miller-madow"),
    ]


def phases(
    trajectory: Trajectory | Sequence[Trajectory], *, estimator: str | None = None, least: float = 0.1
) -> Phases:
    """Find the phases of every layer: a table, which prints itself and draws itself.

    For every layer (and split, label set and family) the step of the largest I(X;T), the bits gained before and lost
    after it up to the last step, and the step where the gradient's signal-to-noise ratio falls below 1 for the first
    time, beside that of its largest fall (from ``trajectory.scalars``, see ``GradientSignal``; the largest fall is
    where two constants fit the ratio's logarithm best).

    Copies of a family (rows of family ``single``) and the trajectories of several seeds are repeats: gain and loss
    are means over them with Student's 95 % interval. Each repeat is read at the step where the mean of the others is
    largest, so that noise alone neither gains nor loses. A single curve has no such guard: what it loses after its
    largest value is at least 0, whatever it is.

    A loss is one where it is at least ``least`` and its interval lies above 0. It is called ``compression`` only if it
    is one also with half and with double the bins, on a fixed range and on that of the layer, and with a corrected
    estimator; else ``verdict`` says under which it failed, or which of them were not checked because the trajectory
    has no such rows. ``estimators=ip.phases.panel()`` measures all of them.

    Args:
        trajectory: one, or one for each seed.
        estimator: the name in the column ``estimator`` to look at; the first one if None.
        least: bits of I(X;T), whatever the unit of the trajectory.

    Raises:
        InputError: no rows, fewer than two steps with I(X;T), rows in different units.
        UnknownNameError: no such estimator.

    Example:
        >>> curve = [1.0, 4.0, 2.5]
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": i, "estimator": "binned"} for s, i in enumerate(curve)]
        >>> (phase,) = phases(Trajectory(rows))
        >>> phase.peak, phase.gained.value, phase.lost.value, phase.verdict[:11]
        (1, 3.0, 1.5, 'not checked')
    """
    runs = [trajectory] if isinstance(trajectory, Trajectory) else list(trajectory)
    joined = runs[0] if len(runs) == 1 else concat(runs)
    curves, indices = _curves(runs)
    ordered = sorted(indices, key=lambda layer: indices[layer])
    names = list(dict.fromkeys(key[-1] for key in curves))
    if not names:
        raise InputError("no row of the trajectory has i_xt, so there are no phases to find: measure I(X;T) first")
    chosen = names[0] if estimator is None else choice("estimator", estimator, names)
    units = _units(joined)
    bits = least * NATS_PER["bits"] / NATS_PER[units]
    changes = {key: _change(key, repeats) for key, repeats in curves.items()}
    lost = {key: change.lost.value >= bits and (change.lost.low is None or change.lost.low > 0)
            for key, change in changes.items()}  # fmt: skip
    rivals = _rivals(chosen, joined.meta.get("estimators") or {})
    signals = _signals(runs, ordered)
    rows = []
    for key, change in changes.items():
        if key[-1] != chosen:
            continue
        checks = {check: _together([(*key[:-1], name) for name in rivals[check]], lost) for check in CHECKS}
        doubted = _doubted(joined, key, change.peak)
        below, fall = signals[key[3]]
        place = {**dict(zip(_KEY, key, strict=True)), "layer_index": indices[key[3]]}
        rows.append(Phase(**place, change=change, loses=lost[key], checks=checks, doubted=doubted, noise_from=below,
                          noise_fall=fall))  # fmt: skip
    return Phases(sorted(rows, key=lambda row: row.layer_index), units, joined)


def _curves(runs: Sequence[Trajectory]) -> tuple[dict[Key, list[dict[int, float]]], dict[Any, int]]:
    """The repeats of every key, each step -> I(X;T); and the position of every layer."""
    curves: dict[Key, dict[tuple[int, int], dict[int, float]]] = {}
    indices: dict[Any, int] = {}
    for number, run in enumerate(runs):
        for row in run:
            indices.setdefault(row["layer"], len(indices) if row["layer_index"] is None else row["layer_index"])
            if row["i_xt"] is not None:
                copy = -1 if row["copy"] is None else row["copy"]
                key = tuple(row[name] for name in _KEY)
                curves.setdefault(key, {}).setdefault((number, copy), {})[row["step"]] = row["i_xt"]
    return {key: list(repeats.values()) for key, repeats in curves.items()}, indices


def _units(trajectory: Trajectory) -> str:
    units = {row["units"] or "bits" for row in trajectory}
    if len(units) > 1:
        raise InputError(f"the trajectory has rows in {' and '.join(sorted(units))}: select one unit first")
    return units.pop()


def _change(key: Key, repeats: list[dict[int, float]]) -> Change:
    """Peak, gain and loss of the repeats over the steps that all of them have."""
    steps = sorted(set.intersection(*map(set, repeats)))
    if len(steps) < 2:
        raise InputError(
            f"layer {key[3]!r} has I(X;T) at {len(steps)} step{'s' * (len(steps) != 1)} that all repeats share: at "
            "least two are needed, measure the first step and the last"
        )
    values = np.array([[repeat[step] for step in steps] for repeat in repeats])  # (repeats, steps)
    return Change.of(steps, values)


def _rivals(label: str, known: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Check -> the estimators, by label, that answer it for the estimator ``label``."""
    own = known.get(label, {})
    if not own.get("bins"):
        return {check: [] for check in CHECKS}
    bins = own["bins"]
    others = {name: facts for name, facts in known.items() if facts["name"] == own["name"] and facts.get("bins")}

    def alike(facts: Mapping[str, Any], *but: str) -> bool:
        """Whether rule and its range, number of bins and correction are the same, leaving out what is named."""
        return all(_cut(facts)[what] == _cut(own)[what] for what in ("range", "bins", "correction") if what not in but)

    return {
        "half the bins": [n for n, f in others.items() if alike(f, "bins") and abs(f["bins"] - bins / 2) < 1],
        "double the bins": [n for n, f in others.items() if alike(f, "bins") and abs(f["bins"] - 2 * bins) < 1],
        "fixed range": [n for n, f in others.items() if alike(f, "range") and f["rule"] in ("fixed", "report")],
        "per-layer range": [n for n, f in others.items() if alike(f, "range") and f["rule"] == "layer"],
        "corrected": [n for n, f in others.items() if alike(f, "correction") and f["correction"] != "none"],
    }


def _cut(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What tells one way of binning from another; the range is the measurement without the number of bins."""
    return {**facts, "range": facts["measurement"].removeprefix(str(facts["bins"]))}


def _together(keys: Sequence[Key], lost: Mapping[Key, bool]) -> bool | None:
    """Whether all of these curves lose; None where there are none."""
    measured = [lost[key] for key in keys if key in lost]
    return all(measured) if measured else None


def _doubted(trajectory: Trajectory, key: Key, step: int) -> bool:
    """Whether a row of the peak says that its number is the sample's rather than the network's."""
    rows = trajectory.select(step=step, **dict(zip(_KEY, key, strict=True)))
    return any(in_doubt(row["flags"]) for row in rows)


def _signals(runs: Sequence[Trajectory], layers: list[Any]) -> dict[Any, tuple[int | None, int | None]]:
    """Layer -> the step where the ratio of its weights first falls below 1, and that of its largest fall."""
    ratios: dict[str, dict[int, list[float]]] = {}
    for row in (row for run in runs for row in run.scalars.select(name="gradient_ratio")):
        if row["value"] > 0:  # not NaN, and with a logarithm
            ratios.setdefault(row["layer"], {}).setdefault(row["step"], []).append(float(np.log(row["value"])))
    weights = _weights_before(layers, list(ratios))
    return {layer: _fall(ratios[weights[layer]]) if layer in weights else (None, None) for layer in layers}


def _weights_before(layers: list[Any], weighted: list[str]) -> dict[Any, str]:
    """Measured layer -> the layer with weights that feeds it: itself, the last one before it, or the one in its place.

    The last one before it is among the measured layers, or among the numbers of the same ``nn.Sequential``.
    """
    weights: dict[Any, str] = {}
    newest = None
    for layer in layers:
        newest = layer if layer in weighted else newest
        before = [(place, name) for name in weighted if (place := _numbers_before(name, str(layer))) is not None]
        if newest is not None or before:
            weights[layer] = max(before)[1] if newest is None else newest
    if not weights and len(layers) == len(weighted):
        return dict(zip(layers, weighted, strict=True))
    return weights


def _numbers_before(name: str, layer: str) -> int | None:
    """The number of module ``name`` where it stands before ``layer`` in the same ``nn.Sequential``."""
    (parent, _, last), (other, _, own) = name.rpartition("."), layer.rpartition(".")
    if parent != other or not (last.isdecimal() and own.isdecimal()) or int(last) > int(own):
        return None
    return int(last)


def _fall(logs: Mapping[int, Sequence[float]]) -> tuple[int | None, int | None]:
    """The first step below 1 after one above it (the first of all where none is above), and that of the largest fall.

    ``logs``: step -> logarithms of the ratio, one a copy.
    """
    steps = sorted(logs)
    means = np.array([np.mean(logs[step]) for step in steps])
    above = np.flatnonzero(means >= 0)
    falls = np.flatnonzero(means[above[0] if len(above) else 0 :] < 0)
    below = steps[falls[0] + (above[0] if len(above) else 0)] if len(falls) else None
    finite = np.isfinite(means)
    steps, means = [step for step, kept in zip(steps, finite, strict=True) if kept], means[finite]
    gains = [
        at * (len(means) - at) / len(means) * max(means[:at].mean() - means[at:].mean(), 0.0) ** 2
        for at in range(1, len(means))
    ]  # by how much two constants fit better than one
    return below, steps[int(np.argmax(gains)) + 1] if gains and max(gains) > 0 else None
