"""Networks of signs: what a unit puts out and sends back, exact counts, and statistics of data with a known answer."""

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.networks import Family
from infoplane.replications import binary
from infoplane.replications.szt_networks import LAYERS
from infoplane.replications.verdict import judge

TASK = ip.datasets.load("szt")


def test_a_sign_goes_forward_and_the_tanh_backward():
    values = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0], requires_grad=True)
    signs = binary.SignActivation()(values)
    signs.sum().backward()
    assert signs.tolist() == [-1, -1, 1, 1, 1]
    torch.testing.assert_close(values.grad, 1 - values.detach().tanh() ** 2)


def test_layers_are_counted_exactly(monkeypatch):
    monkeypatch.setattr(binary, "EPOCHS", 1)
    found = binary.train(None, seeds=4)
    family = Family(binary._network, 4, init="independent")
    for layer, t in enumerate(family.activations(TASK.x, LAYERS[:5]).values()):
        assert set(t.unique().tolist()) <= {-1.0, 1.0}
        for seed in range(4):
            counts = np.unique(t[seed].numpy(), axis=0, return_counts=True)[1]
            assert float(found["i_xt"][0][seed][layer]) == pytest.approx(
                np.log2(4096) - counts @ np.log2(counts) / 4096
            )
    assert found["epoch"] == [0, 1]
    assert np.shape(found["accuracy"]) == (2, 4)


def data(drop, accuracy):
    """Layers that start at 5 bits and lose ``drop`` (seeds,) while test accuracy goes from 0.5 to ``accuracy``."""
    start = np.full((len(drop), 5), 5.0)
    return {"networks": {"epoch": [0, 1, 800],
                         "i_xt": [start, start - np.array(drop)[:, None] / 2, start - np.array(drop)[:, None]],
                         "accuracy": [np.full(len(drop), 0.5), np.full(len(drop), 0.6), accuracy]}}  # fmt: skip


def test_statistics():
    random = np.random.default_rng(0)
    drop = 1 + random.random(20)
    share, over_seeds, within = (judge(check) for check in binary.checks(data(drop, 0.9 + 0.01 * random.random(20))))
    assert (share.value, share.verdict, over_seeds.verdict) == (1, "holds", "holds")
    assert within.contrast
    assert within.value < -0.9
    assert within.verdict == "does not hold"
    related = [judge(check) for check in binary.checks(data(drop, 0.8 + 0.1 * drop))]
    assert related[1].value == pytest.approx(1)
    assert related[1].verdict == "does not hold"
    assert judge(binary.checks(data(0.1 * drop, 0.8 + 0.1 * drop))[0]).value == 0


def test_the_picture_names_its_units():
    figure = binary.picture(data([1.0, 2.0, 1.5], np.array([0.8, 0.9, 0.85])))
    assert [axis.get_ylabel() for axis in figure.axes] == [
        "I(X;T), exact [bits]",
        "test accuracy at the end",
        "test accuracy",
    ]
