"""experiment() and fit(): the same seed gives the same files, copies are independent, and stopping stops."""

import json
import re
import resource
import signal

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, NonFiniteError, RunError, UnknownNameError
from infoplane.networks import six_layer, warm_up
from infoplane.plane.schedule import Schedule
from infoplane.training import loop as training


@pytest.fixture(scope="module")
def data():
    return ip.datasets.load("report-simple", samples=200)


@pytest.fixture(scope="module")
def target(data):
    return 2.0 * data.y[:, None] - 1


def run(data, target, **options):
    return ip.experiment(six_layer, data.x, target, **{"epochs": 6, "copies": 2, "progress": False, **options})


def test_the_same_seed_gives_byte_identical_files(data, target, tmp_path):
    for name in ("a", "b"):
        run(data, target, seed=3, out=tmp_path / name, plot="once")
    for file in ("trajectory.csv", "plane.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    records = [json.loads((tmp_path / name / "run.json").read_text()) for name in ("a", "b")]
    for record in records:
        for key in ("started", "ended", "seconds", "pid"):
            del record[key]
    assert records[0] == records[1]
    assert records[0]["state"] == "finished"
    other = run(data, target, seed=4)
    assert list(other.trajectory) != list(run(data, target, seed=3).trajectory)


def test_a_copy_learns_the_same_however_many_there_are(data, target):
    few, many = run(data, target, copies=2), run(data, target, copies=4)
    np.testing.assert_allclose(few.losses, many.losses[:, :2], rtol=1e-5)


def test_measuring_more_often_does_not_change_the_training(data, target):
    every, seldom = run(data, target, every=1), run(data, target, every=5, family=("exact", "sampled"))
    assert np.array_equal(every.losses, seldom.losses)
    for one, other in zip(every.networks, seldom.networks, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(("every", "steps"), [(1, range(7)), (4, [0, 4, 6]), (10, [0, 6]), ("log", range(7))])
def test_the_schedule_has_the_first_and_the_last_step(data, target, every, steps):
    trajectory = run(data, target, every=every).trajectory
    assert sorted({row["step"] for row in trajectory}) == list(steps)


def test_log_spacing_is_about_twenty_a_decade():
    schedule = [step for step in range(10_001) if training.is_measured(step, 10_000, Schedule("log"))]
    assert schedule[0] == 0
    assert schedule[-1] == 10_000
    assert 18 <= sum(1000 < step <= 10_000 for step in schedule) <= 22


def test_the_run_directory_holds_everything(data, target, tmp_path):
    result = run(data, target, out=tmp_path / "run", plot="once")
    (tensors,) = result.out.glob("checkpoint-6-*.safetensors")
    assert {file.name for file in result.out.iterdir()} == {
        *("run.json", "manifest.json", "checkpoint.json", tensors.name),
        *("trajectory.jsonl", "trajectory.csv", "plane.png", "plane.svg"),
    }
    record = json.loads((result.out / "run.json").read_text())
    assert record["settings"]["epochs"] == 6
    assert record["seed"] == 0
    assert record["steps_done"] == 6
    assert len(record["data_checksum"]) == 64
    loaded = ip.Trajectory.load(result.out)
    assert list(loaded) == list(result.trajectory)
    weights = safetensors.torch.load_file(tensors)
    for copy, network in enumerate(result.networks):
        for name, parameter in network.named_parameters():
            assert torch.equal(weights[f"family.weights.{name}"][copy], parameter)


def test_rows_can_be_read_while_the_run_goes_on(data, target, tmp_path, monkeypatch):
    seen, original = [], training.Family.step

    def step(self, x, y):
        seen.append(sorted({row["step"] for row in ip.Trajectory.load(tmp_path / "run")}))
        return original(self, x, y)

    monkeypatch.setattr(training.Family, "step", step)
    run(data, target, out=tmp_path / "run", epochs=3)
    assert seen == [[0], [0, 1], [0, 1, 2]]


def test_a_run_that_cannot_be_written_is_known_before_training(data, target, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="choose another name"):
        run(data, target, out=tmp_path / "file", epochs=10**9)
    run(data, target, out=tmp_path / "run")
    before = (tmp_path / "run" / "trajectory.csv").read_bytes()
    with pytest.raises(RunError, match="--force"):
        run(data, target, out=tmp_path / "run", epochs=10**9)
    assert (tmp_path / "run" / "trajectory.csv").read_bytes() == before
    assert run(data, target, out=tmp_path / "run", force=True, epochs=2).steps == 2


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
    with pytest.raises(KeyboardInterrupt) as caught:
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


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"copies": 0}, InputError, "copies"),
        ({"epochs": 0}, InputError, "epochs=0"),
        ({"epochs": 2.5}, InputError, "epochs=2.5"),
        ({"every": 0}, InputError, "every=0"),
        ({"plot": "always"}, InputError, "unknown plot 'always': known are dynamic, once"),
        ({"batch_size": 1000}, InputError, "batch_size"),
        ({"loss": "msee"}, UnknownNameError, "did you mean 'mse'"),
        ({"optimizer": "sdg"}, UnknownNameError, "did you mean 'sgd'"),
        ({"init": "same"}, InputError, "init"),
        ({"layers": ["13"]}, UnknownNameError, "unknown layer '13'"),
    ],
)
def test_wrong_options_say_what_to_type(data, target, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        run(data, target, **options)


def test_a_target_of_another_shape_is_an_error_not_a_broadcast(data):
    with pytest.raises(InputError, match=r"\(101,\).*\(101, 1\)|\(101, 1\).*\(101,\)"):
        run(data, data.y.astype(np.float32))


def test_the_network_given_is_never_changed(data, target):
    model = six_layer()
    before = [parameter.clone() for parameter in model.parameters()]
    ip.experiment(model, data.x, target, epochs=3, progress=False)
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))


def test_fit_trains_the_network_itself_until_the_rule_says_stop(data, target):
    torch.manual_seed(0)
    model = warm_up()
    before = [parameter.clone() for parameter in model.parameters()]
    stopping = ip.InformationStopping(monitor="I(T;Y)", patience=2, restore_best_weights=True)
    result = ip.fit(model, data.x, target, stopping=stopping, epochs=40, epoch_length=5, progress=False)
    assert not torch.equal(before[0], next(iter(model.parameters())))
    assert result.decision is not None
    assert result.steps == 5 * 40 or result.decision.stop
    (measured,) = ip.InformationPlane(data.x, target, layers="3").measure(model, 0)
    assert measured["i_ty"] == pytest.approx(result.decision.best, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_the_published_rule_stops_at_its_first_look(data, target, seed, beta):
    stopping = ip.InformationStopping(rule="report", beta=beta, min_delta=0.1)
    torch.manual_seed(seed)
    result = ip.fit(six_layer(), data.x, target, stopping=stopping, epochs=50, seed=seed, progress=False)
    assert result.decision.stop
    assert result.steps == 10


def test_fit_refuses_what_it_decides_itself(data, target):
    with pytest.raises(InputError, match="leave out 'copies'"):
        ip.fit(six_layer(), data.x, target, copies=3)


def test_the_progress_bar_shows_the_newest_information(data, target, capsys):
    run(data, target, progress=True)
    assert "6/6" in capsys.readouterr().err
