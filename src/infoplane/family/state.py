"""A family's state as a flat dictionary of tensors: parts by prefix, and the check that two of them fit."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from infoplane.errors import InputError


def part_of(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def need_same_shapes(given: Mapping[str, Tensor], needed: Mapping[str, Tensor], what: str) -> None:
    """Raise an InputError that names the first tensor which is missing, unknown or of another shape."""
    for name in sorted(given.keys() | needed.keys()):
        got = f"shape {tuple(given[name].shape)}" if name in given else "no such tensor"
        need = f"shape {tuple(needed[name].shape)}" if name in needed else "no such tensor"
        if got != need:
            raise InputError(
                f"{what} {name!r}: got {got}, the family has {need}; give a state of the same network and copies"
            )
