"""Are neighbouring rows alike? How many independent samples dependent ones are worth.

Where samples follow each other in time, layer and label drift, and whatever drifts seems related. With r_T(k) and
r_Y(k) the autocorrelations at lag k, the covariance of two independent series has the variance of

    n_eff = n / (1 + 2 sum_k r_T(k) r_Y(k))

independent samples (Bartlett 1935, Journal of the Royal Statistical Society 98, 536). The layer is taken without the
means of the classes, so that independent samples that were sorted by class are not suspected: their order tells
nothing. A sum within four of its standard errors for a layer without memory, (sum_k r_Y(k)^2 / n)^.5, or a label
without, counts as none.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from infoplane.estimators.counting.samples import Variable
from infoplane.flags import ORDERED_SAMPLES, lit
from infoplane.types import Estimate

#: Fewer samples say too little about their order.
_FEWEST = 100
_DIRECTIONS = 4  # random ones in which layer and label are looked at
_BINS = 50  # of a label of numbers, whose means are taken from the layer
_MOST_LAGS = 1000
_ERRORS = 4.0  # standard errors: one false alarm in some 30 000
#: Flagged where the samples are worth less than this share of their number.
_WORTH = 2 / 3


def effective_samples(t: Tensor, y: Variable) -> float:
    """How many independent samples these are worth, at most their number; ``t`` (samples, units), in their order."""
    n = len(t)
    if n < _FEWEST:
        return float(n)
    random = np.random.default_rng(0)
    layer = _directions(t.detach(), random)
    classes, label = _classes_and_values(y, random)
    sums = np.zeros((classes.max() + 1, layer.shape[1]))
    np.add.at(sums, classes, layer)
    counts = np.bincount(classes)[:, None]
    if len(counts) <= n / 5:
        layer = layer - (sums / counts)[classes]
    of_t, of_y = _autocorrelation(layer), _autocorrelation(label)
    total = float(of_t @ of_y)
    error = float(max(of_t @ of_t, of_y @ of_y) / n) ** 0.5
    return n / (1 + 2 * total) if total > _ERRORS * error else float(n)


def with_order(estimate: Estimate, t: Tensor, y: Variable) -> Estimate:
    """The estimate with a flag and ``details["effective_n"]`` where neighbouring rows are alike; not with groups."""
    if y.groups is not None:
        return estimate
    worth = effective_samples(t, y)
    if worth > _WORTH * len(t):
        return estimate
    details = {**estimate.details, "effective_n": worth}
    return replace(estimate, flags=lit((*estimate.flags, ORDERED_SAMPLES)), details=details)


def _directions(values: Tensor, random: np.random.Generator) -> np.ndarray:
    """(samples, few): columns as they are, or random mixtures of them where there are many."""
    units = values.shape[1]
    weights = np.eye(units) if units <= _DIRECTIONS else random.normal(size=(units, _DIRECTIONS))
    spread = values.std(0)
    weighed = torch.as_tensor(weights).to(values) / spread.where(spread > 0, torch.inf)[:, None]  # (units, few)
    return np.asarray((values @ weighed).cpu().double().numpy())


def _classes_and_values(y: Variable, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A label as whole numbers (samples,), and as values (samples, few)."""
    if y.ids is not None:
        ids = y.ids.ids.cpu().numpy()
        return ids, random.normal(size=(y.ids.count, _DIRECTIONS))[ids]
    values = _directions(y.values(), random)
    ranks = values[:, 0].argsort().argsort()
    return ranks * _BINS // len(ranks), values


def _autocorrelation(series: np.ndarray) -> np.ndarray:
    """At the lags 1, 2, ... (lags,), the mean over the columns of ``series`` (samples, columns) that vary."""
    n = len(series)
    series = series - series.mean(axis=0)
    power = np.abs(np.fft.rfft(series, 2 * n, axis=0)) ** 2
    covariance = np.fft.irfft(power, axis=0)[: min(n // 4, _MOST_LAGS) + 1]
    varying = covariance[0] > 1e-12 * n
    if not varying.any():
        return np.zeros(len(covariance) - 1)
    return np.asarray((covariance[1:, varying] / covariance[0, varying]).mean(axis=1))
