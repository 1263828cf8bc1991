"""What other tools read is what the run holds."""

import math
import os
import sys

import numpy as np
import pytest

from infoplane.errors import DataFileError, InputError, RunError, UnknownNameError
from infoplane.runs import RunDirectory, export
from infoplane.trajectory.trajectory import Trajectory


@pytest.fixture
def run(tmp_path):
    """A run on its way, with scalars."""
    made = RunDirectory.create(tmp_path / "mine", settings={}, data_checksum="0", seed=0)
    rows = [
        {"step": s, "split": "all", "layer": "=fc", "layer_index": 0, "copy": -1, "family": "exact", "label": "y"}
        | {"estimator": "binned", "i_xt": s / 3, "n": 5, "units": "bits", "flags": ("red", "saturated")}
        for s in range(4)
    ]
    trajectory = Trajectory(rows, meta={"seed": 1, "all_differ": {"fc": 1.0}, "nothing": None})
    trajectory.scalars.add(2, "loss", 0.1)
    made.append(trajectory)
    yield made.path
    made.close()


def test_csv_keeps_every_bit(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = export(run)
    assert [str(file) for file in files] == ["mine.csv", "mine-scalars.csv"]
    assert list(Trajectory.load("mine.csv")) == list(Trajectory.load(run))
    assert ",'=fc," in (tmp_path / "mine.csv").read_text()
    with pytest.raises(InputError, match=r"ends in \.csv"):
        export(run, out=tmp_path / "table")


@pytest.mark.extra
def test_parquet(run, tmp_path):
    pytest.importorskip("pyarrow")
    import pandas

    files = export(run, "parquet", tmp_path / "t.parquet")
    table, scalars = map(pandas.read_parquet, files)
    pandas.testing.assert_frame_equal(table, Trajectory.load(run).to_pandas(), check_dtype=False)
    assert scalars["value"].tolist() == [0.1]


@pytest.mark.extra
def test_netcdf(run, tmp_path):
    xarray = pytest.importorskip("xarray")
    (file,) = export(run, "netcdf", tmp_path / "t.nc")
    with xarray.open_dataset(file) as dataset:
        assert np.array_equal(dataset["i_xt"].values.ravel(), [s / 3 for s in range(4)])
        assert dataset.attrs["seed"] == 1
        assert dataset.attrs["all_differ"] == '{"fc": 1.0}'
        assert math.isnan(dataset["h_t"].values.ravel()[0])


def test_what_is_missing_is_said(run, tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="did you mean 'parquet'"):
        export(run, "parkett")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install infoplane\[parquet\]"):
        export(run, "parquet", tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r"pip install infoplane\[xarray\]"):
        export(run, "netcdf", tmp_path / "t.nc")
    with pytest.raises(DataFileError):
        export(tmp_path / "nowhere")
    with pytest.raises(RunError, match="cannot write"):
        export(run, "csv", tmp_path / "no" / "where.csv")
    assert sorted(os.listdir(tmp_path)) == ["mine"]
