"""The 1797 handwritten digits that scikit-learn carries with it: real images without a download."""

from __future__ import annotations

import numpy as np

from infoplane.checks import whole_number
from infoplane.datasets.facts import label_facts
from infoplane.datasets.rows import draw_rows
from infoplane.types import Dataset

_SIDE = 8


def load_digits(*, samples: int | None = None, pad: int | None = 14, seed: int = 0) -> Dataset:
    """scikit-learn's digits: 1797 images of 8x8 pixels with grey levels 0..16, ten classes.

    x is int64, one image a row. ``pad=14`` puts each image into the middle of 14x14 zeros, ``(samples, 196)``, the
    shape of the pooled MNIST images; any side of at least 8 will do, and of an odd number of lines to add, the last
    goes to the bottom and the right. ``pad=None`` leaves the image alone, ``(samples, 64)``. ``samples`` draws that
    many rows at random without replacement; None takes all of them in their order, and ``seed`` then changes
    nothing.

    Raises:
        InputError: fewer than 2 samples, or more than there are; a pad below 8.

    Example:
        >>> load_digits(samples=100).x.shape, load_digits(pad=None).x.shape
        ((100, 196), (1797, 64))
    """
    pad = None if pad is None else whole_number("pad", pad, least=_SIDE, example=14)
    seed = whole_number("seed", seed, least=0, example=0)
    samples = None if samples is None else whole_number("samples", samples, least=2, example=1000)
    from sklearn import datasets as sklearn_datasets  # slow to import

    bundle = sklearn_datasets.load_digits()
    rows = draw_rows(len(bundle.target), samples, seed=seed, source="'digits'")
    images = bundle.images[rows].astype(np.int64)  # (samples, 8, 8)
    y = bundle.target[rows].astype(np.int64)
    if pad is not None:
        before = (pad - _SIDE) // 2
        margin = (before, pad - _SIDE - before)
        images = np.pad(images, ((0, 0), margin, margin))  # (samples, pad, pad)
    details = {
        "seed": seed,
        "options": {"samples": samples, "pad": pad},
        "source": "scikit-learn's load_digits",
        "facts": label_facts(y),
    }
    return Dataset("digits", images.reshape(len(rows), -1), y, details)
