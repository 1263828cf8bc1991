"""In real trainers of both packages: what is logged, what stops, what is restored, and that nothing else changes."""

import csv
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from infoplane import InformationStopping
from infoplane.errors import InputError

from . import task

pytestmark = [pytest.mark.extra, pytest.mark.filterwarnings("ignore::UserWarning:(lightning|pytorch_lightning)")]
SPREAD = "info/I(T;Y)/net.4"


@pytest.fixture(scope="module", params=["lightning.pytorch", "pytorch_lightning"])
def package(request):
    return pytest.importorskip(request.param)


@pytest.fixture
def callback_class(package):
    from infoplane.integrations.lightning import InformationPlaneCallback

    return InformationPlaneCallback


def loader():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(task.X, task.Y), task.BATCH, shuffle=True)


def network(package):
    class Net(package.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = task.network()

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, _):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

        def validation_step(self, batch, _):
            self.log("val_loss", nn.functional.cross_entropy(self(batch[0]), batch[1]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    return Net()


def train(package, net, callbacks, *, validates=True, ckpt=None, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    quiet |= {"enable_checkpointing": False, "log_every_n_steps": 1, "max_epochs": 3}
    trainer = package.Trainer(callbacks=callbacks, **quiet | options)
    torch.manual_seed(2)
    trainer.fit(net, loader(), loader() if validates else None, ckpt_path=ckpt)
    return trainer


@pytest.mark.parametrize("validates", [True, False])
def test_it_measures_at_the_start_and_after_every_epoch(package, callback_class, validates):
    plane = task.plane()
    trainer = train(package, network(package), [callback_class(plane)], validates=validates)
    assert task.steps(plane) == [0, *(task.STEPS * epoch for epoch in (1, 2, 3))]  # and not in the sanity check
    assert len(plane.trajectory) == 4 * len(plane.trajectory.last())
    last = {row["layer"]: row for row in plane.trajectory.last()}
    assert set(last) == {"net.0", "net.1", "net.2", "net.4"}
    for name, row in last.items():
        assert trainer.callback_metrics[f"info/I(X;T)/{name}"].item() == pytest.approx(row["i_xt"], rel=1e-6)
        assert trainer.callback_metrics[f"info/I(T;Y)/{name}"].item() == pytest.approx(row["i_ty"], rel=1e-6)


def test_a_module_inside_is_measured_by_its_own_names(package, callback_class):
    class Bare(type(network(package))):
        forward = package.LightningModule.forward

        def training_step(self, batch, _):
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    plane = task.plane(layers="4")
    trainer = train(package, Bare(), [callback_class(plane, module="net")], validates=False)
    assert set(trainer.callback_metrics) == {"info/I(X;T)/4", "info/I(T;Y)/4"}
    with pytest.raises(InputError, match="Bare has no forward: add one, or name a module=, one of net"):
        train(package, Bare(), [callback_class(plane)], validates=False)
    with pytest.raises(InputError, match="unknown module 'nets': did you mean 'net'"):
        train(package, Bare(), [callback_class(plane, module="nets")], validates=False)


@pytest.mark.parametrize("validates", [True, False])
def test_lightnings_own_early_stopping_stops_on_it(package, callback_class, validates):
    callbacks = importlib.import_module(f"{package.__name__}.callbacks")
    watch = callbacks.EarlyStopping(SPREAD, mode="max", patience=2)
    measure = callback_class(task.plane(estimators=task.CONSTANT))
    trainer = train(package, network(package), [measure, watch], validates=validates, max_epochs=50)
    assert trainer.current_epoch == 3  # the first is the best, two more do not improve on it


def test_checkpoints_are_chosen_by_it(package, callback_class, tmp_path):
    callbacks = importlib.import_module(f"{package.__name__}.callbacks")
    plane = task.plane()
    keep = callbacks.ModelCheckpoint(tmp_path, monitor=SPREAD, mode="max")
    train(package, network(package), [keep, callback_class(plane)], enable_checkpointing=True, max_epochs=5)
    found = task.series(plane, "i_ty", "net.4")[1:]
    assert keep.best_model_score.item() == pytest.approx(max(found), rel=1e-6)
    kept = torch.load(keep.best_model_path, weights_only=True)
    assert kept["global_step"] == task.STEPS * (1 + found.index(max(found)))


def test_stopping_by_information_brings_the_best_weights_back(package, callback_class):
    plane = task.plane()
    stopping = InformationStopping(monitor=lambda rows: -rows[0]["step"], patience=2, restore_best_weights=True)
    callback = callback_class(plane, stopping=stopping)
    after_one = network(package)
    train(package, after_one, [], max_epochs=1)
    net = network(package)
    trainer = train(package, net, [callback], max_epochs=50)
    assert trainer.current_epoch == 3
    assert (callback.decision.stop, callback.decision.best_epoch) == (True, 1)
    assert same(net, after_one)


def test_a_training_goes_on_from_its_checkpoint(package, callback_class, tmp_path):
    def callback():
        stopping = InformationStopping(monitor="I(T;Y)", patience=20, restore_best_weights=True)
        return callback_class(task.plane(), stopping=stopping)

    first, second = callback(), callback()
    trainer = train(package, network(package), [first], max_epochs=2)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    train(package, network(package), [second], max_epochs=4, ckpt=tmp_path / "half.ckpt")
    saved = first.state_dict()
    assert saved["looks"] == 2
    assert second.state_dict()["looks"] == 4
    assert second.decision.best >= saved["stopping"]["best"]
    third = callback()
    third.load_state_dict(saved)
    assert third.state_dict() == saved


def test_training_is_the_same_bit_by_bit(package, callback_class):
    with_it, without = network(package), network(package)
    train(package, with_it, [callback_class(task.plane(estimators=["binned", "soft"], shuffles=2))])
    train(package, without, [])
    assert same(with_it, without)


def test_the_loggers_and_the_log_get_every_step(package, callback_class, tmp_path):
    loggers = importlib.import_module(f"{package.__name__}.loggers")
    plane = task.plane()
    callback = callback_class(plane, log=tmp_path / "lines.jsonl")
    train(package, network(package), [callback], logger=loggers.CSVLogger(tmp_path, name="", version="csv"))
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    with open(tmp_path / "csv" / "metrics.csv", encoding="utf-8", newline="") as file:
        logged = [float(row[SPREAD]) for row in csv.DictReader(file) if row[SPREAD]]
    expected = task.series(plane, "i_ty", "net.4")
    assert [line["step"] for line in lines] == task.steps(plane)
    assert [line[SPREAD] for line in lines] == expected
    assert logged == pytest.approx(expected, rel=1e-6)


def test_the_class_is_of_the_package_that_was_imported(package, callback_class, monkeypatch):
    module = importlib.import_module("infoplane.integrations.lightning")
    for other in {"lightning.pytorch", "pytorch_lightning"} - {package.__name__}:
        monkeypatch.delitem(sys.modules, other, raising=False)
    assert module._callback() is package.Callback


def test_without_lightning_the_error_says_what_to_install(package, callback_class, monkeypatch):
    module = importlib.import_module("infoplane.integrations.lightning")
    for name in ("lightning.pytorch", "pytorch_lightning"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [])
    with pytest.raises(InputError, match=r"pip install infoplane\[lightning\]"):
        module._callback()


def same(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == twin and torch.equal(a, b) for (name, a), (twin, b) in pairs)


@pytest.mark.slow
def test_two_processes_measure_once_and_stop_together(tmp_path):
    pytest.importorskip("lightning")
    script = Path(__file__).with_name("two_processes.py")
    result = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=240, check=False
    )
    assert result.returncode == 0, result.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["measured"] == [0, 2, 4, 6]
    assert second["measured"] == []
    assert first["metrics"] == second["metrics"]
    assert (first["epochs"], second["epochs"]) == (3, 3)
