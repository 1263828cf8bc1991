"""Steps that are measured together give the rows of steps measured one at a time, bit for bit."""

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.errors import NonFiniteError
from infoplane.family import Family
from infoplane.plane.plane import InformationPlane
from infoplane.training import measuring
from infoplane.training.measuring import Measuring

DATA = ip.datasets.load("report-simple", samples=300)


def trained(estimators="binned", family=None, copies=1, *, at_once=False, spoil=None, steps=7):
    """The rows of a short training, and the steps at which some were handed out."""
    plane = InformationPlane(DATA.x, DATA.y, estimators=estimators, family=family, seed=3)
    members = Family(ip.networks.six_layer, copies, init="independent", seed=1)
    members.compile("mse", "sgd", 0.5)
    each, answered = Measuring(plane, members, at_once=at_once, seconds=0.0), []
    x, y = members.inputs(DATA.x), members.targets(2.0 * DATA.y[:, None] - 1)
    for step in range(steps):
        rows = members.draw(len(x), 40)
        members.step(x[rows], y[rows])
        if step == spoil:
            members.load_weights({name: tensor * np.nan for name, tensor in members.weights().items()})
        try:
            if each.look(step):
                answered.append(step)
        except NonFiniteError as error:
            return list(plane.trajectory), str(error)
    each.answer()
    return list(plane.trajectory), answered


@pytest.mark.parametrize(
    ("copies", "family", "estimators"),
    [
        (1, None, {"name": "binned", "bins": "report"}),
        (1, None, [{"name": "binned", "bins": "unit", "interval": "jackknife"}, {"name": "binned", "bins": "sign"}]),
        (3, "sampled", "binned"),
        (3, ["exact", "sampled", "per-copy", "single"], {"name": "binned", "bins": "report"}),
        (2, "exact", {"name": "binned", "nonfinite": "own-cell"}),
        (2, "exact", {"name": "binned", "nonfinite": "drop-row"}),
        (1, None, ["binned", "kde"]),
    ],
)  # fmt: skip
def test_the_same_rows(copies, family, estimators, monkeypatch):
    monkeypatch.setattr(measuring, "_SECONDS", 1e9)
    alone, at_each = trained(estimators, family, copies, at_once=True)
    together, at_first = trained(estimators, family, copies)
    assert alone == together
    assert at_each == list(range(7))
    assert at_first == ([0] if measurable_together(estimators) else at_each)


def measurable_together(estimators):
    plane = InformationPlane(DATA.x, DATA.y, estimators=estimators)
    return plane.can_wait


def test_what_waits_is_limited(monkeypatch):
    monkeypatch.setattr(measuring, "_SECONDS", 1e9)
    monkeypatch.setattr(measuring, "_STEPS", 3)
    assert trained()[1] == [0, 3, 6]
    one_step = 5 * (6 + 1) * 300 * 8  # bytes of the codes of six layers of five copies, and of their decisions
    monkeypatch.setattr(measuring, "_BYTES", 2 * one_step)
    assert trained(copies=5, family="exact")[1] == [0, 2, 4, 6]


@pytest.mark.parametrize("at_once", [True, False])
def test_an_error_belongs_to_its_step_and_leaves_the_rows_before_it(at_once):
    rows, message = trained(at_once=at_once, spoil=4)
    assert sorted({row["step"] for row in rows}) == [0, 1, 2, 3]
    assert "step 4: 300 of 300 rows contain NaN/Inf" in message


def test_a_run_leaves_the_same_whether_steps_wait_or_not(monkeypatch):
    def run():
        stopping = ip.InformationStopping(monitor="I(T;Y)", patience=2, restore_best_weights=True)
        return ip.experiment(
            ip.networks.six_layer, DATA.x, 2.0 * DATA.y[:, None] - 1, copies=2, epochs=6, batch_size=60, seed=2,
            stopping=stopping,
        )  # fmt: skip

    together = run()
    monkeypatch.setattr(measuring, "_STEPS", 1)
    alone = run()
    assert list(together.trajectory) == list(alone.trajectory)
    assert together.steps == alone.steps
    assert together.decision == alone.decision
    for mine, theirs in zip(together.networks, alone.networks, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))
