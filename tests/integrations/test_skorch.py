"""In a real skorch net: the history, its early stopping, copies of it, and the same training."""

import copy
import json

import pytest
import torch
from torch import nn

from . import task

pytestmark = pytest.mark.extra
SPREAD = "info/I(T;Y)/4"


@pytest.fixture(scope="module")
def skorch():
    return pytest.importorskip("skorch")


def callback(plane, **options):
    from infoplane.integrations.skorch import InformationPlaneCallback

    return InformationPlaneCallback(plane, **options)


def net(skorch, callbacks, **options):
    options = {"max_epochs": 3, "lr": 0.1, "batch_size": task.BATCH, "train_split": None, "verbose": 0} | options
    return skorch.NeuralNetClassifier(
        task.network(), criterion=nn.CrossEntropyLoss, callbacks=callbacks, iterator_train__shuffle=True, **options
    )


def fit(made):
    torch.manual_seed(2)
    return made.fit(task.X.numpy(), task.Y.numpy())


def test_the_history_has_every_epoch_and_the_log_the_start_too(skorch, tmp_path):
    plane = task.plane()
    made = fit(net(skorch, [callback(plane, log=tmp_path / "lines.jsonl")]))
    assert task.steps(plane) == [0, *(task.STEPS * epoch for epoch in (1, 2, 3))]
    assert made.history[:, SPREAD] == task.series(plane, "i_ty", "4")[1:]
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert [line[SPREAD] for line in lines] == task.series(plane, "i_ty", "4")
    made.partial_fit(task.X.numpy(), task.Y.numpy())
    assert task.steps(plane)[-1] == 6 * task.STEPS


def test_validation_batches_are_no_steps(skorch):
    plane = task.plane()
    fit(net(skorch, [callback(plane)], train_split=skorch.dataset.ValidSplit(2)))
    assert task.steps(plane) == [0, 2, 4, 6]


def test_its_own_early_stopping_stops_on_it(skorch):
    stop = skorch.callbacks.EarlyStopping(SPREAD, patience=2, lower_is_better=False, threshold_mode="abs")
    made = fit(net(skorch, [callback(task.plane(estimators=task.CONSTANT)), stop], max_epochs=20))
    assert len(made.history) == 3  # the first is the best, two more do not improve on it


def test_training_is_the_same_bit_by_bit(skorch):
    with_it = fit(net(skorch, [callback(task.plane(shuffles=2))])).module_.state_dict()
    without = fit(net(skorch, [])).module_.state_dict()
    assert all(torch.equal(with_it[name], without[name]) for name in without)


def test_a_net_with_it_can_be_cloned_as_scikit_learn_does(skorch):
    from sklearn.base import clone

    plane = task.plane()
    fit(clone(net(skorch, [callback(plane)])))
    fit(copy.deepcopy(net(skorch, [callback(plane)])))
    assert task.steps(plane) == []  # each copy has a plane of its own
