from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infoplane.errors import InputError, UnknownNameError
from infoplane.family.losses import CrossEntropy, MeanSquaredError, resolve_loss

SCORES = torch.randn(3, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
CLASSES = torch.randint(4, (3, 7), generator=torch.Generator().manual_seed(1))
VALUES = torch.randn(3, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))

CASES = [
    ("mse", VALUES, lambda p, t: ((p - t) ** 2).mean()),
    ("cross-entropy", CLASSES, lambda p, t: -p.log_softmax(1)[range(7), t].mean()),
    ("cross-entropy", VALUES.softmax(2), lambda p, t: -(t * p.log_softmax(1)).sum(1).mean()),
    (nn.L1Loss(), VALUES, lambda p, t: (p - t).abs().mean()),
]


@pytest.mark.parametrize(("loss", "targets", "by_hand"), CASES)
def test_all_copies_at_once_agree_with_one_copy_written_out(
    loss: str, targets: Tensor, by_hand: Callable[[Tensor, Tensor], Tensor]
) -> None:
    losses, gradient = resolve_loss(loss).with_gradient(SCORES, targets)
    for copy in range(3):
        scores = SCORES[copy].clone().requires_grad_()
        expected = by_hand(scores, targets[copy])
        expected.backward()
        torch.testing.assert_close(losses[copy], expected.detach())
        torch.testing.assert_close(gradient[copy], scores.grad)
        torch.testing.assert_close(resolve_loss(loss)(scores, targets[copy]), expected)


def test_labels_that_do_not_count_are_left_out_of_the_mean() -> None:
    targets = CLASSES.clone()
    targets[1, :3] = -100
    losses, _ = CrossEntropy().with_gradient(SCORES, targets)
    torch.testing.assert_close(losses[1], F.cross_entropy(SCORES[1, 3:], targets[1, 3:]))


def test_torch_losses_without_options_are_the_named_ones() -> None:
    for loss in (nn.MSELoss(), F.mse_loss, "mse"):
        assert isinstance(resolve_loss(loss), MeanSquaredError)
    for loss in (nn.CrossEntropyLoss(), F.cross_entropy, "cross-entropy"):
        assert isinstance(resolve_loss(loss), CrossEntropy)
    assert not isinstance(resolve_loss(nn.CrossEntropyLoss(label_smoothing=0.1)), CrossEntropy)
    assert not isinstance(resolve_loss(nn.MSELoss(reduction="sum")), MeanSquaredError)


@pytest.mark.parametrize("loss", ["mse", nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), lambda p, t: F.mse_loss(p, t)])
def test_broadcasting_is_an_error_that_names_both_shapes(loss: str) -> None:
    prediction, target = torch.zeros(101, 1), torch.zeros(101, 1, 1)
    message = r"\(101, 1\) and targets of shape \(101, 1, 1\).*give y.reshape\(101, 1\)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message):
            resolve_loss(loss)(prediction, target)
        with pytest.raises(InputError, match=message):
            resolve_loss(loss).with_gradient(prediction[None], target[None])


def test_class_labels_for_mse_are_pointed_to_one_hot_and_cross_entropy() -> None:
    with pytest.raises(InputError, match=r"shape \(7, 4\) \(one-hot for classes\), or loss='cross-entropy'"):
        resolve_loss("mse")(torch.zeros(7, 4), torch.zeros(7))


def test_wrong_losses_are_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown loss 'mes': did you mean 'mse'"):
        resolve_loss("mes")
    with pytest.raises(InputError, match="loss 3 is no loss"):
        resolve_loss(3)
    with pytest.raises(InputError, match=r"loss L1Loss gave shape \(7, 4\).*reduction"):
        resolve_loss(nn.L1Loss(reduction="none"))(torch.zeros(7, 4), torch.ones(7, 4))
    with pytest.raises(InputError, match="loss <lambda> gave a float"):
        resolve_loss(lambda p, t: 1.0)(torch.zeros(7, 4), torch.ones(7, 4))
    with pytest.raises(InputError, match=r"float32 and shape \(7,\) .*y.long\(\)"):
        resolve_loss("cross-entropy")(torch.zeros(7, 4), torch.ones(7))
