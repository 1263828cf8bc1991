"""The task of Shwartz-Ziv and Tishby (2017): all patterns of twelve bits, labelled by a rule on an icosahedron.

The twelve bits sit on the vertices of an icosahedron, and a label depends only on how the bits that are on lie to
each other: their number, the edges with both ends on, the opposite pairs with both ends on. The rule is written
down here, so that the labels need no data file.

References:
    [1] Shwartz-Ziv, R. and Tishby, N. (2017). Opening the black box of deep neural networks via information.
        arXiv:1703.00810.
"""

from __future__ import annotations

import numpy as np

from infoplane.checks import choice, whole_number
from infoplane.datasets.facts import entropy_bits
from infoplane.types import Dataset

_BITS = 12
EDGES = (
    (0, 1), (0, 3), (0, 5), (0, 10), (0, 11), (1, 2), (1, 3), (1, 4), (1, 11), (2, 3),
    (2, 4), (2, 8), (2, 9), (3, 8), (3, 10), (4, 6), (4, 9), (4, 11), (5, 6), (5, 7),
    (5, 10), (5, 11), (6, 7), (6, 9), (6, 11), (7, 8), (7, 9), (7, 10), (8, 9), (8, 10),
)  # fmt: skip
ANTIPODES = ((0, 9), (1, 7), (2, 5), (3, 6), (4, 10), (8, 11))


def load_szt(*, values: str = "01", seed: int = 0) -> Dataset:
    """All 4096 patterns of twelve bits with the labels of [1] (see the head of this file).

    x is float32 ``(4096, 12)``: row r is r in binary, bit 0 the most significant; a bit is 0 or 1, or with
    ``values="-1+1"`` it is -1 or +1. The rows are the whole distribution, so the facts are exact for them: H(X) = 12
    bits, H(Y) = I(X;Y) = 0.9991571 bits. Nothing is random: ``seed`` is kept in the details and changes nothing.

    Raises:
        UnknownNameError: other ``values``.
        InputError: a seed that is no whole number from 0.

    Example:
        >>> load_szt(values="-1+1").x[1, -2:].tolist()
        [-1.0, 1.0]
    """
    values = choice("values", values, ("01", "-1+1"))
    seed = whole_number("seed", seed, least=0, example=0)
    bits = (np.arange(2**_BITS)[:, np.newaxis] >> np.arange(_BITS - 1, -1, -1)) & 1  # (samples, units)
    y = labels(bits)
    h_y = entropy_bits(np.bincount(y) / len(y))
    facts = {
        "about": "these rows, which are the whole task",
        "h_x_bits": float(_BITS),
        "h_y_bits": h_y,
        "i_xy_bits": h_y,
    }
    details = {
        "seed": seed,
        "options": {"values": values},
        "source": "generated: all patterns of 12 bits, labelled by the icosahedron rule",
        "facts": facts,
    }
    x = bits if values == "01" else 2 * bits - 1
    return Dataset("szt", x.astype(np.float32), y, details)


def labels(bits: np.ndarray) -> np.ndarray:
    """The label, int64 ``(samples,)``, of patterns of whole numbers 0 and 1, ``(samples, 12)``.

    Example:
        >>> labels(np.array([[1] * 12, [0] * 12])).tolist()
        [1, 0]
    """
    on = bits.sum(axis=1)
    edges = _pairs_on(bits, EDGES)
    opposite = _pairs_on(bits, ANTIPODES)
    seven = (on == 7) & ~((edges == 8) & (opposite == 2))
    six = (on == 6) & ((edges >= 7) | ((edges == 6) & (opposite == 0)))
    five = (on == 5) & (edges == 7)
    return ((on >= 8) | seven | six | five).astype(np.int64)


def _pairs_on(bits: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    first, second = np.array(pairs).T
    return (bits[:, first] * bits[:, second]).sum(axis=1)  # (samples,)
