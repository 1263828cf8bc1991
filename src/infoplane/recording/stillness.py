"""Notices a network that is measured step after step while nothing trains it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from infoplane.recording.evaluation import is_sharded

_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@final
class Stillness:
    """Warns once where no parameter of the same networks changed between three steps, as if nothing trained them.

    Torch counts a tensor's changes, so that nothing is computed while a network learns. What a count cannot show
    (`parameter.data` has none) is left to a checksum of the parameters, of which two are needed: hence three steps.
    Networks of fully_shard are not looked at.

    Example:
        >>> import torch
        >>> still, network = Stillness(), torch.nn.Linear(2, 2)
        >>> for step in (0, 1):
        ...     still.look([network], step)
    """

    def __init__(self) -> None:
        self._step: int | None = None
        self._counts: list[tuple[int, int]] = []
        self._sums: list[int] = []
        self._warned = False

    def look(self, networks: Sequence[nn.Module], step: int) -> None:
        """Compare with the step before; nothing at the same step."""
        if self._warned or step == self._step:
            return
        parameters = [p for network in networks for p in network.parameters() if not p.is_inference()]
        if not parameters or any(is_sharded(network) for network in networks):
            return
        before, counts, sums = self._step, [(p.data_ptr(), p._version) for p in parameters], []
        if counts == self._counts:
            sums = [_sum_of_words(parameter) for parameter in parameters]
            if sums == self._sums:
                self._warned = True
                warnings.warn(
                    f"no parameter changed between steps {before} and {step}: does the training loop call "
                    "loss.backward() and optimizer.step(), with an optimizer of this network's parameters?",
                    stacklevel=3,
                )
        self._step, self._counts, self._sums = step, counts, sums


def _sum_of_words(parameter: Tensor) -> int:
    # bits as whole numbers: their sum is exact, so that it does not depend on the order as one of fractions does
    numbers = torch.view_as_real(parameter.detach()) if parameter.is_complex() else parameter.detach()
    return int(numbers.view(_WORDS[numbers.element_size()]).sum())
