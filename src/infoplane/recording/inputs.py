"""What a network is called with: one tensor, several, or several by name, cut into batches of samples."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from infoplane.errors import InputError
from infoplane.recording.loading import first_samples, is_batches
from infoplane.recording.placement import as_input, as_tensor, device_of, floating_dtype, takes_indices


@final
@dataclass(frozen=True)
class Constant:
    """What a network gets beside its inputs and is the same for all samples: edges of a graph, a table, an option.

    Numbers, truth values, texts and None need no Constant. Tensors go where the network is.

    Raises:
        InputError: from measuring, where nothing beside it has a row a sample.

    Example:
        >>> import infoplane as ip, torch
        >>> edges = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> x = {"x": torch.randn(3, 4), "edge_index": ip.Constant(edges)}  # one sample a node
    """

    value: Any

    def at(self, dtype: torch.dtype | None, device: torch.device | None) -> Any:
        """The value for a network on this device and of this floating type; a copy."""
        if not isinstance(self.value, Tensor):
            return self.value
        return self.value.detach().to(device, dtype if self.value.is_floating_point() else None, copy=True)


@final
class Inputs:
    """``x``: a tensor or array (samples, ...); a tuple of these, for ``model(*x)``; a mapping, for ``model(**x)``.

    In a tuple or a mapping, tuples, lists and mappings of these are one argument, ``((a, b),)`` for ``model((a, b))``,
    and ``Constant`` and what has no rows (None, a number, a text) goes to the network in every batch. A DataLoader, a
    Dataset and a list of batches stand for their first samples.

    Raises:
        InputError: no input at all, one without samples, or inputs of several lengths.

    Example:
        >>> import torch
        >>> tokens, present = torch.zeros(10, 7, dtype=torch.int64), torch.ones(10, 7)
        >>> inputs = Inputs({"input_ids": tokens, "attention_mask": present, "return_dict": False})
        >>> len(inputs), [(start, len(batch)) for start, batch in inputs.split(4)]
        (10, [(0, 4), (4, 4), (8, 2)])
    """

    def __init__(self, x: Any) -> None:
        if is_batches(x):
            x = first_samples(x)[0]
        self.names: tuple[str, ...] = tuple(x) if isinstance(x, Mapping) else ()
        self.single = not (self.names or (isinstance(x, tuple) and any(map(_has_rows, x))))
        self._tree: Any = _shared(x) if self.single and not isinstance(x, Mapping) else _tree(x)
        self.tensors: tuple[Tensor, ...] = tuple(leaf for leaf in _leaves(self._tree) if isinstance(leaf, Tensor))
        self._check()

    def _check(self) -> None:
        if not self.tensors:
            raise InputError("x is an empty table: give the network's inputs by name, for example {'input_ids': ...}")
        for tensor in self.tensors:
            if tensor.ndim == 0 or len(tensor) == 0:
                raise InputError(
                    f"x has shape {tuple(tensor.shape)} and no samples: give rows, (samples, ...), or ip.Constant(...) "
                    "beside them for what is the same for all samples"
                )
            if len(tensor) != len(self):
                lengths = ", ".join(str(len(part)) for part in self.tensors)
                raise InputError(
                    f"the inputs in x have {lengths} samples: each needs one row a sample; give what is the same for "
                    "all samples, such as the edges of a graph, as ip.Constant(...)"
                )

    def __len__(self) -> int:
        return len(self.tensors[0])

    @property
    def given(self) -> Any:
        """What it was made of, as tensors."""
        return self._tree

    @functools.cached_property
    def mask(self) -> Tensor | None:
        """Which tokens are there, (samples, tokens) bool, where an input is called "attention_mask"."""
        mask = self._tree.get("attention_mask") if self.names else None
        if not isinstance(mask, Tensor) or mask.ndim != 2:
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
        return Inputs(_mapped(self._tree, lambda leaf: leaf[keep] if isinstance(leaf, Tensor) else leaf))

    def call(self, model: nn.Module) -> Any:
        """The model's output for copies of all samples, where it is and in its floating type.

        Whole numbers become floating ones, except for a network with an embedding, and beside other inputs.
        """
        dtype, device = floating_dtype(model), device_of(model)
        indices = not self.single or takes_indices(model)

        def moved(leaf: Tensor | Constant) -> Any:
            if isinstance(leaf, Constant):
                return leaf.at(dtype, device)
            new = as_input(leaf, dtype, device, indices=indices)
            # a copy of what did not move, so that a network that writes into its input does not reach the user's
            return new.clone() if new.data_ptr() == leaf.data_ptr() else new

        x = _mapped(self._tree, moved)
        return model(**x) if self.names else model(x) if self.single else model(*x)


def _has_rows(values: Any) -> bool:
    if isinstance(values, tuple | list | Mapping):
        return any(map(_has_rows, values.values() if isinstance(values, Mapping) else values))
    return isinstance(values, Tensor | np.ndarray) and values.ndim > 0


def _tree(values: Any) -> Any:
    """Tuples, lists and mappings whose leaves are tensors with a row a sample, and constants."""
    if isinstance(values, Constant):
        return values
    if values is None or isinstance(values, bool | int | float | complex | str | np.generic):
        return Constant(values)
    if isinstance(values, Mapping):
        return {name: _tree(part) for name, part in values.items()}
    if isinstance(values, tuple | list) and _has_rows(values):
        return _like(values, map(_tree, values))
    return _shared(values)


def _mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The same tree with every leaf changed."""
    if isinstance(tree, dict):
        return {name: _mapped(part, change) for name, part in tree.items()}
    return _like(tree, (_mapped(part, change) for part in tree)) if isinstance(tree, tuple | list) else change(tree)


def _like(values: Any, parts: Iterable[Any]) -> Any:
    return type(values)(*parts) if hasattr(values, "_fields") else type(values)(parts)  # a named tuple, or not


def _leaves(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | tuple | list):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(part)
    else:
        yield tree


def _shared(values: Any) -> Tensor:
    """A tensor in the memory that the numbers have, where torch can use it."""
    if isinstance(values, np.ndarray) and values.flags.writeable and values.dtype.kind in "biuf":
        return torch.from_numpy(np.ascontiguousarray(values))
    return as_tensor(values, "x")
