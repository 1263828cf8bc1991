"""Losses: what one copy is trained on, and the same for all copies with its gradient at once.

A loss that would silently broadcast a target against a prediction of another shape is an error.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infoplane.errors import InputError, UnknownNameError

LossFunction = Callable[[Any, Any], Tensor]

_IGNORED_CLASS = -100  # torch's mark for labels that do not count


class Loss(abc.ABC):
    """A number from predictions and targets."""

    @abc.abstractmethod
    def __call__(self, prediction: Any, target: Tensor) -> Tensor:
        """The loss of ONE copy, a scalar: prediction (samples, ...)."""

    @abc.abstractmethod
    def with_gradient(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The losses of all copies, (members,), and their gradients with respect to predictions (members, ...)."""


class MeanSquaredError(Loss):
    """The mean of (prediction - target)**2 over samples and units; both have the same shape."""

    def __call__(self, prediction: Any, target: Tensor) -> Tensor:
        _need_same_shape("mse", prediction.shape, target.shape)
        return F.mse_loss(prediction, target.to(prediction.dtype))

    def with_gradient(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        _need_same_shape("mse", predictions.shape[1:], targets.shape[1:])
        difference = (predictions - targets).flatten(1)
        losses = difference.square().mean(1)
        return losses, difference.mul_(2.0 / difference.shape[1]).view(predictions.shape)


class CrossEntropy(Loss):
    """torch's cross-entropy: scores (samples, classes, ...), targets whole-number classes or class probabilities."""

    def __call__(self, prediction: Any, target: Tensor) -> Tensor:
        return F.cross_entropy(prediction, _class_targets(prediction, target))

    def with_gradient(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return _by_autograd(self._all, predictions, targets)

    def _all(self, predictions: Tensor, targets: Tensor) -> Tensor:
        scores = predictions.flatten(0, 1)  # (members * batch, classes, ...)
        classes = _class_targets(scores, targets.flatten(0, 1))
        losses = F.cross_entropy(scores, classes, reduction="none").view(len(predictions), -1)
        if classes.is_floating_point():
            return losses.mean(1)
        # torch's mean is over the labels that count, and so is every copy's
        return losses.sum(1) / (classes != _IGNORED_CLASS).view(len(predictions), -1).sum(1)


class LossOfOneCopy(Loss):
    """Any function (prediction, target) -> scalar, written for one copy."""

    def __init__(self, function: LossFunction) -> None:
        self._function = function
        self._checked: set[tuple[object, object]] = set()

    def __call__(self, prediction: Any, target: Tensor) -> Tensor:
        shapes = (getattr(prediction, "shape", None), target.shape)
        if shapes in self._checked:
            return self._function(prediction, target)
        with warnings.catch_warnings():  # torch's elementwise losses warn where they broadcast, once per shape here
            warnings.filterwarnings("error", message="Using a target size")
            try:
                loss = self._function(prediction, target)
            except UserWarning as warning:
                raise InputError(_shapes_differ(_name(self._function), *shapes)) from warning
        if not isinstance(loss, Tensor) or loss.ndim != 0:
            got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise InputError(f'loss {_name(self._function)} gave {got}: it must give one number (reduction="mean")')
        self._checked.add(shapes)
        return loss

    def with_gradient(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return _by_autograd(self._all, predictions, targets)

    def _all(self, predictions: Tensor, targets: Tensor) -> Tensor:
        return torch.stack([self(*pair) for pair in zip(predictions, targets, strict=True)])


LOSSES: dict[str, Callable[[], Loss]] = {"mse": MeanSquaredError, "cross-entropy": CrossEntropy}


def resolve_loss(loss: str | LossFunction) -> Loss:
    """A loss from its name or from a function of one copy; torch's plain MSELoss and CrossEntropyLoss are the named."""
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise UnknownNameError("loss", loss, LOSSES)
        return LOSSES[loss]()
    if not callable(loss):
        raise InputError(f'loss {loss!r} is no loss: give "mse", "cross-entropy" or a function (prediction, target)')
    if loss is F.mse_loss or (type(loss) is nn.MSELoss and loss.reduction == "mean"):
        return MeanSquaredError()
    if loss is F.cross_entropy or (type(loss) is nn.CrossEntropyLoss and _is_plain(loss)):
        return CrossEntropy()
    return LossOfOneCopy(loss)


def _is_plain(loss: nn.CrossEntropyLoss) -> bool:
    options = (loss.reduction, loss.weight, loss.label_smoothing, loss.ignore_index)
    return options == ("mean", None, 0.0, _IGNORED_CLASS)


def _by_autograd(function: LossFunction, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        leaf = predictions.detach().requires_grad_()
        losses = function(leaf, targets)
        (gradient,) = torch.autograd.grad(losses.sum(), leaf)
    return losses.detach(), gradient


def _class_targets(scores: Tensor, target: Tensor) -> Tensor:
    if not target.is_floating_point():
        return target.long()
    if target.shape != scores.shape:
        raise InputError(
            f"loss 'cross-entropy' got targets of type {target.dtype} and shape {tuple(target.shape)} for scores of "
            f"shape {tuple(scores.shape)}: give whole-number classes (y.long()), or probabilities of the scores' shape"
        )
    return target


def _need_same_shape(name: str, prediction: torch.Size, target: torch.Size) -> None:
    if prediction != target:
        raise InputError(_shapes_differ(repr(name), prediction, target))


def _shapes_differ(name: str, prediction: Any, target: Any) -> str:
    fix = f"y.reshape{tuple(prediction)}"
    if prediction.numel() != target.numel():
        fix = f"targets of shape {tuple(prediction)} (one-hot for classes), or loss='cross-entropy' for class labels"
    return (
        f"loss {name} got predictions of shape {tuple(prediction)} and targets of shape {tuple(target)} for each copy, "
        f"which would be broadcast against each other: give {fix}"
    )


def _name(function: LossFunction) -> str:
    return getattr(function, "__name__", type(function).__name__)
