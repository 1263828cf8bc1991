"""infoplane measure: activations of many steps in a file of arrays."""

import numpy as np
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli


def test_measure_a_dump(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez("dump.npz", y=np.arange(50) % 2, T_1_0=rng.normal(size=(50, 2)), T_1_4=rng.normal(size=(50, 2)))
    done = CliRunner().invoke(cli.app, ["measure", "dump.npz", "--bins", "10", "--out", "mine"])
    assert done.exit_code == 0, done.output
    assert done.output == "wrote mine: Trajectory(2 rows, 1 layers, steps 0 to 4)\n"
    assert len(ip.Trajectory.load("mine")) == 2
