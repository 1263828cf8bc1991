"""What is exactly known of a set of labels, in bits."""

from __future__ import annotations

from typing import Any

import numpy as np


def entropy_bits(probabilities: np.ndarray) -> float:
    """Shannon entropy, in bits, of probabilities of any shape that sum to 1; cells of probability 0 count nothing.

    Example:
        >>> entropy_bits(np.array([0.5, 0.25, 0.25, 0.0]))
        1.5
    """
    positive = probabilities[probabilities > 0]
    return float(0.0 - (positive * np.log2(positive)).sum())  # 0.0, not -0.0, where nothing is uncertain


def label_facts(y: np.ndarray) -> dict[str, Any]:
    """The entropy of the labels ``(samples,)`` of these very rows: the ceiling of I(T;Y) counted on them."""
    return {"about": "these rows", "h_y_bits": entropy_bits(np.bincount(y) / len(y))}
