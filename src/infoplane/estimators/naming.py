"""What estimators are called in a trajectory: by their name alone, or with their measurement where several share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoplane.errors import InputError
from infoplane.estimators.base import Estimator, LadderEstimator
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.rules import RULES, rule


def described(estimators: Sequence[Estimator]) -> dict[str, dict[str, Any]]:
    """Label in the column ``estimator`` -> ``name`` and ``measurement``; of ``binned`` also ``rule`` and ``bins``.

    The label is the name, ``binned``; where several estimators have it, measurement (and correction) are part of it:
    ``binned(15 bins on [-1, 1])``, or the level alone, ``channel 10 dB``. ``correction`` is there where the estimator
    has one, ``bins`` None where the rule has no fixed number of them.

    Raises:
        InputError: two estimators that cannot be told apart.

    Example:
        >>> list(described([Binned(15), Binned(30, correction="miller-madow")]))[1]
        'binned(30 bins from minimum to maximum of the layer, miller-madow)'
    """
    names = [made.name for made in estimators]
    found: dict[str, dict[str, Any]] = {}
    for made in estimators:
        facts = _facts(made)
        corrected = facts.get("correction", "none") != "none"
        words = [facts["measurement"], facts["correction"]] if corrected else [facts["measurement"]]
        label = made.name
        if names.count(made.name) > 1:
            level = f" {made.level}" if isinstance(made, LadderEstimator) else ""
            label += level or f"({', '.join(words)})"
        if label in found:
            raise InputError(
                f"estimators has {label} twice, rows of which could not be told apart: leave one of them out"
            )
        found[label] = facts
    return found


def _facts(made: Estimator) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": made.name, "measurement": made.measurement}
    correction = getattr(made, "correction", None)
    if correction is not None:
        facts["correction"] = correction
    if isinstance(made, Binned):
        cut = rule(made.bins)
        facts["rule"] = next((name for name, kind in RULES.items() if type(cut) is kind), type(cut).__name__)
        facts["bins"] = len(cut.edges) if hasattr(cut, "edges") else getattr(cut, "bins", None)
    return facts
