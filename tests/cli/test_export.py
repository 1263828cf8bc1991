"""infoplane export: the rows of a run as CSV, byte for byte, and what it refuses."""

import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli
from infoplane.errors import InfoplaneError, UnknownNameError


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run directory, runs/one, in the current folder."""
    monkeypatch.chdir(tmp_path)
    ip.experiments.load("warm-up").run(epochs=3, out="runs/one", progress=False)
    return tmp_path / "runs" / "one"


def test_csv_is_the_table_of_the_run(run, tmp_path):
    result = CliRunner().invoke(cli.app, ["export", "runs/one", "--to", "csv", "--out", "rows.csv"])
    assert (result.exit_code, result.output) == (0, "wrote rows.csv\n")
    assert (tmp_path / "rows.csv").read_bytes() == (run / "trajectory.csv").read_bytes()


def test_an_unknown_format_and_no_run(run):
    result = CliRunner().invoke(cli.app, ["export", "runs/one", "--to", "parket"])
    assert isinstance(result.exception, UnknownNameError)
    assert "did you mean 'parquet'" in str(result.exception)
    result = CliRunner().invoke(cli.app, ["export", "nowhere"])
    assert isinstance(result.exception, InfoplaneError)
    assert "nowhere" in str(result.exception)
