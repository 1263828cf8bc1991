"""Signal and noise of the gradients, layer by layer: the norm of their mean over mini-batches, and of their deviation.

With g_m the gradient of a layer's weights on mini-batch m of a window of M, flattened,

    mean = |sum g_m / M|,    deviation = sqrt(sum |g_m - mean gradient|^2 / M),    ratio = mean / deviation

Shwartz-Ziv, Tishby (2017), arXiv:1703.00810, figure 4: the ratio is above 1 while the network drifts, and far below
where it diffuses. Chance alone gives a ratio of about 1 / sqrt(M): choose M well above 1, say 10 or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import final

import torch
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.family import Family
from infoplane.family.state import part_of
from infoplane.trajectory.scalars import Scalars

#: What is recorded of each layer at the end of every window.
NAMES = ("gradient_mean", "gradient_deviation", "gradient_ratio")


@final
class GradientSignal:
    """Records how much of a layer's gradient is signal: one line in a training loop.

    Call ``update()`` after every ``backward()`` and before ``optimizer.step()`` (for a ``Family``: after its
    ``step``). After every ``window`` updates three numbers a layer are added to ``scalars``: ``gradient_mean``,
    ``gradient_deviation`` (both in units of loss per unit of weight) and ``gradient_ratio``, their quotient (infinite
    where all mini-batches agree). A layer is a module with weights of its own, parameters of two or more axes; a
    family's copies are told apart in the column ``copy``. The mean is kept in one number a weight, on its device.

    Args:
        model: a module, or a family of copies.
        window: mini-batches of which mean and deviation are taken, for example one epoch of them.
        scalars: the table to add to, such as ``trajectory.scalars``; a new one if None.

    Raises:
        InputError: the window is shorter than 2, or the model has no weights with gradients.

    Example:
        >>> model = nn.Linear(3, 1)
        >>> signal = GradientSignal(model, window=2)
        >>> for x in (torch.ones(4, 3), torch.eye(3)):
        ...     model.zero_grad()
        ...     model(x).sum().backward()
        ...     ended = signal.update()
        >>> ended, [row["name"] for row in signal.scalars]
        (True, ['gradient_mean', 'gradient_deviation', 'gradient_ratio'])
    """

    def __init__(self, model: nn.Module | Family, *, window: int, scalars: Scalars | None = None) -> None:
        if isinstance(window, bool) or not isinstance(window, int) or window < 2:
            raise InputError(f"window={window!r}: a deviation needs at least 2 mini-batches, for example window=10")
        if not isinstance(model, nn.Module | Family):
            raise InputError(f"model is a {type(model).__name__}: give a torch module or an ip.Family")
        self.window = window
        self.scalars = Scalars() if scalars is None else scalars
        self._model = model
        self._updates = 0
        self._means: dict[str, Tensor] = {}  # layer -> (members, numbers)
        self._squares: dict[str, Tensor] = {}  # layer -> (members,): sums of squared distances from the mean so far

    def update(self, step: int | None = None) -> bool:
        """Take the present gradients in; says whether a window ended and numbers were added.

        ``step``: the optimiser steps done, for the table; the number of updates if None.
        """
        count = self._updates % self.window + 1
        present = self._gradients()
        for layer, now in present.items():
            if count == 1:
                wide = torch.promote_types(now.dtype, torch.float32)  # half precision is too coarse for a mean
                self._means[layer], self._squares[layer] = now.to(wide, copy=True), torch.zeros_like(_lengths(now))
                continue
            off = now - self._means[layer]
            self._means[layer].add_(off, alpha=1 / count)
            length = _lengths(off)
            self._squares[layer].addcmul_(length, length, value=(count - 1) / count)
        self._updates += 1
        if count == self.window:
            self._write(present, self._updates if step is None else step)
        return count == self.window

    def state_dict(self) -> dict[str, Tensor]:
        """What the window so far holds, as tensors with flat names, for a checkpoint."""
        means = {f"mean.{layer}": mean.clone() for layer, mean in self._means.items()}
        squares = {f"squares.{layer}": one.clone() for layer, one in self._squares.items()}
        return {"updates": torch.tensor(self._updates), **means, **squares}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state of the same model and window; ``scalars`` is left as it is."""
        self._updates = int(state["updates"])
        self._means = {layer: mean.clone() for layer, mean in part_of(state, "mean.").items()}
        self._squares = {layer: one.clone() for layer, one in part_of(state, "squares.").items()}

    def _gradients(self) -> dict[str, Tensor]:
        """Layer -> the gradients of its weights, (members, numbers)."""
        parts: dict[str, list[Tensor]] = {}
        for name, gradient in _by_parameter(self._model).items():
            if gradient.ndim > 2:  # members and at least two more
                parts.setdefault(name.rpartition(".")[0], []).append(gradient.flatten(1))
        if not parts:
            raise InputError("no weight has a gradient: call update() after loss.backward() and before zero_grad()")
        return {layer: torch.cat(several, 1) if several[1:] else several[0] for layer, several in parts.items()}

    def _write(self, layers: Iterable[str], step: int) -> None:
        alone = not isinstance(self._model, Family)
        for layer in layers:
            means, deviations = _lengths(self._means[layer]), (self._squares[layer] / self.window).sqrt()
            for copy, (signal, noise) in enumerate(zip(means.tolist(), deviations.tolist(), strict=True)):
                ratio = signal / noise if noise > 0 else float("inf") if signal > 0 else float("nan")
                for name, value in zip(NAMES, (signal, noise, ratio), strict=True):
                    self.scalars.add(step, name, value, layer=layer, copy=-1 if alone else copy)


def _lengths(t: Tensor) -> Tensor:
    """The norms of the rows, summed in float64 (in float32 on Apple's devices, which have no other)."""
    return torch.linalg.vector_norm(t, dim=1, dtype=torch.float32 if t.device.type == "mps" else torch.float64)


@torch.no_grad()
def _by_parameter(model: nn.Module | Family) -> dict[str, Tensor]:
    """Parameter -> its gradient, (members, ...); zeros where this mini-batch gave it none."""
    if isinstance(model, Family):
        return model.gradients()
    parameters = {name: one for name, one in model.named_parameters() if one.requires_grad}
    if all(one.grad is None for one in parameters.values()):
        return {}
    grads = {
        name: torch.zeros_like(one) if one.grad is None else one.grad.to_dense() for name, one in parameters.items()
    }
    return {name: grad.detach()[None] for name, grad in grads.items()}
