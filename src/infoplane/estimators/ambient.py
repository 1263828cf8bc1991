"""Estimators compute the same numbers whatever settings of torch and numpy they are called among."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

import numpy as np
import torch

_P = ParamSpec("_P")
_R = TypeVar("_R")

_DEVICES = ("cpu", "cuda", "mps")
_NUMPYS_OWN = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # seterr, before anybody sets it


def shielded(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, called among torch's and numpy's own settings: float32, main memory, no autocast, and so on.

    Autocast, the default type and device, the inference mode, the anomaly mode, the precision of float32 products and
    numpy's ``seterr`` are the caller's again afterwards. How many threads add up a sum is not among them.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     shielded(torch.matmul)(torch.ones(1, 2), torch.ones(2, 1)).dtype
        torch.float32
    """

    @functools.wraps(function)
    def inside(*args: _P.args, **options: _P.kwargs) -> _R:
        if _undisturbed():  # the usual case: 5 microseconds a call, and a measurement has many
            return function(*args, **options)
        with _own_settings():
            return function(*args, **options)

    return inside


def _undisturbed() -> bool:
    blank = torch.empty(0)  # says at once in which type, where, and in which mode tensors are made
    return (
        blank.dtype == torch.float32
        and blank.device.type == "cpu"
        and not blank.is_inference()
        and not any(map(torch.is_autocast_enabled, _DEVICES))
        and not torch.is_anomaly_enabled()
        and _products_are_exact()
        and np.geterr() == _NUMPYS_OWN
    )


@contextmanager
def _own_settings() -> Iterator[None]:
    dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        for device in filter(torch.is_autocast_enabled, _DEVICES):
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.device("cpu"))
        stack.enter_context(torch.autograd.set_detect_anomaly(False))
        stack.enter_context(np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"))
        stack.enter_context(_exact_products())
        stack.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        yield


def _products_are_exact() -> bool:
    return _precision() == "highest"


def _precision() -> str | None:
    """That of float32 products; None where it was set backend by backend, as torch can since 2.9."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


@contextmanager
def _exact_products() -> Iterator[None]:
    """Products of float32 in float32, and not in the shorter types that a device may take in their place."""
    before = _precision()
    if before == "highest":  # not set once more: what is set does not follow `torch.backends` any longer
        yield
    elif before is None:
        with _exact_backends():
            yield
    else:
        torch.set_float32_matmul_precision("highest")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)


@contextmanager
def _exact_backends() -> Iterator[None]:
    everywhere = torch.backends.fp32_precision  # type: ignore[attr-defined]
    backends = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "ieee"
    try:
        yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            # "none": as everywhere
            backend.fp32_precision = "none" if precision == everywhere else precision
