"""The closed form against the singular values of the weights, and statistics of data whose answer is known."""

import numpy as np
import pytest
import torch

from infoplane.replications import linear
from infoplane.replications.verdict import judge


def test_the_information_is_that_of_the_singular_values(monkeypatch):
    monkeypatch.setattr(linear, "EPOCHS", 1)
    course = linear.train(None, seeds=2, decay=0.0)
    random = torch.Generator().manual_seed(0)  # the same numbers again, in the same order
    shapes = [(100, 1), (100, 100), (1000, 100), (100, 1), (1000, 1), (100, 100)]
    *_, weights = [torch.randn(2, *shape, generator=random, dtype=torch.float64) for shape in shapes]
    stretch = torch.linalg.svdvals(0.1 * weights / 10)
    known = (1 + stretch**2).log2().sum(1) / 2
    assert course["epochs"] == [0, 1]
    assert course["information"][0] == pytest.approx(known.tolist())


def test_training_fits_the_examples_and_decay_forgets(monkeypatch):
    monkeypatch.setattr(linear, "EPOCHS", 300)
    plain, decayed = (linear.train(None, seeds=2, decay=decay) for decay in (0.0, 0.1))
    assert np.less(plain["train"][-1], plain["train"][0]).all()
    assert np.less(decayed["information"][-1], plain["information"][-1]).all()


def course(information, test):
    """Three epochs of two seeds."""
    return {"epochs": [0, 1, 10], "information": [[each] * 2 for each in information],
            "train": [[1.0, 1.0]] * 3, "test": [[each] * 2 for each in test]}  # fmt: skip


def test_statistics():
    data = {"students": course([1, 2, 3], [2.0, 1.0, 1.5]), "decayed": course([1, 3, 2.5], [2, 1, 1])}
    lost, overfitted, forgotten = (judge(check) for check in linear.checks(data))
    assert (lost.value, lost.verdict) == (0, "holds")
    assert (overfitted.value, overfitted.verdict) == (1, "holds")
    assert (forgotten.value, forgotten.verdict, forgotten.contrast) == (0.5, "does not hold", True)
    data["students"] = course([1, 3, 2], [2.0, 1.0, 1.01])
    assert [judge(check).verdict for check in linear.checks(data)] == ["does not hold"] * 3


def test_the_picture():
    data = {"students": course([1, 2, 3], [2.0, 1.0, 1.5]), "decayed": course([1, 3, 2.5], [2, 1, 1])}
    figure = linear.picture(data)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "I(X; T + Z) [bits, exact, noise 1]",
        "mean squared error",
        "I(X; T + Z) [bits, exact, noise 1]",
    ]
    assert figure.axes[2].get_title().endswith("(fails)")
