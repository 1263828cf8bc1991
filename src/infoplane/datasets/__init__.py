"""A name and options -> inputs and labels, the same ones for the same seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from infoplane.checks import choice
from infoplane.datasets.digits import load_digits
from infoplane.datasets.mnist import load_fashion_mnist, load_mnist
from infoplane.datasets.report import load_report_complicated, load_report_simple
from infoplane.datasets.szt import load_szt
from infoplane.errors import InputError
from infoplane.types import Dataset

__all__ = ["load", "names", "options"]

_LOADERS: Mapping[str, Callable[..., Dataset]] = MappingProxyType(
    {
        "report-simple": load_report_simple,
        "report-complicated": load_report_complicated,
        "szt": load_szt,
        "digits": load_digits,
        "mnist": load_mnist,
        "fashion-mnist": load_fashion_mnist,
    }
)


def names() -> list[str]:
    """The names that :func:`load` knows.

    Example:
        >>> "szt" in names()
        True
    """
    return list(_LOADERS)


def loader(name: str) -> Callable[..., Dataset]:
    """The function that loads a dataset; its keywords are the options of :func:`load`.

    Raises:
        UnknownNameError: no such dataset.
    """
    return _LOADERS[choice("dataset", name, _LOADERS)]


def options(name: str) -> list[str]:
    """The options that a dataset takes in :func:`load`.

    Raises:
        UnknownNameError: no such dataset.

    Example:
        >>> options("report-simple")[:2]
        ['samples', 'seed']
    """
    return list(inspect.signature(loader(name)).parameters)


def load(name: str, **options: Any) -> Dataset:
    """Load a dataset by name: ``x`` is ``(samples, ...)``, ``y`` is ``(samples,)`` with class labels from 0.

    ``details`` of the result holds ``seed``, ``options``, ``source`` and ``facts``: exact numbers, in bits, that no
    estimate can exceed without error (``facts["about"]`` says of what they are true).

    Raises:
        UnknownNameError: no such dataset.
        InputError: an option that the dataset does not have, or a value that it cannot use.
        DataFileError: a data file is missing or damaged.

    Example:
        >>> data = load("szt")
        >>> data.x.shape, int(data.y.sum()), round(data.details["facts"]["h_y_bits"], 4)
        ((4096, 12), 2118, 0.9992)
    """
    load_named = loader(name)
    known = list(inspect.signature(load_named).parameters)
    for option in options:
        if option not in known:
            raise InputError(f"dataset {name!r} has no option {option!r}; its options are {', '.join(known)}")
    return load_named(**options)
