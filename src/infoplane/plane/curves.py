"""What was gathered of every layer -> its information curves, copy by copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infoplane.companions.curve import curve_of
from infoplane.companions.curves import Curves
from infoplane.estimators.ambient import shielded
from infoplane.estimators.base import check_finite
from infoplane.estimators.channel import Signal
from infoplane.plane.gather import Gathered
from infoplane.plane.measure import place_of
from infoplane.plane.question import Moment, Question


@shielded
def curves_of(gathered: Gathered, question: Question, ratios: Sequence[float], moment: Moment, *, seed: int) -> Curves:
    """The curves at rising ratios; label sets of one value, about which there is nothing to know, are left out."""
    if question.few is not None and gathered.rows is not None:
        question = question.few
    labels = {name: ids for name, y in question.labels.items() if (ids := y.classes()).count > 1}
    options: dict[str, Any] = {"groups": question.x.groups, "units": question.units, "details": {"seed": seed}}
    layers = {}
    for layer, t in gathered.kept.items():  # (members, samples, units)
        check_finite(t, place_of(layer, question, moment))
        layers[layer] = [curve_of(Signal.of(member), labels, ratios, **options) for member in t]
    return Curves(layers)
