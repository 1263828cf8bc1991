"""Around the loop: interruptions, full disks and networks that diverge cost nothing that was measured."""

import json
import re
import resource
import signal

import pytest
from torch import nn

import infoplane as ip
from infoplane.errors import NonFiniteError, RunError, TrainingInterrupted
from infoplane.networks import six_layer
from infoplane.training import loop as training


@pytest.fixture(scope="module")
def data():
    return ip.datasets.load("report-simple", samples=200)


@pytest.fixture(scope="module")
def target(data):
    return 2.0 * data.y[:, None] - 1


def run(data, target, **options):
    return ip.experiment(six_layer, data.x, target, **{"epochs": 6, "copies": 2, "progress": False, **options})


def signal_in(step_number, monkeypatch, times=1):
    """Ctrl-C in the middle of that step."""
    steps, original = [], training.Family.step

    def interrupted(self, x, y):
        steps.append(1)
        if len(steps) == step_number:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return original(self, x, y)

    monkeypatch.setattr(training.Family, "step", interrupted)


@pytest.mark.parametrize("out", ["run", None])
def test_the_first_ctrl_c_finishes_the_step_and_keeps_what_there_is(data, target, tmp_path, monkeypatch, out):
    signal_in(4, monkeypatch)
    result = run(data, target, out=out and tmp_path / out, plot="once")
    assert result.interrupted
    assert result.steps == 4
    assert result.trajectory.last()[0]["step"] == 4
    if out is not None:
        assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
        assert len(ip.Trajectory.load(tmp_path / "run")) == len(result.trajectory)
        assert (tmp_path / "run" / "plane.png").exists()


def test_the_second_ctrl_c_stops_at_once_and_loses_nothing_written(data, target, tmp_path, monkeypatch):
    signal_in(4, monkeypatch, times=2)
    with pytest.raises(TrainingInterrupted) as caught:
        run(data, target, out=tmp_path / "run", plot="once")
    assert caught.value.result.trajectory.last()[0]["step"] == 3
    assert list(ip.Trajectory.load(tmp_path / "run")) == list(caught.value.result.trajectory)
    assert not (tmp_path / "run" / "run.lock").exists()
    monkeypatch.undo()
    assert run(data, target, out=tmp_path / "run", plot="once", resume=True).steps == 6


def broken_in_the_middle(data, target, tmp_path, monkeypatch, damage):
    """A run whose place goes bad in its third step: the error's text."""
    steps, original = [], training.Family.step

    def step(self, x, y):
        steps.append(1)
        if len(steps) == 3:
            damage(tmp_path / "run")
        return original(self, x, y)

    monkeypatch.setattr(training.Family, "step", step)
    with pytest.raises(RunError) as caught:
        run(data, target, out=tmp_path / "run", checkpoint_every=0.0)
    assert {row["step"] for row in caught.value.result.trajectory} >= {0, 1, 2}
    assert len(caught.value.result.networks) == 2
    return str(caught.value)


@pytest.mark.parametrize("replacement", ["nothing", "a file"])
def test_a_directory_that_vanishes_costs_no_result(data, target, tmp_path, monkeypatch, replacement):
    def damage(path):
        path.rename(tmp_path / "away")
        if replacement == "a file":
            path.write_text("in the way")

    message = broken_in_the_middle(data, target, tmp_path, monkeypatch, damage)
    assert message == f"cannot write {tmp_path / 'run'}: the directory is gone; what was measured is in the result"
    monkeypatch.undo()
    if replacement == "a file":
        (tmp_path / "run").unlink()
    (tmp_path / "away").rename(tmp_path / "run")  # it is back: the run goes on
    assert run(data, target, out=tmp_path / "run", resume=True).steps == 6


def test_a_disk_that_fills_costs_no_result(data, target, tmp_path, monkeypatch):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = []

    def damage(path):
        size.append((path / "trajectory.jsonl").stat().st_size)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size[0] + 10, hard))  # a write beyond it fails like a full disk

    try:
        message = broken_in_the_middle(data, target, tmp_path, monkeypatch, damage)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert re.search(r"cannot write \S*trajectory.jsonl: file too large \(0\.\d+ MB needed\)", message)
    assert (tmp_path / "run" / "trajectory.jsonl").stat().st_size == size[0]
    assert {row["step"] for row in ip.Trajectory.load(tmp_path / "run")} >= {0, 1, 2}
    monkeypatch.undo()
    resumed, whole = run(data, target, out=tmp_path / "run", resume=True), run(data, target)
    assert list(resumed.trajectory) == list(whole.trajectory)


def test_a_network_that_diverges_keeps_what_was_measured(data, target, tmp_path):
    with pytest.raises(NonFiniteError, match=r"layer '\d', step \d+") as caught:
        ip.experiment(
            lambda: nn.Sequential(nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 1)),
            data.x,
            target,
            epochs=200,
            learning_rate=1e6,
            out=tmp_path / "run",
            progress=False,
        )
    assert len(caught.value.result.trajectory) > 0
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["state"] == "failed"
    assert "NaN/Inf" in record["reason"]
    assert len(ip.Trajectory.load(tmp_path / "run")) == len(caught.value.result.trajectory)


def test_the_progress_bar_shows_the_newest_information(data, target, capsys):
    run(data, target, progress=True)
    assert "6/6" in capsys.readouterr().err
