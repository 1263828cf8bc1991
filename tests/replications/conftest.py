"""What training the networks of ``szt_networks`` gives: made up, so that answers are known, and for one epoch."""

import numpy as np
import pytest

from infoplane.replications.szt_networks import RULES, train
from infoplane.replications.verdict import judge


@pytest.fixture
def szt_part():
    """A function that gives the table of 4 seeds: 12 bits, but for courses (4 values) of layers, ``rule=(layer, ...)``.

    There are 4 checkpoints, at epochs 0, 1, 10 and 100.
    """

    def part(**changes):
        shape = (4, 4, 6)  # checkpoints, seeds, layers
        table = {f"i_xt {name}": np.full(shape, 12.0) for name in RULES}
        for name, (layer, values) in changes.items():
            table[f"i_xt {name}"][:, :, layer - 1] = np.array(values)[:, None]
        return {
            "epoch": [0, 1, 10, 100],
            "accuracy": np.full((4, 4), 0.95),
            "i_ty fixed": np.tile(np.linspace(0.99, 0.9, 6), (4, 4, 1)),
            "i_ty exact": np.full(shape, 0.9991571),
            "i_xt kde": [[12.0] * 4, None, [11.0] * 4, [8.0] * 4],
            "merged": [np.zeros((4, 6)), None, None, np.zeros((4, 6))],
            "dead": [np.zeros((4, 6)), None, None, np.ones((4, 6))],
            "sums": [[[12.0] * 4, [0.9991571] * 4], None, None, None],
            **table,
        }

    return part


@pytest.fixture
def judged():
    """A function that gives values and verdicts of a claim's checks on made-up data."""

    def values_and_verdicts(module, data):
        checks = [judge(check) for check in module.checks(data)]
        return [check.value for check in checks], [check.verdict for check in checks]

    return values_and_verdicts


@pytest.fixture(scope="session")
def trained():
    """Two networks a kind, trained for one epoch."""
    return {name: train(None, activation=name, seeds=2, epochs=1) for name in ("tanh", "relu")}


@pytest.fixture
def shows_units_and_a_failing_rule(trained):
    """A function that checks the picture of a claim about these networks."""

    def check(module):
        figure = module.picture(trained)
        for axes in figure.axes:
            assert "[bits]" in axes.get_ylabel()
            assert "epoch" in axes.get_xlabel()
        assert any("fails" in axes.get_title() for axes in figure.axes)

    return check
