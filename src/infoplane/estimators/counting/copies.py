"""Codes of the copies of a network -> one table, in the ways of reading a family (docs: "what the numbers mean").

With K the copy, uniform on J copies and independent of X: (X, K) determines T, so H(T) = I(X,K;T) = I(X;T) + H(T|X)
and 0 <= H(T|X) <= log J.
"""

from __future__ import annotations

from torch import Tensor

from infoplane.errors import UnknownNameError
from infoplane.estimators.counting.entropy import SUMMARY, tabulate
from infoplane.estimators.counting.samples import Ids
from infoplane.types import FAMILIES


def family_table(
    codes: Tensor, x: Ids, y: Ids, family: str, *, draws: Tensor | None = None, correction: str = "none"
) -> Tensor:
    """Entropies (nats) and counts of every layer of a family.

    ``codes`` (layers, members, samples) int64; ``draws`` (samples,) int64, the copy each sample is sent through, for
    ``sampled``; (layers, 1, samples) where it differs. Returns (layers, rows, columns of ``SUMMARY``) float64, one row,
    but one a copy for ``single``:

    - ``single``: each copy by itself.
    - ``per-copy``: the mean over the copies of the simple estimator, I(X;T|K).
    - ``exact``: all samples through all copies, p(t|x) = share of the copies that send x to t.
    - ``sampled``: each sample through one random copy (the report's); its H(T) is I(X,K;T), which counts the copy's
      identity as information about X.
    """
    if family not in FAMILIES:
        raise UnknownNameError("family", family, FAMILIES)
    layers, members, samples = codes.shape
    if family == "exact":
        pooled = codes.reshape(layers, members * samples)
        return _table(pooled, x, y, correction)[:, None]
    if family == "sampled":
        if draws is None:
            raise ValueError("family 'sampled' needs draws: the copy that each sample is sent through")
        drawn = codes.gather(1, draws.expand(layers, 1, samples))[:, 0]
        return _table(drawn, x, y, correction)[:, None]
    each = _table(codes.reshape(layers * members, samples), x, y, correction).view(layers, members, len(SUMMARY))
    return each.mean(1, keepdim=True) if family == "per-copy" else each


def _table(codes: Tensor, x: Ids, y: Ids, correction: str) -> Tensor:
    return tabulate(codes, y.ids, y.count, x.ids, x.count, correction=correction)
