"""Labels as people hold them -> one array of one type, which of them are missing, and what they were declared to be."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Number, Real
from typing import Any, Literal, cast, final

import numpy as np
import torch
from torch import Tensor

from infoplane.checks import choice, refusal, whole_number
from infoplane.errors import InputError, UnknownNameError

VariableKind = Literal["continuous", "discrete"]
Missing = Literal["error", "drop"]

#: What torch's cross-entropy ignores, and tokenizers write where a token has no label.
IGNORED = -100
_DENSE = 0.8  # share of 0 ... K-1 that must occur for numbers to be plainly those of classes


@final
@dataclass(frozen=True)
class Declared:
    """What a person says of variables, by name, so that nothing has to be guessed from their values.

    Args:
        continuous: variables whose values are numbers: a distance between them means something.
        discrete: variables whose values are classes, however many there are.
        missing: what a label that is None, NaN, NA or masked leads to: ``"error"``, or ``"drop"`` its sample.
        ignore_index: a number that stands for "no label", such as -100; its samples, or tokens, are left out.
    """

    continuous: frozenset[str] = frozenset()
    discrete: frozenset[str] = frozenset()
    missing: Missing = "error"
    ignore_index: int | None = None

    @classmethod
    def of(
        cls,
        known: Iterable[str],
        *,
        continuous: str | Iterable[str] | None = None,
        discrete: str | Iterable[str] | None = None,
        missing: str = "error",
        ignore_index: int | None = None,
    ) -> Declared:
        """What these options declare about the variables that there are.

        Raises:
            InputError: a variable that is both; UnknownNameError, which is one, for a name that no variable has.

        Example:
            >>> Declared.of(["t", "y"], continuous="y").kind("y")
            'continuous'
        """
        each = {"continuous": _names("continuous", continuous), "discrete": _names("discrete", discrete)}
        names = list(known)
        for option, chosen in each.items():
            for name in sorted(chosen):
                if name not in names:
                    raise UnknownNameError(f"variable in {option}=", name, names)
        both = each["continuous"] & each["discrete"]
        if both:
            raise InputError(f"{min(both)!r} cannot be both continuous and discrete: name it in one of the two")
        choice("missing=", missing, ("error", "drop"))
        if ignore_index is not None:
            whole_number("ignore_index", ignore_index, least=-(2**63), example=IGNORED)
        return cls(**each, missing=cast(Missing, missing), ignore_index=ignore_index)

    def kind(self, name: str) -> VariableKind | None:
        """What the variable was declared to be; None where nothing was said."""
        if name in self.continuous:
            return "continuous"
        return "discrete" if name in self.discrete else None


def _names(option: str, given: str | Iterable[str] | None) -> frozenset[str]:
    names = [] if given is None else [given] if isinstance(given, str) else given
    if isinstance(names, bool) or not isinstance(names, Iterable) or not all(isinstance(n, str) for n in names):
        raise refusal(option, given, "the name of a variable or several", f"for example {option}='y'")
    return frozenset(names)


NOTHING_DECLARED = Declared()


@final
@dataclass(frozen=True)
class Labels:
    """One label set: ``values`` (samples, ...) of one type, and which are ``missing``, or ``ignored`` (samples, ...).

    The values of what is missing or ignored mean nothing. ``kind`` is what was declared.
    """

    name: str
    values: np.ndarray
    missing: np.ndarray
    ignored: np.ndarray
    kind: VariableKind | None = None

    def __len__(self) -> int:
        return len(self.values)

    def at(self, keep: np.ndarray) -> Labels:
        """Those at ``keep``, an index of any kind."""
        return replace(self, values=self.values[keep], missing=self.missing[keep], ignored=self.ignored[keep])

    def absent(self) -> np.ndarray:
        """The samples without a label (samples,)."""
        gone = self.missing | self.ignored
        return gone.reshape(len(gone), -1).any(1)

    def columns(self) -> np.ndarray:
        """The values (samples, columns).

        Raises:
            InputError: there are none, or some are missing.
        """
        if self.values.ndim == 0 or self.values.size == 0:
            raise InputError(f"{self.name} has shape {self.values.shape}: it needs one label per sample")
        need_all([self])
        return self.values.reshape(len(self.values), -1)

    def numbers(self) -> np.ndarray:
        """The values (samples, columns) float32 or float64; dates as seconds.

        Raises:
            InputError: they are no numbers, or infinite.
        """
        values = self.columns()
        if values.dtype.kind in "mM":
            return (values - values.min()).astype("m8[us]").astype(np.float64) / 1e6
        if values.dtype.kind == "U":
            try:
                values = values.astype(np.float64)
            except ValueError:
                raise InputError(f"{self.name} holds texts, and is to be continuous: give numbers") from None
        if values.dtype.kind not in "biuf":
            raise InputError(f"{self.name} holds {values.dtype}, not numbers: encode it first")
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values).all(1)))
            raise InputError(f"{self.name} holds infinity (first at row {row}): remove these samples")
        return values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)

    def need_no_guess(self) -> None:
        """An error for values that may be read in two ways, where nothing was declared.

        Raises:
            InputError: dates, numbers that are written as texts, several columns of whole numbers, or -100 among class
                numbers, which losses ignore.
        """
        if self.kind is not None:
            return
        values, name = self.columns(), self.name
        ignored = int((values == IGNORED).sum()) if values.dtype.kind in "if" else 0
        if ignored and ignored == int((values < 0).sum()):
            raise InputError(
                f"{name} holds {IGNORED} in {ignored} of {values.size} places, which losses ignore: "
                f"ignore_index={IGNORED} leaves them out, and discrete={name!r} takes it for a class"
            )
        declare = f"declare continuous={name!r} to measure them as numbers, or discrete={name!r} as classes"
        if values.dtype.kind in "mM":
            raise InputError(f"{name} holds dates or times: {declare}")
        if values.dtype.kind == "U" and _hold_numbers(values):
            raise InputError(f"{name} holds numbers as texts, such as {str(values.flat[0])!r}: {declare}")
        if values.shape[1] > 1 and not is_one_hot(values) and not has_fractions(values):
            raise InputError(
                f"{name} has shape {self.values.shape} but its rows are not one-hot: pass class numbers of shape "
                f"({len(values)},), or one label set at a time, or declare discrete={name!r} to take each row for a "
                f"class, or continuous={name!r} for numbers"
            )


def most_plain_classes(samples: int) -> int:
    """The most distinct numbers that are taken for classes without a look at what the numbers are."""
    return min(50, max(samples // 2, 10))


def is_one_hot(values: np.ndarray) -> bool:
    """Whether every row of ``values`` (samples, columns) has one 1 and else 0."""
    return values.dtype.kind in "biuf" and bool(((values == 0) | (values == 1)).all() and (values.sum(1) == 1).all())


def has_fractions(values: np.ndarray) -> bool:
    """Whether there is a number among them that is not whole."""
    return values.dtype.kind == "f" and not np.array_equal(values, np.round(values), equal_nan=True)


def are_plain_classes(values: np.ndarray) -> bool:
    """Whether whole numbers (samples,) are plainly those of classes: few, or nearly all of 0 ... K-1 or 1 ... K."""
    if values.dtype.kind not in "iuf":
        return True
    distinct = np.unique(values)
    if len(distinct) <= most_plain_classes(len(values)):
        return True
    return bool(0 <= distinct[0] <= 1 and len(distinct) >= _DENSE * (float(distinct[-1]) + 1))


def _hold_numbers(texts: np.ndarray) -> bool:
    """Whether texts are numbers, with fractions or in more values than classes usually have."""
    try:
        numbers = texts.astype(np.float64)
    except ValueError:
        return False
    return has_fractions(numbers) or not are_plain_classes(numbers.reshape(-1))


def read_labels(y: Any, name: str = "y", declared: Declared = NOTHING_DECLARED) -> Labels:
    """Labels from arrays, tensors, lists, masked arrays, series and frames, with what is missing in any of them.

    Python objects become what all of them are: truth values, whole numbers, numbers, dates or texts.

    Raises:
        InputError: values of no such type.

    Example:
        >>> labels = read_labels(["dog", None, "cat"])
        >>> labels.values[[0, 2]], labels.absent()
        (array(['dog', 'cat'], dtype='<U3'), array([False,  True, False]))
    """
    if isinstance(y, Labels):
        return y
    values, missing = _read(y, name)
    ignored = np.zeros(values.shape, bool)
    if declared.ignore_index is not None and values.dtype.kind in "iuf":
        ignored = values == declared.ignore_index
    return Labels(name, values, missing, ignored, declared.kind(name))


def _read(y: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Values of one type, and which are missing, of the same shape."""
    if isinstance(y, Tensor):
        y = y.detach().cpu()
        y = (y.float() if y.dtype in (torch.bfloat16, torch.float16) else y).numpy()
    if isinstance(y, np.ma.MaskedArray):
        values, missing = _read(np.asarray(y.data), name)
        return values, missing | np.ma.getmaskarray(y)
    try:
        array = np.asarray(y)
        if array.dtype.kind in "US" and isinstance(y, list | tuple):
            array = np.array(y, dtype=object)  # numpy would make texts of all that stands beside one: NaN, 1, None
    except ValueError as error:
        raise InputError(f"{name} has rows of different lengths: give one label per sample") from error
    if array.dtype.kind in "OT":  # T: numpy's own texts of any length
        return _of_objects(array.astype(object), name)
    if array.dtype.kind == "S":
        array = array.astype(str)
    absent = np.isnan(array) if array.dtype.kind == "f" else np.isnat(array) if array.dtype.kind in "mM" else None
    return array, np.zeros(array.shape, bool) if absent is None else absent


def _of_objects(array: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Python objects as what all of them are that are there."""
    missing = np.array([_is_missing(value) for value in array.flat], bool).reshape(array.shape)
    there = list(array[~missing])
    values = np.array(_of_one_type(there, name))
    whole = np.zeros(array.shape, values.dtype)
    whole[~missing] = values
    return whole, missing


def _is_missing(value: Any) -> bool:
    if value is None or type(value).__name__ == "NAType":  # of pandas, which has no truth value
        return True
    return isinstance(value, Number | datetime.date | np.datetime64 | np.timedelta64) and bool(value != value)


def _of_one_type(values: list[Any], name: str) -> Any:
    def all_are(*types: type) -> bool:
        return all(isinstance(value, types) for value in values)

    if all_are(bool, np.bool_):
        return np.array(values, bool)
    if all_are(Integral) and all(-(2**63) <= int(value) < 2**63 for value in values):
        return np.array(values, np.int64)
    if all_are(Number) and not any(isinstance(v, complex | np.complexfloating) for v in values):
        return np.array([float(cast(Real, value)) for value in values])
    if all_are(datetime.date, np.datetime64):
        return np.array([_in_universal_time(value) for value in values], "M8[us]")
    if all_are(datetime.timedelta, np.timedelta64):
        return np.array(values, "m8[us]")
    if not all(getattr(type(value), "__hash__", None) for value in values):
        kinds = ", ".join(sorted({type(value).__name__ for value in values}))
        raise InputError(f"{name} holds objects of type {kinds}: give numbers, texts, truth values or dates")
    return np.array([str(value) for value in values], str)


def _in_universal_time(value: Any) -> Any:
    zone = getattr(value, "tzinfo", None)
    return value if zone is None else value.astimezone(datetime.UTC).replace(tzinfo=None)


def need_all(several: Sequence[Labels]) -> None:
    """An error that counts the samples without a label, where there are any.

    Raises:
        InputError: with the number, and what to type.
    """
    for labels in several:
        gone = labels.absent()
        if gone.any():
            raise InputError(
                f"{labels.name} has no label in {int(gone.sum())} of {len(gone)} samples (first at row "
                f"{int(np.argmax(gone))}; None, NaN, NA or masked): missing='drop' leaves these samples out"
            )


def rows_with_labels(several: Sequence[Labels], declared: Declared) -> np.ndarray | None:
    """The samples (samples,) bool that have a label in every set; None where these are all.

    Raises:
        InputError: labels are missing and are not to be dropped, or no two samples are left.
    """
    if declared.missing == "error":
        need_all([replace(labels, ignored=np.zeros_like(labels.missing)) for labels in several])
    keep = ~np.logical_or.reduce([labels.absent() for labels in several])
    if keep.sum() < 2:
        raise InputError(
            f"{int(keep.sum())} of {len(keep)} samples have a label in {', '.join(repr(one.name) for one in several)}: "
            "at least 2 are needed"
        )
    return None if keep.all() else keep
