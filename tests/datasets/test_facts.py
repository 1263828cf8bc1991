"""Entropies in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from infoplane.datasets.facts import entropy_bits, label_facts


@pytest.mark.parametrize("cells", [1, 2, 3, 10, 1024])
def test_a_uniform_distribution_has_the_logarithm_of_its_cells(cells):
    assert entropy_bits(np.full(cells, 1 / cells)) == pytest.approx(np.log2(cells), abs=1e-12)


def test_empty_cells_and_shape_do_not_count():
    assert entropy_bits(np.array([[0.5, 0.0], [0.0, 0.5]])) == 1.0


def test_certainty_is_plain_zero():
    assert str(entropy_bits(np.array([1.0, 0.0]))) == "0.0"


def test_labels_are_counted():
    assert label_facts(np.array([0, 1, 2, 2]))["h_y_bits"] == 1.5
