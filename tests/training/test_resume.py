"""A run that was killed and gone on with ends bit for bit like one that was never stopped."""

import json
import os
import random
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import DataFileError, InputError, RunError
from infoplane.io.files import read_json, sealed
from infoplane.runs import verify
from infoplane.training.resume import Keeper, chosen_seed

X = np.random.default_rng(0).normal(size=(120, 6)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
STEPS = 24


def plain():
    return nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 1), nn.Sigmoid())


def noisy():
    return nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Dropout(0.3), nn.Linear(4, 1))


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def careless_loss(prediction, target):
    """A loss that draws from everybody's random numbers."""
    noise = random.random() + np.random.rand() + torch.rand(()).item()
    return ((prediction - target) ** 2).mean() * (1 + 0.1 * noise)


PATIENT = ip.InformationStopping(monitor="I(T;Y)", patience=4, restore_best_weights=True)

CASES = {
    "batched, momentum, sampled": {"model": plain, "optimizer": momentum, "family": ("exact", "sampled"), "copies": 3},
    "batched, adam, stopping": {
        "model": plain,
        "optimizer": "adam",
        "learning_rate": 0.05,
        "stopping": PATIENT,
        "gradients": 4,
    },
    "vmap, adam, dropout": {"model": noisy, "optimizer": "adam", "engine": "vmap", "copies": 2},
    "modules, momentum, dropout": {"model": noisy, "optimizer": momentum, "engine": "modules", "copies": 2},
    "modules, a loss with random numbers": {"model": plain, "loss": careless_loss, "engine": "modules"},
}


def train(case, out, **options):
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    given = {"epochs": STEPS, "batch_size": 30, "every": 2, "progress": False, "checkpoint_every": 0.0, "seed": 5}
    return ip.experiment(x=X, y=Y, out=out, **{**given, **CASES[case], **options})


def same(one, other):
    """Every bit of two results and of their files."""
    first, second = one.family.state_dict(), other.family.state_dict()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert np.array_equal(one.losses, other.losses)
    assert list(one.trajectory) == list(other.trajectory)
    assert (one.decision, one.steps, one.interrupted) == (other.decision, other.steps, other.interrupted)
    names = [sorted(p.name for p in r.out.iterdir() if p.name != "run.lock") for r in (one, other)]
    assert names[0] == names[1]
    for name in names[0]:
        if name not in ("run.json", "manifest.json", "checkpoint.json"):  # they hold times
            assert (one.out / name).read_bytes() == (other.out / name).read_bytes()
    assert verify(other.out) == []


def in_child(work):
    """The number of a process that works and ends."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run that was never stopped, by case; compiled functions are warm afterwards."""
    results = {}

    def get(case):
        if case not in results:
            train(case, None, epochs=2)
            results[case] = train(case, tmp_path_factory.mktemp("whole") / "run")
        return results[case]

    return get


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(50))
def test_killed_at_a_random_moment(whole, tmp_path, moment):
    case = list(CASES)[moment % len(CASES)]
    expected, chance = whole(case), np.random.default_rng(moment)
    out = tmp_path / "run"
    child = in_child(lambda: train(case, out))
    time.sleep(chance.uniform(0, 1.2 * expected.seconds))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if (out / "run.json").exists():  # the manifest comes last
        assert [finding for finding in verify(out) if "manifest.json is missing" not in finding] == []
    same(expected, train(case, out, resume=True))


FILE_CALLS = ("replace", "fsync", "unlink", "open")


def die_at(call):
    """Make this process kill itself right before the file operation of that number; count them."""
    seen = [0]

    def watched(original):
        def wrapper(*arguments, **options):
            seen[0] += 1
            if seen[0] == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return wrapper

    for name in FILE_CALLS:
        setattr(os, name, watched(getattr(os, name)))


@pytest.mark.slow
def test_killed_before_every_single_file_operation(tmp_path):
    """From the first write to the last: no window is left in which a run would be lost."""
    case = "batched, momentum, sampled"
    expected = train(case, tmp_path / "whole", epochs=1)
    call, ended = 0, False
    while not ended:
        call += 1
        out = tmp_path / f"run-{call}"

        def work(out=out, call=call):
            die_at(call)
            train(case, out, epochs=1)

        _, status = os.waitpid(in_child(work), 0)
        ended = os.WIFEXITED(status)
        if (out / "run.json").exists():
            assert [finding for finding in verify(out) if "manifest.json is missing" not in finding] == []
            ip.Trajectory.load(out) if (out / "trajectory.jsonl").exists() else None
        same(expected, train(case, out, epochs=1, resume=True))
    assert call > 30


def test_killed_in_the_middle_of_a_line(whole, tmp_path):
    case = "batched, momentum, sampled"

    def work():
        original, written = os.fsync, [0]

        def fsync(file):
            written[0] += 1
            if written[0] == 20:
                with open(tmp_path / "run" / "trajectory.jsonl", "ab") as lines:
                    lines.write(b'{"step":9,"split":"a')
                os.kill(os.getpid(), signal.SIGKILL)
            return original(file)

        os.fsync = fsync
        train(case, tmp_path / "run")

    os.waitpid(in_child(work), 0)
    with pytest.warns(RuntimeWarning, match="was being written when the run stopped, and is left out"):
        assert len(ip.Trajectory.load(tmp_path / "run")) > 0
    assert verify(tmp_path / "run") == []
    same(whole(case), train(case, tmp_path / "run", resume=True))


@pytest.mark.parametrize("case", CASES)
def test_stopped_and_gone_on_with_again_and_again(whole, tmp_path, case, monkeypatch):
    """A signal after every few steps; the run directory is all that one part has of the one before."""
    expected = whole(case)
    original, steps = ip.Family.step, [0]

    def step(self, x, y):
        steps[0] += 1
        if steps[0] % 7 == 0:
            signal.raise_signal(signal.SIGTERM)
        return original(self, x, y)

    monkeypatch.setattr(ip.Family, "step", step)
    result = train(case, tmp_path / "run", resume=True)  # where there is no run, one begins
    parts = 1
    while result.interrupted:
        record = json.loads((tmp_path / "run" / "run.json").read_text())
        assert (record["state"], record["steps_done"]) == ("interrupted", result.steps)
        result = train(case, tmp_path / "run", resume=True)
        parts += 1
    assert parts >= min(3, result.steps // 7 + 1)
    same(expected, result)


def test_a_finished_run_is_only_read(whole, tmp_path):
    case = "batched, adam, stopping"
    train(case, tmp_path / "run")
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in (tmp_path / "run").iterdir()}
    result = train(case, tmp_path / "run", resume=True)
    assert {f.name: (f.read_bytes(), f.stat().st_mtime_ns) for f in (tmp_path / "run").iterdir()} == before
    assert result.out == tmp_path / "run"
    assert result.seconds > 0
    same(whole(case), result)


def test_other_settings_or_data_are_refused_and_change_nothing(tmp_path):
    case = "batched, adam, stopping"
    train(case, tmp_path / "run")
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    for options, message in (
        ({"epochs": 30}, "epochs is 30, the run has 24"),
        ({"seed": 6}, "seed is 6, the run has 5"),
        ({"stopping": None}, "stopping is None, the run has"),
        ({"model": noisy}, "model is .*noisy"),
        ({"y": 1 - Y}, "the data are not the same"),
        ({"force": True}, "leave out force"),
        ({"out": None}, "name it"),
    ):
        with pytest.raises(InputError, match=message):
            ip.experiment(
                **{"x": X, "y": Y, "epochs": STEPS, "batch_size": 30, "every": 2, "progress": False, "seed": 5}
                | {"out": tmp_path / "run", "resume": True} | CASES[case] | options
            )  # fmt: skip
    assert {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()} == before


def test_a_network_of_other_shapes_is_refused_before_anything_is_cut(tmp_path):
    case = "modules, momentum, dropout"
    assert stop_after(3, case, tmp_path / "run").interrupted
    before = {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()}

    def noisy():
        return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 1))

    noisy.__qualname__ = "noisy"
    with pytest.raises(InputError, match="the family has"):
        train(case, tmp_path / "run", resume=True, model=noisy)
    assert {file.name: file.read_bytes() for file in (tmp_path / "run").iterdir()} == before


def stop_after(steps, case, out, **options):
    """A run with a first Ctrl-C in that step."""
    original, done = ip.Family.step, [0]

    def step(self, x, y):
        done[0] += 1
        if done[0] == steps:
            signal.raise_signal(signal.SIGINT)
        return original(self, x, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ip.Family, "step", step)
        return train(case, out, **options)


def test_damage_is_said_and_nothing_is_lost(tmp_path):
    case, out = "batched, momentum, sampled", tmp_path / "run"
    stop_after(5, case, out)
    (tensors,) = out.glob("checkpoint-*.safetensors")
    for file, message in ((tensors, "its checksum differs"), (out / "trajectory.jsonl", "was changed")):
        whole = file.read_bytes()
        file.write_bytes(whole[:300] + bytes([whole[300] ^ 1]) + whole[301:])
        with pytest.raises((DataFileError, RunError), match=message):
            train(case, out, resume=True)
        file.write_bytes(whole[:-10])
        with pytest.raises((DataFileError, RunError), match=f"has {len(whole) - 10} bytes"):
            train(case, out, resume=True)
        file.write_bytes(whole)
    assert not train(case, out, resume=True).interrupted


def test_no_seed_draws_one_and_keeps_it(tmp_path):
    first = stop_after(4, "batched, momentum, sampled", tmp_path / "run", seed=None)
    seed = json.loads((tmp_path / "run" / "run.json").read_text())["seed"]
    assert first.settings["seed"] == seed == first.trajectory.meta["seed"]
    result = train("batched, momentum, sampled", tmp_path / "run", seed=None, resume=True)
    same(train("batched, momentum, sampled", tmp_path / "again", seed=seed), result)
    assert chosen_seed(None, None, resume=False) != chosen_seed(None, None, resume=False)


def test_other_versions_or_threads_are_a_warning(tmp_path):
    case, out = "batched, momentum, sampled", tmp_path / "run"
    stop_after(5, case, out)
    record = read_json(out / "run.json")
    record["versions"]["torch"] = "1.0"
    (out / "run.json").write_bytes(sealed(record))
    with pytest.warns(RuntimeWarning, match=r"torch 1.0 -> \d"):
        train(case, out, resume=True)


def test_a_second_writer_is_refused(tmp_path):
    case, out = "batched, momentum, sampled", tmp_path / "run"
    child = in_child(lambda: train(case, out, epochs=10**6))
    try:
        while not (out / "checkpoint.json").exists():
            time.sleep(0.01)
        for options in ({"resume": True}, {"force": True}, {}):
            with pytest.raises(RunError, match=rf"run 'run' is in use by pid {child} on host \S+; choose another name"):
                train(case, out, epochs=10**6, **options)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert train(case, out, force=True).steps == STEPS  # the lock has died with its process


@pytest.mark.parametrize(
    ("every", "took", "saved"), [(10, 0.1, [10, 20, 30, 40]), (10, 1, [10, 30]), (0, 1, [*range(1, 41)])]
)
def test_checkpoints_come_when_they_are_due_and_take_a_twentieth_of_the_time(monkeypatch, every, took, saved):
    """A clock of steps of one second, in which a checkpoint takes as long as it is said to."""
    now, times = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    keeper = Keeper(SimpleNamespace(append=lambda rows: None), SimpleNamespace(trajectory=()), None, every)

    def save():
        times.append(step)
        now[0] += took

    monkeypatch.setattr(keeper, "save", save)
    for step in range(1, 41):
        now[0] = max(now[0], step)
        keeper.look(due=keeper.is_due)
    assert times == saved
