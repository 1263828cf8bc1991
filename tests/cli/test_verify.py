"""infoplane verify: a run directory as it was written, one that was changed, and none."""

import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli
from infoplane.errors import DataFileError


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run directory, runs/one, in the current folder."""
    monkeypatch.chdir(tmp_path)
    ip.experiments.load("warm-up").run(epochs=3, out="runs/one", progress=False)
    return tmp_path / "runs" / "one"


def test_a_run_as_it_was_written(run):
    result = CliRunner().invoke(cli.app, ["verify", "runs/one"])
    assert (result.exit_code, result.output) == (0, "runs/one is as it was written\n")


def test_a_table_that_was_changed(run):
    table = run / "trajectory.csv"
    table.write_bytes(table.read_bytes().replace(b"exact", b"exakt").replace(b"single", b"simple"))
    result = CliRunner().invoke(cli.app, ["verify", "runs/one"])
    assert result.exit_code == 1
    assert "trajectory.csv is not as it was written (its checksum differs)" in result.output


def test_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["verify", "nowhere"])
    assert isinstance(result.exception, DataFileError)
    assert "is no folder" in str(result.exception)
