"""A DataLoader, a Dataset or a list of batches -> inputs and labels of the first samples, in one piece."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

from infoplane.errors import InputError
from infoplane.randomness import preserved_python_and_numpy, preserved_random_state

#: Samples that are taken where there are more.
MOST_SAMPLES = 10_000

_AT_ONCE = 256  # samples that are put together at a time
_LABELS = ("labels", "label", "y", "targets", "target")


def is_batches(x: Any) -> bool:
    """Whether samples come from a DataLoader or a Dataset, or as a list of batches, each a tuple or a table."""
    if isinstance(x, DataLoader | Dataset):
        return True
    return isinstance(x, list) and bool(x) and all(isinstance(batch, tuple | Mapping) and _rows(batch) for batch in x)


def first_samples(source: Any) -> tuple[Any, Any]:
    """x and y of the first samples, in the order of the dataset; y is None where a batch holds inputs only.

    Of a tuple the last part is y, and of a table what is called "labels" or alike; the rest is x. A DataLoader's
    dataset and way of putting samples together are used, and not its workers, shuffling or generator: nothing is drawn
    from them. An IterableDataset is read from its beginning, and left as reading leaves it.

    Raises:
        InputError: nothing in it, or batches that cannot be joined.

    Example:
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> data = TensorDataset(torch.zeros(50, 3), torch.arange(50))
        >>> x, y = first_samples(DataLoader(data, batch_size=8, shuffle=True))
        >>> x.shape, y[:3]
        (torch.Size([50, 3]), tensor([0, 1, 2]))
    """
    kind = type(source).__name__
    batches: list[Any] = []
    count = 0
    # random changes of samples draw numbers that training would get otherwise
    with preserved_random_state(None), preserved_python_and_numpy():
        for batch in _batches(source):
            batches.append(batch)
            count += _rows(batch)
            if count >= MOST_SAMPLES:
                break
    if not count:
        raise InputError(f"x is a {kind} without samples that are tensors or arrays: give arrays (samples, ...)")
    there = _length(source)
    if there is None or there > MOST_SAMPLES:
        many = "" if there is None else f" of {there} samples"
        if count >= MOST_SAMPLES:
            warnings.warn(
                f"x is a {kind}{many}: the first {MOST_SAMPLES} are measured; give "
                "torch.utils.data.Subset(dataset, numbers), or arrays, to choose others",
                stacklevel=4,
            )
    try:
        joined = _joined(batches)
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            f"the batches of the {kind} cannot be joined ({error}): give arrays in which all samples have one shape"
        ) from error
    return _parted(joined)


def _batches(source: Any) -> Iterator[Any]:
    """What a dataset holds, a few samples at a time."""
    if isinstance(source, list):
        yield from source
        return
    collate = default_collate
    if isinstance(source, DataLoader):
        if source.batch_size is None and source.batch_sampler is None:  # its dataset holds batches
            yield from _items(source.dataset)
            return
        source, collate = source.dataset, source.collate_fn
    items = iter(_items(source))
    while several := list(islice(items, _AT_ONCE)):
        yield collate(several)


def _items(dataset: Any) -> Iterable[Any]:
    if isinstance(dataset, IterableDataset):
        return dataset
    return (dataset[number] for number in range(len(dataset)))


def _length(source: Any) -> int | None:
    if isinstance(source, list):
        return sum(map(_rows, source))
    data: Any = source.dataset if isinstance(source, DataLoader) else source
    return None if isinstance(data, IterableDataset) else len(data)


def _rows(batch: Any) -> int:
    """How many samples a batch has: the rows of its first tensor or array."""
    if isinstance(batch, Tensor | np.ndarray):
        return len(batch) if batch.ndim else 0
    parts: Iterable[Any] = ()
    if isinstance(batch, tuple | list | Mapping):
        parts = batch.values() if isinstance(batch, Mapping) else batch
    return next((rows for part in parts if (rows := _rows(part))), 0)


def _joined(batches: Sequence[Any]) -> Any:
    """One batch of all, with at most ``MOST_SAMPLES`` samples."""
    first = batches[0]
    if isinstance(first, Mapping):
        return {name: _joined([batch[name] for batch in batches]) for name in first}
    if isinstance(first, tuple | list) and _rows(first):
        return tuple(_joined(parts) for parts in zip(*batches, strict=True))
    if isinstance(first, Tensor):
        return torch.cat(list(batches))[:MOST_SAMPLES]
    if isinstance(first, np.ndarray | list | tuple):
        return np.concatenate([np.asarray(batch) for batch in batches])[:MOST_SAMPLES]
    return first


def _parted(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, Mapping):
        label = next((name for name in _LABELS if name in batch), None)
        return {name: part for name, part in batch.items() if name != label}, batch.get(label)
    if isinstance(batch, tuple) and len(batch) > 1:
        *inputs, y = batch
        return (inputs[0] if len(inputs) == 1 else tuple(inputs)), y
    return (batch[0] if isinstance(batch, tuple) else batch), None
