"""What no layer can beat: the information bottleneck curve. And I(X;T|Y), what a layer keeps beside the label.

The curve is the largest I(T;Y) for each I(X;T) among all (random) functions T of X. Where the label is a function of
the input it is min(I(X;T), H(Y)). Otherwise it is found by the iteration of Tishby, Pereira and Bialek (1999),
arXiv:physics/0004057, equations (16), (17) and (28),

    p(t|x) ~ p(t) exp(-beta KL(p(y|x) || p(y|t))),    p(t) = sum p(x) p(t|x),    p(y|t) = sum p(y|x) p(t|x) p(x) / p(t)

followed from large beta to small (each start is the solution before), which gives a lower bound of the curve.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infoplane.errors import InputError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.counting.samples import check_lengths, input_ids, label_ids
from infoplane.types import NATS_PER, Estimate, Units

Floats = NDArray[np.float64]


def conditional_information(i_xt: Estimate, i_ty: Estimate) -> Estimate:
    """I(X;T|Y) = I(X;T) - I(T;Y), which holds where T depends on X alone: what T keeps of X beside the label.

    The unit, n and flags are those of the two estimates, which must agree in unit and sample.

    Raises:
        InputError: the estimates are in different units, or of different samples.

    Example:
        >>> from infoplane.types import Estimate
        >>> conditional_information(Estimate(3.0, n=10), Estimate(0.75, n=10)).value
        2.25
    """
    if (i_xt.units, i_xt.n) != (i_ty.units, i_ty.n):
        raise InputError(
            f"I(X;T) is of {i_xt.n} samples in {i_xt.units} and I(T;Y) of {i_ty.n} in {i_ty.units}: estimate both on "
            "the same samples, in the same unit"
        )
    flags = tuple(dict.fromkeys((*i_xt.flags, *i_ty.flags)))
    details = {"i_xt": i_xt.value, "i_ty": i_ty.value, "measurement": i_xt.details.get("measurement")}
    return replace(i_xt, value=i_xt.value - i_ty.value, low=None, high=None, flags=flags, details=details)


@shielded
def ib_curve(x: Any, y: Any, *, points: int = 50, units: Units = "bits") -> Floats:
    """The bottleneck curve of the empirical joint distribution of inputs and labels.

    ``x`` (samples, ...) numbers, ``y`` (samples,) labels. Returns (points, 2): I(X;T) ascending, and the largest I(T;Y)
    for it, in ``units``.

    Raises:
        InputError: x and y differ in length, or hold fewer than two samples.

    Example:
        >>> ib_curve([0, 1, 2, 3], [0, 0, 1, 1], points=3)  # the label is a function of the input: min(I(X;T), H(Y))
        array([[0., 0.],
               [1., 1.],
               [2., 1.]])
    """
    inputs, labels = input_ids(x), label_ids(y)
    check_lengths(x=inputs.n, y=labels.n)
    joint = np.zeros((inputs.count, labels.count))
    np.add.at(joint, (inputs.ids.numpy(), labels.ids.numpy()), 1.0 / inputs.n)
    scale = NATS_PER[units]
    if ((joint > 0).sum(1) == 1).all():
        h_x, h_y = _entropy(joint.sum(1)), _entropy(joint.sum(0))
        reach = np.linspace(0, h_x, points)
        return np.stack([reach, np.minimum(reach, h_y)], axis=1) / scale
    return blahut_arimoto(joint, points=points) / scale


def blahut_arimoto(joint: Floats, *, points: int = 50, steps: int = 400) -> Floats:
    """Points of the curve of ``joint`` p(x, y), (inputs, labels), in nats: (points, 2), I(X;T) ascending.

    Inputs with the same p(y|x) are one. ``points`` values of beta from 1000 down to just below 1, where the solution is
    one value of T; ``steps`` iterations at each.
    """
    conditional = joint / joint.sum(1, keepdims=True)
    rows, which = np.unique(conditional.round(14), axis=0, return_inverse=True)
    p_x = np.bincount(which.ravel(), weights=joint.sum(1)).astype(np.float64)
    given_x = np.eye(len(rows))  # p(t|x): at first T is X
    curve = []
    for beta in np.geomspace(1000.0, 0.999, points):
        for _ in range(steps):
            given_x = _update(given_x, rows, p_x, beta)
        curve.append(_informations(given_x, rows, p_x))
    return np.array(sorted(curve))


def _update(given_x: Floats, rows: Floats, p_x: Floats, beta: float) -> Floats:
    p_t = p_x @ given_x
    # values of T that have died out leave: their logarithm is -inf, and later steps are cheaper without them
    kept = p_t > 1e-300
    p_t, given_x = p_t[kept], given_x[:, kept]
    y_given_t = (given_x * p_x[:, None]).T @ rows / p_t[:, None]
    logs = np.log(np.maximum(rows, 1e-300))[:, None, :] - np.log(np.maximum(y_given_t, 1e-300))[None]
    score = np.log(p_t)[None] - beta * (rows[:, None, :] * logs).sum(-1)
    score -= score.max(1, keepdims=True)  # beta up to 1000 would overflow
    weights = np.exp(score)
    return weights / weights.sum(1, keepdims=True)


def _informations(given_x: Floats, rows: Floats, p_x: Floats) -> tuple[float, float]:
    p_t = p_x @ given_x
    joint_y = (given_x * p_x[:, None]).T @ rows
    i_xt = _entropy(p_t) - float(p_x @ np.array([_entropy(row) for row in given_x]))
    return i_xt, _entropy(p_t) + _entropy(joint_y.sum(0)) - _entropy(joint_y.ravel())


def _entropy(p: Floats) -> float:
    positive = p[p > 0]
    return float(-(positive * np.log(positive)).sum())
