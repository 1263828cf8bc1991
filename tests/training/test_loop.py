"""experiment() and fit(): the same seed gives the same files, copies are independent, and stopping stops."""

import json
import time

import numpy as np
import pytest
import safetensors.torch
import torch

import infoplane as ip
from infoplane.errors import InputError, RunError
from infoplane.networks import six_layer
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
        for key in ("started", "ended", "seconds", "pid", "own_sha256"):
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
        time.sleep(0.11)  # rows of faster steps come together, up to a tenth of a second late
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


def test_a_target_of_another_shape_is_an_error_not_a_broadcast(data):
    with pytest.raises(InputError, match=r"\(101,\).*\(101, 1\)|\(101, 1\).*\(101,\)"):
        run(data, data.y.astype(np.float32))
