"""Quantised networks: counted as the public estimator counts them, and statistics of data whose answer is known."""

import numpy as np
import pytest

import infoplane as ip
from infoplane.networks import Family
from infoplane.replications import quantised
from infoplane.replications.claim import Setting
from infoplane.replications.szt_networks import LAYERS
from infoplane.replications.verdict import judge

TASK = ip.datasets.load("szt")


def test_untrained_layers_are_counted_as_the_estimator_counts_them(monkeypatch):
    monkeypatch.setattr(quantised, "EPOCHS", 1)
    found = quantised.train(None, activation="tanh", bits=4, seeds=2)
    family = Family(lambda: quantised._network("tanh", 4), 2, init="independent")
    for layer, t in enumerate(family.activations(TASK.x, LAYERS[:5]).values()):
        for seed in range(2):
            options = {"estimator": "quantised", "bits": 4}
            known = (
                ip.mutual_information(t[seed], np.arange(4096), **options),
                ip.mutual_information(t[seed], TASK.y, **options),
            )
            assert float(found["i_xt"][0][seed][layer]) == pytest.approx(known[0].value, abs=1e-9)
            assert float(found["i_ty"][0][seed][layer]) == pytest.approx(known[1].value, abs=1e-9)
    assert np.max(found["i_xt"]) <= 12 + 1e-9
    figure = quantised.picture({"8-bit tanh": found})
    assert "[bits]" in figure.axes[0].get_ylabel()


def part(last, start=0.1):
    """2 checkpoints, 5 seeds, 6 layers: 10 bits, and ``last`` (layers) at the end; I(T;Y) from ``start`` to 0.95."""
    return {
        "i_xt": [np.full((5, 6), 10.0), np.tile(last, (5, 1))],
        "i_ty": [np.full((5, 6), start), np.full((5, 6), 0.95)],
    }


def test_statistics():
    compressing, kept = [10, 10, 10, 9, 8, 7], [10, 10, 10, 10, 10, 9]
    data = {"8-bit tanh": part(compressing), "8-bit ReLU": part(kept), "4-bit tanh": part(compressing, start=0.96)}
    judged = [judge(check) for check in quantised.checks(data)]
    assert [one.value for one in judged] == [1, 1, 1, 1, 0, 1, 1, 1, 0]
    assert [one.verdict for one in judged] == ["holds"] * 8 + ["does not hold"]
    data["4-bit tanh"]["i_ty"][0][2, 3] = 0.5
    data["4-bit tanh"]["i_ty"][1][2, 3] = 0.4
    assert judge(quantised.checks(data)[7]).verdict != "holds"


def test_the_quick_version_has_one_configuration():
    assert list(quantised.CLAIM.parts(Setting(10, quick=True))) == ["8-bit tanh"]
    assert len(quantised.CLAIM.parts(Setting(10))) == 3
