"""What a network is called with: one tensor, several, or several by name, cut into batches of samples."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.recording.placement import as_input, as_tensor, device_of, floating_dtype, takes_indices


@final
class Inputs:
    """``x``: a tensor or array (samples, ...); a tuple of these, for ``model(*x)``; a mapping, for ``model(**x)``.

    Raises:
        InputError: no input at all, one without samples, or inputs of several lengths.

    Example:
        >>> import torch
        >>> tokens, present = torch.zeros(10, 7, dtype=torch.int64), torch.ones(10, 7)
        >>> inputs = Inputs({"input_ids": tokens, "attention_mask": present})
        >>> len(inputs), [(start, len(batch)) for start, batch in inputs.split(4)]
        (10, [(0, 4), (4, 4), (8, 2)])
    """

    def __init__(self, x: Any) -> None:
        self.names: tuple[str, ...] = tuple(x) if isinstance(x, Mapping) else ()
        several = self.names or (isinstance(x, tuple) and x and all(_has_rows(part) for part in x))
        parts = tuple(x.values()) if isinstance(x, Mapping) else x if several else (x,)
        self.single = not several
        self.tensors: tuple[Tensor, ...] = tuple(_shared(part) for part in parts)
        self._check()

    def _check(self) -> None:
        if not self.tensors:
            raise InputError("x is an empty table: give the network's inputs by name, for example {'input_ids': ...}")
        for tensor in self.tensors:
            if tensor.ndim == 0 or len(tensor) == 0:
                raise InputError(f"x has shape {tuple(tensor.shape)} and no samples: give rows, (samples, ...)")
            if len(tensor) != len(self):
                lengths = ", ".join(str(len(part)) for part in self.tensors)
                raise InputError(f"the inputs in x have {lengths} samples: each needs one row a sample")

    def __len__(self) -> int:
        return len(self.tensors[0])

    @property
    def given(self) -> Any:
        """What it was made of, as tensors."""
        if self.names:
            return dict(zip(self.names, self.tensors, strict=True))
        return self.tensors[0] if self.single else self.tensors

    @functools.cached_property
    def mask(self) -> Tensor | None:
        """Which tokens are there, (samples, tokens) bool, where an input is called "attention_mask"."""
        mask = dict(zip(self.names, self.tensors, strict=False)).get("attention_mask")
        if mask is None or mask.ndim != 2:
            return None
        if not bool(((mask == 0) | (mask == 1)).all()):  # the other form, which is added to scores: 0 keeps a token
            raise InputError(
                "the input 'attention_mask' holds numbers other than 0 and 1, and it must say which tokens are there: "
                "give 1 for a token and 0 for padding (attention_mask == 0 of a mask with 0 and -inf)"
            )
        return mask != 0

    def split(self, size: int) -> Iterator[tuple[int, Inputs]]:
        """Batches of ``size`` samples, in order, each with the number of its first sample; views.

        The last one has two samples at least, where it can: ``squeeze()`` in a forward pass drops a lone one's axis.
        """
        starts = [*range(0, len(self), size), len(self)]
        if size > 2 and len(starts) > 2 and len(self) % size == 1:
            starts[-2] -= 1
        for start, stop in pairwise(starts):
            yield start, self.rows(slice(start, stop))

    def rows(self, keep: slice | Tensor) -> Inputs:
        """Some of the samples."""
        parts = tuple(tensor[keep] for tensor in self.tensors)
        return Inputs(dict(zip(self.names, parts, strict=True)) if self.names else parts[0] if self.single else parts)

    def call(self, model: nn.Module) -> Any:
        """The model's output for copies of all samples, where it is and in its floating type.

        Whole numbers become floating ones, except for a network with an embedding, and beside other inputs.
        """
        dtype, device = floating_dtype(model), device_of(model)
        indices = not self.single or takes_indices(model)
        moved = [as_input(tensor, dtype, device, indices=indices) for tensor in self.tensors]
        # a copy of what did not move, so that a network that writes into its input does not reach the user's
        fresh = [
            new.clone() if new.data_ptr() == old.data_ptr() else new
            for new, old in zip(moved, self.tensors, strict=True)
        ]
        return model(**dict(zip(self.names, fresh, strict=True))) if self.names else model(*fresh)


def _has_rows(values: Any) -> bool:
    return isinstance(values, Tensor | np.ndarray) and values.ndim > 0


def _shared(values: Any) -> Tensor:
    """A tensor in the memory that the numbers have, where torch can use it."""
    if isinstance(values, np.ndarray) and values.flags.writeable and values.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(values))
    return as_tensor(values, "x")
