"""The experiments that have a name."""

import shutil
import warnings

import numpy as np
import pytest

from infoplane import experiments
from infoplane.errors import DataFileError, InputError, UnknownNameError


def test_the_four_experiments_are_the_reports():
    assert experiments.names() == ["warm-up", "six-layer", "complicated", "conv"]
    epochs = {name: experiments.load(name).training["epochs"] for name in experiments.names()}
    copies = {name: experiments.load(name).training["copies"] for name in experiments.names()}
    assert epochs == {"warm-up": 300, "six-layer": 1000, "complicated": 200, "conv": 6000}
    assert copies == {"warm-up": 1, "six-layer": 5, "complicated": 5, "conv": 3}


@pytest.mark.parametrize(("name", "layers"), [("warm-up", 2), ("six-layer", 6), ("complicated", 6), ("conv", 2)])
def test_each_runs(name, layers):
    result = experiments.load(name).run(epochs=2, progress=False)
    rows = result.trajectory.last()
    assert len(rows) == layers
    assert "50 report bins on [-1, 1]" in result.trajectory.meta["measurement"]
    assert all(row["n"] >= 1000 for row in rows)


def test_unknown_names_and_missing_files(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'six-layer'"):
        experiments.load("sixlayer")
    with pytest.raises(DataFileError, match="cannot read the experiment"):
        experiments.load(str(tmp_path / "none.toml"))


@pytest.mark.debian
def test_conv_on_fashion_mnist(fashion_mnist):
    result = experiments.load("conv").on("fashion-mnist").run(epochs=20, progress=False)
    assert result.trajectory.last()[0]["n"] == 3000
    assert 0 < result.trajectory.last()[0]["i_ty"] <= np.log2(10)


def test_a_run_from_a_file_of_an_earlier_version_is_finished_when_it_is_resumed(data_folder, tmp_path):
    folder = shutil.copytree(data_folder / "saved-runs" / "from-toml", tmp_path / "run")
    before = (folder / "trajectory.csv").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # that versions differ
        assert experiments.resume(folder).steps == 40
    assert (folder / "trajectory.csv").read_bytes() == before


def test_a_run_from_a_file_is_not_resumed_with_another_network(tmp_path):
    text = '[data]\nname = "szt"\n[network]\nsizes = [12, 4, 1]\nactivation = "tanh"\n[training]\nepochs = 2\n'
    for activation in ("tanh", "relu"):
        (tmp_path / f"{activation}.toml").write_text(text.replace("tanh", activation))
    experiments.load(str(tmp_path / "tanh.toml")).run(out=tmp_path / "run", progress=False)
    with pytest.raises(InputError, match=r"model is .mlp\(.*relu.*the run has .mlp\(.*tanh"):
        experiments.load(str(tmp_path / "relu.toml")).run(out=tmp_path / "run", resume=True, progress=False)
