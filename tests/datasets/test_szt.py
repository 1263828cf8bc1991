"""The icosahedron task: published sums and entropies, and the symmetry that the labels must have."""

from __future__ import annotations

import numpy as np
import pytest

from infoplane import datasets
from infoplane.datasets.szt import ANTIPODES, EDGES, labels
from infoplane.errors import UnknownNameError

NEIGHBOURS = [{b for pair in EDGES for b in pair if a in pair and b != a} for a in range(12)]


def information_bits(code, y):
    """I(code; y) of equally likely rows, by counting."""
    joint = np.zeros((code.max() + 1, 2))
    np.add.at(joint, (code, y), 1 / len(y))
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())


def automorphisms():
    """All renamings of the vertices that keep every edge and every non-edge, by search."""
    found = []

    def extend(images):
        a = len(images)
        if a == 12:
            found.append(images)
            return
        for image in set(range(12)) - set(images):
            if all((b in NEIGHBOURS[a]) == (images[b] in NEIGHBOURS[image]) for b in range(a)):
                extend([*images, image])

    extend([])
    return found


@pytest.fixture(scope="module")
def szt():
    return datasets.load("szt")


def test_rows_count_in_binary(szt):
    assert szt.x.shape == (4096, 12)
    assert szt.x.dtype == np.float32
    assert np.array_equal(szt.x @ 2 ** np.arange(11, -1, -1), np.arange(4096))


def test_published_numbers(szt):
    x = szt.x.astype(int)
    assert szt.y.sum() == 2118
    assert information_bits(np.arange(4096), szt.y) == pytest.approx(0.9991571, abs=5e-8)
    assert szt.details["facts"]["h_y_bits"] == pytest.approx(0.9991571, abs=5e-8)
    single = [information_bits(x[:, bit], szt.y) for bit in range(12)]
    assert single == pytest.approx([0.03391] * 12, abs=5e-6)
    assert max(single) - min(single) < 1e-12
    assert information_bits(x.sum(axis=1), szt.y) == pytest.approx(0.62764, abs=5e-6)


def test_plus_and_minus_one_are_the_same_patterns(szt):
    other = datasets.load("szt", values="-1+1")
    assert np.array_equal(other.x, 2 * szt.x - 1)
    assert np.array_equal(other.y, szt.y)
    assert other.x.dtype == np.float32


def test_edges_form_an_icosahedron():
    assert len({frozenset(edge) for edge in EDGES}) == 30
    assert all(len(neighbours) == 5 for neighbours in NEIGHBOURS)
    assert all(len(NEIGHBOURS[a] & NEIGHBOURS[b]) == 2 for a, b in EDGES)


def test_antipodes_lie_three_edges_apart():
    assert sorted(vertex for pair in ANTIPODES for vertex in pair) == list(range(12))
    for a, b in ANTIPODES:
        within_two = {a} | NEIGHBOURS[a] | {c for n in NEIGHBOURS[a] for c in NEIGHBOURS[n]}
        assert within_two == set(range(12)) - {b}


def test_labels_do_not_change_under_the_120_symmetries(szt):
    symmetries = automorphisms()
    assert len(symmetries) == 120
    bits = szt.x.astype(int)
    assert all(np.array_equal(labels(bits[:, images]), szt.y) for images in symmetries)


def test_unknown_values_are_named():
    with pytest.raises(UnknownNameError, match=r"unknown values '-1\+2': did you mean '-1\+1'"):
        datasets.load("szt", values="-1+2")
