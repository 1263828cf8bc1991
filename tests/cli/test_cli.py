"""The command line as a user meets it: real processes where start-up matters, typer's runner elsewhere."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli


def infoplane(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "infoplane.cli", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_help_does_not_import_torch():
    code = (
        "import sys, infoplane.cli\n"
        "from typer.testing import CliRunner\n"
        "assert CliRunner().invoke(infoplane.cli.app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'numba', 'sklearn'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_run_leaves_a_directory_and_says_where(tmp_path):
    result = infoplane(
        "run", "warm-up", "--epochs", "20", "--copies", "2", "--family", "exact,per-copy", "--out", "mine", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert {file.name for file in (tmp_path / "mine").iterdir()} >= {
        *("run.json", "trajectory.csv", "trajectory.jsonl", "manifest.json", "plane.png", "plane.svg")
    }
    assert "20 steps of 2 copies" in result.stdout
    assert "mine/plane.png" in result.stdout
    trajectory = ip.Trajectory.load(tmp_path / "mine")
    assert {row["family"] for row in trajectory} == {"exact", "per-copy"}
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["state"] == "finished"
    again = infoplane("plot", "mine", "--out", "again.svg", "--color", "layer", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "again.svg").read_text().startswith("<?xml")


def test_the_default_directory_is_named_after_the_experiment(tmp_path):
    result = infoplane("run", "warm-up", "--epochs", "2", "--plot", "none", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("warm-up-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "six-layers"), "did you mean 'six-layer'"),
        (("run", "missing.toml"), "cannot read the experiment missing.toml"),
        (("run", "warm-up", "--every", "x"), "give a whole number of at least 1, or log"),
        (("run", "warm-up", "--every", "0"), "every=0"),
        (("run", "warm-up", "--copies", "0"), "copies"),
        (("run", "warm-up", "--family", "exact,smpled"), "did you mean 'sampled'"),
        (("run", "warm-up", "--data", "minst"), "did you mean 'mnist'"),
        (("run", "warm-up", "--plot", "never"), "'dynamic', 'once' or None"),
        (("run", "warm-up", "--device", "tpu"), "cpu"),
        (("list", "dataset"), "did you mean 'datasets'"),
        (("plot", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["infoplane", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert error.startswith("infoplane: ")
    assert error.count("\n") == 1
    assert message in error
    assert list(tmp_path.iterdir()) == []


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
