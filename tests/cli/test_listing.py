"""infoplane list: names with titles, runs in a folder, and the layers of a network."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli, replications
from infoplane.errors import InfoplaneError


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("experiments", ["warm-up", "six-layer", "complicated", "conv"]),
        ("datasets", ["report-simple", "report-complicated", "szt", "digits", "mnist", "fashion-mnist"]),
        ("estimators", ["binned"]),
    ],
)
def test_lists(what, names):
    result = CliRunner().invoke(cli.app, ["list", what])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()][: len(names)] == names


def test_every_estimator_has_a_line_that_says_what_it_is_for():
    lines = CliRunner().invoke(cli.app, ["list", "estimators"]).output.splitlines()
    assert [line.split()[0] for line in lines] == ip.estimators()
    assert all(len(line.split()) > 4 for line in lines)


def test_every_claim_has_a_line_with_its_title():
    lines = CliRunner().invoke(cli.app, ["list", "replications"]).output.splitlines()
    assert [line.split()[0] for line in lines] == replications.names()
    assert all(replications.load(line.split()[0]).title in line for line in lines)


def test_the_runs_of_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ip.experiments.load("warm-up").run(epochs=3, out="runs/one", progress=False)
    result = CliRunner().invoke(cli.app, ["list", "runs"])
    assert result.exit_code == 0
    assert re.search(r"one +warm-up +finished +3 +\d+\.\d +layer 3: I\(X;T\) \S+ I\(T;Y\) \S+ bits", result.output)
    (tmp_path / "empty").mkdir()
    assert CliRunner().invoke(cli.app, ["list", "runs", "empty"]).output == "no runs in empty\n"
    missing = CliRunner().invoke(cli.app, ["list", "runs", "nowhere"])
    assert isinstance(missing.exception, InfoplaneError)
    assert "is no folder" in str(missing.exception)


def infoplane(*arguments, cwd):
    command = [sys.executable, "-m", "infoplane", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def test_the_layers_of_a_network_in_the_current_folder(tmp_path):
    source = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU())\n"
    (tmp_path / "my_network.py").write_text(source)
    script = [sys.executable, "-P", "-c", "from infoplane.cli import main; main()"]  # as the installed command: no ""
    result = subprocess.run(
        [*script, "list", "layers", "my_network:make", "--input", "3x8x8", "--samples", "10"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split() for line in lines[1:3]] == [["0", "Conv2d", "2x6x6", "72"], ["1", "ReLU", "2x6x6", "72"]]
    assert lines[3].startswith("one recording of 10 samples")
    missing = infoplane("list", "layers", cwd=tmp_path)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "infoplane list layers mymodel:make --input 3x32x32" in missing.stderr
    assert "takes no factory" in infoplane("list", "datasets", "my_network:make", cwd=tmp_path).stderr
