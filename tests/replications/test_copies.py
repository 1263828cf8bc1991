"""Readings of several copies: alike while the copies are, ordered ever after, and those of ``ip.experiment``."""

import numpy as np
import pytest

import infoplane as ip
from infoplane.networks import six_layer
from infoplane.replications import copies
from infoplane.replications.verdict import judge


@pytest.fixture(scope="module")
def part():
    found = copies.train(None, task="report-simple", steps=30, seeds=2)
    return {name: np.array(values) for name, values in found.items()}


def test_copies_that_are_alike_are_one_network(part):
    for name in ("exact", "per-copy"):
        np.testing.assert_allclose(part["sampled"][0], part[name][0], atol=1e-9)
    data = ip.datasets.load("report-simple", seed=1)
    t = ip.record(copies.network(1), data.x.astype("float32"), ["7"])["7"]
    known = ip.mutual_information(t, np.arange(1000), bins="report").value
    assert part["exact"][0, 1, 3] == pytest.approx(known, abs=1e-9)


def test_readings_are_ordered(part):
    assert (part["exact"] <= part["per-copy"] + 1e-9).all()
    assert (part["sampled"] <= part["exact"] + np.log2(copies.COPIES) + 1e-9).all()


def test_the_network_is_the_reports():
    assert str(copies.network(3)) == str(six_layer())


def course(layer_values):
    """3 checkpoints, 4 seeds: 5 bits in all layers but the fourth."""
    table = np.full((3, 4, 6), 5.0)
    table[:, :, 3] = np.array(layer_values)[:, None]
    return table


def test_statistics():
    data = {
        "step": [0, 100, 1000],
        "sampled": course([5, 6, 7]),
        "exact": course([5, 4, 5.5]),
        "per-copy": course([5, 5.05, 9]),
    }
    judged = [judge(check) for check in copies.checks({"family": data})]
    assert [one.value for one in judged] == pytest.approx([0, 1.5, 1, 0, 0.05])
    assert {one.verdict for one in judged} == {"holds"}
    data["per-copy"] = course([5, 5.5, 9])
    assert judge(copies.checks({"family": data})[-1]).verdict == "does not hold"


def test_the_picture(part):
    figure = copies.picture({"family": part})
    assert all("[bits]" in axes.get_ylabel() for axes in figure.axes)
