"""The command line as a user meets it: real processes where start-up matters, typer's runner elsewhere."""

import json
import subprocess
import sys

import pytest

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
        (("run", "warm-up", "--plot", "never"), "unknown plot 'never': known are dynamic, once"),
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


def test_python_dash_m_is_the_command():
    command = [sys.executable, "-m", "infoplane", "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"infoplane {ip.__version__}\n"
