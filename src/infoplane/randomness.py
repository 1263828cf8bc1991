"""Random streams: one of batches and one of noise for every copy, apart from everybody else's random numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError

#: What a stream is for; part of its seed, so that no two streams of a copy are alike.
INITIAL, BATCHES, NOISE = range(3)

#: Above this many rows a few random rows are drawn one by one; below it the rows are shuffled.
_SHUFFLED_ROWS = 4096


def derived_seed(seed: int, copy: int, purpose: int) -> int:
    """A seed for one stream of one copy, which depends on nothing but these three numbers."""
    state = np.random.SeedSequence([seed, copy, purpose]).generate_state(1, np.uint64)
    return int(state[0]) >> 1


@contextmanager
def preserved_random_state(device: torch.device | None) -> Iterator[None]:
    """Leave the random state of the CPU, and of `device`, as it was before."""
    states = _snapshot(device)
    try:
        yield
    finally:
        _restore(device, states)


@contextmanager
def preserved_python_and_numpy() -> Iterator[None]:
    """Leave the random states of Python and of numpy's global functions as they were before."""
    python, legacy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


@contextmanager
def seeded(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Random numbers from `seed` inside; afterwards the random state is as it was before."""
    with preserved_random_state(device):
        torch.manual_seed(seed)
        yield


class Streams:
    """The random streams of a family: rows for the batches of every copy, and noise inside the copies (dropout).

    Every stream depends on the seed and the number of its copy alone, so copy 3 sees the same batches in a family of
    4 and of 400. Batches are drawn on the CPU and are the same on every device. The CPU's generator keeps 32 bits of
    a seed: the streams of two given copies coincide with a chance of 2**-32.
    """

    def __init__(self, seed: int, copies: int, device: torch.device) -> None:
        self._device = device
        self._batches = [torch.Generator().manual_seed(derived_seed(seed, copy, BATCHES)) for copy in range(copies)]
        self._noise = [_fresh(derived_seed(seed, copy, NOISE), device) for copy in range(copies)]

    def draw(self, n: int, batch_size: int) -> Tensor:
        """Row numbers of one batch a copy, without replacement: (members, batch).

        Raises:
            InputError: fewer than one row, or more than there are.
        """
        if not 1 <= batch_size <= n:
            raise InputError(
                f"batch_size {batch_size} cannot be drawn without replacement from {n} samples: "
                f"give a number from 1 to {n}"
            )
        rows = torch.stack([_distinct_rows(generator, n, batch_size) for generator in self._batches])
        return rows.to(self._device)

    @contextmanager
    def noise(self, copy: int) -> Iterator[None]:
        """Inside, random numbers come from the copy's own stream of noise."""
        with preserved_random_state(self._device):
            _restore(self._device, self._noise[copy])
            yield
            self._noise[copy] = _snapshot(self._device)

    def state(self) -> dict[str, Tensor]:
        """Where all streams stand: tensors with one row a copy."""
        state = {"batches": torch.stack([generator.get_state() for generator in self._batches])}
        for part, columns in enumerate(zip(*self._noise, strict=True)):
            state[f"noise.{part}"] = torch.stack(columns)
        return state

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from where `state` stood."""
        for generator, row in zip(self._batches, state["batches"], strict=True):
            generator.set_state(row.cpu().clone())  # torch crashes on a view of a larger tensor
        parts = [state[f"noise.{part}"].cpu() for part in range(len(self._noise[0]))]
        self._noise = [[part[copy].clone() for part in parts] for copy in range(len(self._noise))]


def _distinct_rows(generator: torch.Generator, n: int, count: int) -> Tensor:
    if n <= _SHUFFLED_ROWS or 4 * count > n:
        return torch.randperm(n, generator=generator)[:count]
    rows: dict[int, None] = {}  # keeps the order in which rows came up; a row that comes up again is passed over
    while len(rows) < count:
        rows.update(dict.fromkeys(torch.randint(n, (2 * count,), generator=generator).tolist()))
    return torch.tensor(list(rows)[:count])


def _fresh(seed: int, device: torch.device) -> list[Tensor]:
    states = [torch.Generator().manual_seed(seed).get_state()]
    if device.type != "cpu":
        states.append(torch.Generator(device).manual_seed(seed).get_state())
    return states


def _snapshot(device: torch.device | None) -> list[Tensor]:
    states = [torch.get_rng_state()]
    if device is not None and device.type == "cuda":
        states.append(torch.cuda.get_rng_state(device))
    elif device is not None and device.type == "mps":
        states.append(torch.mps.get_rng_state())
    return states


def _restore(device: torch.device | None, states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if device is not None and device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)
    elif device is not None and device.type == "mps":
        torch.mps.set_rng_state(states[1])
