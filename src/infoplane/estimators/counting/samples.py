"""x and y -> whole numbers: which samples share an input, and which share a label."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from infoplane.checks import whole_number
from infoplane.errors import InputError
from infoplane.estimators.counting.entropy import entropy_of_counts, tensor_ranks
from infoplane.estimators.counting.hashing import word_codes
from infoplane.estimators.counting.labels import (
    Labels,
    are_plain_classes,
    has_fractions,
    is_one_hot,
    most_plain_classes,
    read_labels,
)
from infoplane.estimators.counting.symbols import row_weights
from infoplane.flags import GUESSED_CLASSES, Flag

#: Bytes that a variable keeps of what estimators derived from it.
MOST_KEPT = 256_000_000
_AT_ONCE = 2**20  # values of which a copy is made

_T = TypeVar("_T")


@dataclass(frozen=True)
class Ids:
    """One whole number per sample: ``ids`` (samples,) int64 in 0..count-1, and how often each occurs (count,)."""

    ids: Tensor
    counts: Tensor
    _entropies: dict[tuple[str, int], float] = field(default_factory=dict, compare=False, repr=False)

    @property
    def n(self) -> int:
        return len(self.ids)

    @property
    def count(self) -> int:
        return len(self.counts)

    def entropy(self, correction: str = "none", times: int = 1) -> float:
        """In nats; of the samples ``times`` over (the plug-in entropy does not depend on it, corrections do)."""
        if (correction, times) not in self._entropies:
            self._entropies[correction, times] = entropy_of_counts(self.counts * times, correction)
        return self._entropies[correction, times]

    def to(self, device: torch.device) -> Ids:
        if self.ids.device == device:
            return self
        return Ids(self.ids.to(device), self.counts, self._entropies)

    def take(self, keep: Tensor) -> Ids:
        """The samples where ``keep`` (samples,) is set."""
        return number(self.ids[keep])


def number(ids: Tensor) -> Ids:
    """Number equal values alike, 0, 1, ... in ascending order; ``ids`` (samples,) int64."""
    _, inverse, counts = torch.unique(ids, return_inverse=True, return_counts=True)
    return Ids(inverse, counts.cpu())


def distinct_ids(n: int, device: torch.device | None = None) -> Ids:
    """n samples, no two alike."""
    return Ids(torch.arange(n, device=device), torch.ones(n, dtype=torch.int64))


@dataclass(frozen=True)
class Variable:
    """One variable of the samples, input or label: as classes, as numbers, or as both.

    ``ids`` numbers the samples by value, and is None for a continuous label; ``numbers`` (samples, ...) holds them as
    numbers, and is None for a label of classes. ``kind`` says in words which of them a label is taken for, and
    ``flags`` why that deserves doubt. ``groups`` (samples,) numbers the samples that belong together, such
    as the tokens of a text; None: each stands alone. They stay at their places when values change theirs.
    """

    ids: Ids | None
    numbers: Tensor | None = None
    kind: str = ""
    flags: tuple[Flag, ...] = ()
    groups: Tensor | None = None
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def n(self) -> int:
        return self.classes().n if self.numbers is None else len(self.numbers)

    def classes(self) -> Ids:
        """The samples by class; an error for a continuous variable."""
        if self.ids is None:
            raise InputError("the variable is continuous: this estimator needs classes, cut it with y_bins=")
        return self.ids

    def values(self) -> Tensor:
        """(samples, dimensions) float32 or float64; classes as one-hot rows."""
        if self.numbers is None:
            ids = self.classes()
            return torch.nn.functional.one_hot(ids.ids, ids.count).to(torch.float64)
        flat = self.numbers.reshape(len(self.numbers), -1)
        return flat if flat.dtype in (torch.float32, torch.float64) else flat.to(torch.float32)

    def derived(self, key: Hashable, compute: Callable[[], _T]) -> _T:
        """What ``compute`` returns, which depends on this variable and ``key`` only: computed once for all layers.

        It is kept as long as the variable, if all that is kept stays below ``MOST_KEPT`` bytes; otherwise it is
        computed every time. Never change it.
        """
        if key in self._kept:
            return cast(_T, self._kept[key])
        result = compute()
        if sum(dict(_storages((result, *self._kept.values()))).values()) <= MOST_KEPT:
            self._kept[key] = result
        return result

    def to(self, device: torch.device) -> Variable:
        held = [part.device for part in (None if self.ids is None else self.ids.ids, self.numbers) if part is not None]
        if all(each == device for each in held):
            return self
        numbers = None if self.numbers is None else self.numbers.to(device)
        groups = None if self.groups is None else self.groups.to(device)
        return replace(self, ids=None if self.ids is None else self.ids.to(device), numbers=numbers, groups=groups)

    def take(self, keep: Tensor) -> Variable:
        """The samples where ``keep`` (samples,) is set, or those that it numbers."""
        numbers = None if self.numbers is None else self.numbers[keep.to(self.numbers.device)]
        groups = None if self.groups is None else self.groups[keep.to(self.groups.device)]
        return replace(self, ids=None if self.ids is None else self.ids.take(keep), numbers=numbers, groups=groups)

    def grouped(self, groups: Any) -> Variable:
        """The same samples, of which those with one name in ``groups`` (samples,) belong together; None: none do.

        Raises:
            InputError: there are not as many names as samples.
        """
        if groups is None:
            return self
        names = named_groups(groups, self.n)
        device = self.classes().ids.device if self.numbers is None else self.numbers.device
        return replace(self, groups=torch.from_numpy(np.unique(names, return_inverse=True)[1]).to(device))


def _storages(value: Any) -> Iterator[tuple[int, int]]:
    """Address and bytes of what the tensors in a tensor, a tuple or a dataclass take."""
    if isinstance(value, Tensor):
        yield value.untyped_storage().data_ptr(), value.untyped_storage().nbytes()
    parts = [getattr(value, part.name) for part in fields(value)] if is_dataclass(value) else value
    for part in parts if isinstance(parts, list | tuple) else ():
        yield from _storages(part)


def named_groups(groups: Any, n: int) -> np.ndarray:
    """The name of each sample's group (samples,)."""
    names = as_array(groups).reshape(-1)
    if len(names) != n:
        raise InputError(f"groups has {len(names)} entries and there are {n} samples: give one group for each sample")
    return names


def input_variable(x: Any) -> Variable:
    """The input: numbered by equal rows, and as numbers."""
    return Variable(input_ids(x), torch.as_tensor(as_array(x)))


def label_variable(y: Any, *, bins: int | None = None, continuous: bool = False) -> Variable:
    """The label: classes, or numbers where it was declared so or looks so, and ``continuous`` labels are taken.

    ``Variable.kind`` says which of them in words, and that it was guessed from the values where it was.
    """
    labels = read_labels(y)
    if bins is None and continuous and labels.kind != "discrete" and looks_continuous(labels):
        declared = "declared" if labels.kind else f"guessed from their fractions: discrete={labels.name!r} to override"
        numbers = torch.as_tensor(labels.numbers())
        return Variable(None, numbers, f"numbers, {declared}")
    ids = label_ids(labels, bins=bins)
    if bins is not None:
        return Variable(ids, None, f"numbers, cut into {ids.count} classes")
    values = labels.columns()
    if labels.kind is None and values.dtype.kind in "iuf" and not is_one_hot(values):
        plain = are_plain_classes(values.reshape(-1)) or not continuous
        guess = f"{ids.count} classes, guessed from numbers: continuous={labels.name!r} to override"
        return Variable(ids, None, guess, () if plain else (GUESSED_CLASSES,))
    return Variable(ids, None, f"{ids.count} classes")


def looks_continuous(y: Any) -> bool:
    """Whether a label is one of numbers: by what was declared, or by fractions in many distinct values."""
    labels = read_labels(y)
    if labels.kind is not None:
        return labels.kind == "continuous"
    if labels.values.ndim == 0 or labels.values.size == 0 or not has_fractions(labels.values):
        return False
    values = labels.values.reshape(len(labels), -1)
    return values.shape[1] > 1 or len(np.unique(values)) > most_plain_classes(len(values))


def as_array(values: Any) -> np.ndarray:
    """A numpy array of whatever holds numbers or names: arrays, tensors, lists, data frames."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return values.float().numpy() if values.dtype in (torch.bfloat16, torch.float16) else values.numpy()
    array = np.asarray(values)
    if not array.flags.writeable or any(stride < 0 for stride in array.strides):
        return array.copy()  # torch shares memory with neither
    return array


def input_ids(x: Any) -> Ids:
    """Number the samples by their input, equal rows alike; ``x`` (samples, ...) numbers.

    Rows are compared bit by bit (-0.0 equals 0.0), by a 64-bit code.
    """
    return ids_of_codes(input_codes(x))


def ids_of_codes(codes: Tensor) -> Ids:
    """Number the samples by a code (samples,) int64, equal ones alike."""
    return number(tensor_ranks(codes[None])[0])


def input_codes(x: Any) -> Tensor:
    """A 64-bit code of every sample's input (samples,) int64, the same in every process; ``x`` (samples, ...)."""
    array = as_array(x)
    if array.ndim == 0 or array.size == 0:
        raise InputError(f"x has shape {array.shape}: it needs one row per sample")
    if array.dtype.kind not in "biuf":
        raise InputError(f"x holds {array.dtype}, not numbers: encode it first")
    rows = torch.from_numpy(np.ascontiguousarray(array.reshape(len(array), -1)))
    pieces = rows.split(max(_AT_ONCE // rows.shape[1], 1))
    return torch.cat([_bit_codes(piece) for piece in pieces])


def _bit_codes(rows: Tensor) -> Tensor:
    """A code for the bits of each row, (rows,) int64."""
    if rows.is_floating_point():
        rows = (rows + 0.0).view({2: torch.int16, 4: torch.int32, 8: torch.int64}[rows.element_size()])
    return word_codes(rows.to(torch.int64), row_weights(rows.shape[1], None, rows.device))


def label_ids(y: Any, *, bins: int | None = None) -> Ids:
    """Number the samples by their label.

    ``y``: (samples,) or (samples, 1) whole numbers, names, truth values, -1/+1; or one-hot (samples, classes); or what
    ``read_labels`` made of them, with their kind. A continuous label is cut into ``bins`` bins that hold as many
    samples as each other; rows of several columns that are declared discrete are one class where they are equal.
    """
    labels = read_labels(y)
    if bins is not None:
        values = _equal_shares(labels, bins)
    elif labels.kind != "discrete" and looks_continuous(labels):
        raise InputError(needs_cutting(labels))
    else:
        labels.need_no_guess()
        values = labels.columns()
        if values.dtype.kind == "f":
            values = labels.numbers()  # or an error for infinity
    if values.shape[1] > 1:
        numbers = values.argmax(1) if is_one_hot(values) else np.unique(values, axis=0, return_inverse=True)[1]
    else:
        numbers = np.unique(values, return_inverse=True)[1]
    return number(torch.from_numpy(numbers.reshape(-1).astype(np.int64)))


def needs_cutting(labels: Labels, instead: str = "an estimator that takes a continuous Y") -> str:
    """What to type where a label is of numbers and classes are needed."""
    if labels.kind is None:
        begin = f"Y looks continuous ({len(np.unique(labels.values, axis=0))} distinct values)"
        instead = f"declare discrete={labels.name!r}, or choose {instead}"
    else:
        begin, instead = f"{labels.name} is declared continuous", f"choose {instead}"
    return f"{begin}; pass y_bins= to cut it into classes, for example y_bins=10, {instead}"


def _equal_shares(labels: Labels, bins: int) -> np.ndarray:
    """The class of each sample (samples, 1), where ``bins`` classes hold equal shares of them."""
    if labels.columns().dtype.kind not in "iufmM":
        raise InputError(f"y_bins={bins!r} cuts numbers, and y holds {labels.values.dtype}: leave y_bins out")
    whole_number("y_bins", bins, least=2, example=10)
    flat = labels.numbers()
    if flat.shape[1] > 1:
        raise InputError(f"y_bins={bins!r} cuts one column, and y has shape {labels.values.shape}: give one of them")
    cuts = np.sort(flat[:, 0])[np.arange(1, bins) * len(flat) // bins]
    return np.searchsorted(cuts, flat, side="right")


def check_classes(labels: Ids, name: str = "y") -> None:
    """At least two of them."""
    if labels.count < 2:
        raise InputError(f"all samples have the same label in {name!r}: I(T;Y) needs at least two classes")


def check_lengths(**named: int) -> None:
    """All of one length, and of at least two samples."""
    lengths = set(named.values())
    if len(lengths) > 1:
        lengths_of_each = ", ".join(f"{name} has {length} samples" for name, length in named.items())
        raise InputError(f"{lengths_of_each}: they must describe the same samples, row by row")
    if lengths and min(lengths) < 2:
        raise InputError(f"{min(lengths)} sample(s): information needs at least 2")
