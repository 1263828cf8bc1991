"""scikit-learn's digits: the very images, padded to the middle."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets as sklearn_datasets

from infoplane import datasets
from infoplane.errors import InputError


def test_unpadded_digits_are_those_of_scikit_learn():
    bundle = sklearn_datasets.load_digits()
    data = datasets.load("digits", pad=None)
    assert data.x.dtype == np.int64
    assert np.array_equal(data.x, bundle.data)
    assert np.array_equal(data.y, bundle.target)
    assert set(np.unique(data.x)) == set(range(17))
    assert data.classes == 10


@pytest.mark.parametrize(("pad", "before"), [(8, 0), (9, 0), (14, 3), (28, 10)])
def test_padding_puts_the_image_into_the_middle(pad, before):
    plain = datasets.load("digits", pad=None)
    padded = datasets.load("digits", pad=pad)
    images = padded.x.reshape(-1, pad, pad)
    assert np.array_equal(images[:, before : before + 8, before : before + 8].reshape(-1, 64), plain.x)
    assert padded.x.sum() == plain.x.sum()
    assert np.array_equal(padded.y, plain.y)


def test_default_is_the_shape_of_pooled_mnist():
    assert datasets.load("digits").x.shape == (1797, 196)


def test_a_draw_keeps_images_and_labels_together():
    everything = datasets.load("digits", pad=None)
    labels = {row.tobytes(): label for row, label in zip(everything.x, everything.y, strict=True)}
    assert len(labels) == 1797
    drawn = datasets.load("digits", samples=300, pad=None, seed=3)
    assert len({row.tobytes() for row in drawn.x}) == 300
    assert all(labels[row.tobytes()] == label for row, label in zip(drawn.x, drawn.y, strict=True))


def test_entropy_of_the_labels_is_that_of_the_rows():
    data = datasets.load("digits", samples=50, seed=1)
    shares = [(data.y == label).mean() for label in range(10)]
    assert data.details["facts"]["h_y_bits"] == pytest.approx(-sum(p * np.log2(p) for p in shares if p))


def test_too_many_samples():
    with pytest.raises(InputError, match="samples=1798 is more than the 1797 rows of 'digits'"):
        datasets.load("digits", samples=1798)


@pytest.mark.parametrize("pad", [7, -14, 14.0, True])
def test_bad_pads_are_named(pad):
    with pytest.raises(InputError, match=f"pad={pad}: it must be a whole number of at least 8"):
        datasets.load("digits", pad=pad)
