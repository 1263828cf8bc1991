"""infoplane run, then infoplane report: the page says both commands, and everything between them."""

import shlex
import subprocess
import sys

import pytest

import infoplane as ip

pytestmark = pytest.mark.extra
pytest.importorskip("plotly")


def infoplane(*words):
    command = [sys.executable, "-m", "infoplane.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_run_and_its_report(tmp_path):
    run = tmp_path / "first run"
    words = ("run", "warm-up", "--epochs", "6", "--seed", "3", "--plot", "none", "--out", run)
    assert infoplane(*words).returncode == 0
    said = infoplane("report", run, "--title", "Mine")
    assert said.returncode == 0, said.stderr
    assert f"wrote {run / 'report.html'}" in said.stdout
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<title>Mine</title>" in page
    made = ["python", "-m", "infoplane.cli", *map(str, words)]
    for command in (made, ["infoplane", "report", str(run), "--title", "Mine"]):
        assert f"<pre>{shlex.join(command)}</pre>".replace("'", "&#39;") in page
    assert ip.Trajectory.load(run).meta["measurement"] in page


def test_no_run_no_page(tmp_path):
    said = infoplane("report", tmp_path / "none", "--out", tmp_path / "report.html")
    assert said.returncode == 2
    assert "run.json" in said.stderr
    assert not (tmp_path / "report.html").exists()
