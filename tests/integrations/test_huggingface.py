"""In a real Trainer with a small network: history, metrics, choice of the best model, and the same training."""

import json

import pytest
import torch
from torch import nn

from . import task

pytestmark = pytest.mark.extra
SPREAD = "info/I(T;Y)/net.4"


@pytest.fixture(scope="module")
def transformers():
    pytest.importorskip("accelerate")
    return pytest.importorskip("transformers")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = task.network()

    def forward(self, x, labels=None):
        logits = self.net(x)
        return logits if labels is None else {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def train(transformers, folder, callbacks, *, rate=0.1, **options):
    samples = [{"x": x, "labels": y} for x, y in zip(task.X, task.Y, strict=True)]
    quiet = {"report_to": [], "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no", "use_cpu": True}
    quiet |= {"num_train_epochs": 3, "per_device_train_batch_size": task.BATCH, "optim": "sgd", "learning_rate": rate}
    arguments = transformers.TrainingArguments(folder, seed=3, **quiet | options)
    trainer = transformers.Trainer(
        Net(), arguments, train_dataset=samples, eval_dataset=samples[:50], callbacks=callbacks
    )
    trainer.train()
    return trainer


def callback(plane, **options):
    from infoplane.integrations.huggingface import InformationPlaneCallback

    return InformationPlaneCallback(plane, **options)


@pytest.mark.parametrize("strategy", ["no", "epoch"])
def test_history_and_log_have_every_step(transformers, tmp_path, strategy):
    plane = task.plane()
    log = tmp_path / "lines.jsonl"
    trainer = train(transformers, tmp_path, [callback(plane, log=log)], eval_strategy=strategy)
    assert task.steps(plane) == [0, *(task.STEPS * epoch for epoch in (1, 2, 3))]
    assert len(plane.trajectory) == 4 * len(plane.trajectory.last())
    history = [(entry["step"], entry[SPREAD]) for entry in trainer.state.log_history if SPREAD in entry]
    assert history == list(zip(task.steps(plane), task.series(plane, "i_ty", "net.4"), strict=True))
    assert [json.loads(line)[SPREAD] for line in log.read_text().splitlines()] == [value for _, value in history]


def test_evaluations_between_epochs_are_measured(transformers, tmp_path):
    plane = task.plane()
    trainer = train(transformers, tmp_path, [callback(plane)], eval_strategy="steps", eval_steps=3, eval_on_start=True)
    assert task.steps(plane) == [0, 3, 6, 9, 12]
    assert SPREAD not in "".join(trainer.evaluate())  # after the training nothing is measured
    assert task.steps(plane) == [0, 3, 6, 9, 12]


def test_the_best_model_is_chosen_by_it(transformers, tmp_path):
    plane = task.plane()
    options = {"eval_strategy": "epoch", "save_strategy": "epoch", "load_best_model_at_end": True}
    options |= {"metric_for_best_model": SPREAD, "greater_is_better": True}
    trainer = train(transformers, tmp_path, [callback(plane)], **options)
    found = task.series(plane, "i_ty", "net.4")[1:]
    assert trainer.state.best_metric == max(found)
    assert trainer.state.best_global_step == task.STEPS * (1 + found.index(max(found)))


def test_its_own_early_stopping_stops_on_it(transformers, tmp_path):
    options = {"eval_strategy": "epoch", "metric_for_best_model": SPREAD, "greater_is_better": True}
    stop = transformers.EarlyStoppingCallback(early_stopping_patience=2)
    measure = callback(task.plane(estimators=task.CONSTANT))
    trainer = train(transformers, tmp_path, [measure, stop], num_train_epochs=20, **options)
    assert trainer.state.epoch == 3  # the first is the best, two more do not improve on it


def test_training_is_the_same_bit_by_bit(transformers, tmp_path):
    with_it = train(transformers, tmp_path, [callback(task.plane(shuffles=2))]).model.state_dict()
    without = train(transformers, tmp_path, []).model.state_dict()
    assert with_it.keys() == without.keys()
    assert all(torch.equal(with_it[name], without[name]) for name in with_it)
