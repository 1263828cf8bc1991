"""Losses, accuracies and gradients of an experiment: their truths, and that they change nothing, also over a resume."""

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError
from infoplane.networks import six_layer
from infoplane.training.learning import LearningCurves
from infoplane.trajectory.scalars import Scalars


@pytest.fixture(scope="module")
def data():
    return ip.datasets.load("report-simple", samples=200)


def run(data, **options):
    target = 2.0 * data.y[:, None] - 1
    return ip.experiment(six_layer, data.x, target, **{"epochs": 20, "copies": 2, "progress": False, **options})


def test_they_are_recorded_when_asked_and_change_nothing(data):
    plain, recorded = run(data), run(data, gradients=True)
    assert len(plain.trajectory.scalars) == 0
    assert list(plain.trajectory) == list(recorded.trajectory)
    for one, other in zip(plain.step_losses, recorded.step_losses, strict=True):
        assert torch.equal(one, other)
    table = recorded.trajectory.scalars.to_pandas()
    assert set(table["step"]) == {10, 20}
    assert set(table["name"]) == {"loss", "accuracy", "gradient_mean", "gradient_deviation", "gradient_ratio"}
    assert set(table["copy"]) == {0, 1}


def test_loss_is_the_mean_of_the_window_and_accuracy_that_of_the_last_network(data):
    result = run(data, gradients=5)
    scalars = result.trajectory.scalars
    for copy, network in enumerate(result.networks):
        losses = [row["value"] for row in scalars.select(name="loss", copy=copy)]
        assert losses == pytest.approx(result.losses[:, copy].reshape(4, 5).mean(1), rel=1e-5)
        (last,) = scalars.select(name="accuracy", step=20, copy=copy)
        predicted = network(torch.as_tensor(data.x, dtype=torch.float32)).detach().numpy()[:, 0] > 0
        assert last["value"] == np.mean(predicted == data.y)


@pytest.mark.parametrize(
    ("targets", "outputs", "accuracy"),
    [
        (torch.tensor([0, 1, 2]), torch.tensor([[3.0, 1, 1], [0, 1, 0], [1, 0, 0]]), 2 / 3),
        (torch.tensor([[1.0, 0], [0, 1], [0, 1]]), torch.tensor([[0.9, 0.2], [0.8, 0.1], [0.1, 0.2]]), 2 / 3),
        (torch.tensor([[0.0], [1.0], [1.0]]), torch.tensor([[0.4], [0.6], [0.1]]), 2 / 3),
        (torch.tensor([[-1.0], [1.0], [1.0]]), torch.tensor([[-0.4], [0.6], [0.1]]), 1.0),
        (torch.tensor([[0.0], [0.5], [1.0]]), torch.tensor([[0.0], [0.5], [1.0]]), None),
    ],
)
def test_accuracy_for_every_kind_of_target(targets, outputs, accuracy):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(outputs.clone())

        def forward(self, x):
            return self.weight[x.long().flatten()]

    family = ip.Family(Fixed, engine="modules")
    family.compile(lambda prediction, target: prediction.sum(), learning_rate=1e-12)
    x = torch.arange(3.0)[:, None]
    curves = LearningCurves(family, (x, targets), window=2, scalars=Scalars())
    for step in (1, 2):
        curves.after(step, family.step(x[None], targets[None]))
    found = [row["value"] for row in curves.scalars.select(name="accuracy")]
    assert found == ([] if accuracy is None else [pytest.approx(accuracy)])


def test_a_state_holds_the_window_so_far(data):
    x, y = data.x, 2.0 * data.y[:, None] - 1
    family = ip.Family(six_layer, 2, engine="batched")
    family.compile("mse")
    samples = family.inputs(x), family.targets(y)
    first, second = (LearningCurves(family, samples, window=4, scalars=Scalars()) for _ in range(2))
    for step in range(1, 5):
        rows = family.draw(200, 20)
        losses = family.step(samples[0][rows], samples[1][rows])
        first.after(step, losses)
        if step == 2:
            second.load_state_dict(first.state_dict())
        elif step > 2:
            second.after(step, losses)
    assert list(first.scalars) == list(second.scalars)
    assert len(first.scalars) == 2 * (6 * 3 + 2)


def test_a_window_of_one_step_is_refused(data):
    with pytest.raises(InputError, match="gradients=1"):
        run(data, gradients=1)
