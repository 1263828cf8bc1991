"""What a layer puts out -> one tensor with a row a sample: out of tuples, mappings, packed and time-first sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from infoplane.errors import InputError

#: Which part of an output is taken: None (the first tensor), an index, keys with dots between, or a function of it.
Part = int | str | Callable[[Any], Any] | None


@dataclass(frozen=True)
class Output:
    """The tensor (samples, ...) in a layer's output, or what is wrong; ``way`` leads to one inside something else.

    ``lengths`` (samples,) are those of a packed sequence, which comes as (samples, longest, units) with zeros after
    its end.
    """

    tensor: Tensor | None
    problem: str = ""
    way: str = ""
    lengths: Tensor | None = None


def output_of(module: nn.Module, output: Any, samples: int, part: Part) -> Output:
    """The tensor in what ``module`` put out for so many samples."""
    kind = type(output).__name__
    if part is not None:
        output = _part(output, part)
    first = _first_tensor(output)
    if first is None:
        return Output(None, f"put out a {kind} without a tensor")
    way, tensor = first
    lengths = None
    if isinstance(tensor, PackedSequence):
        tensor, lengths = pad_packed_sequence(tensor, batch_first=True)
    elif part is None and getattr(module, "batch_first", True) is False and tensor.ndim == 3:
        tensor = tensor.transpose(0, 1)  # (tokens, samples, units)
    if tensor.ndim == 0 or len(tensor) != samples:
        return Output(None, f"put out shape {tuple(tensor.shape)} for {samples} samples, not one row a sample")
    return Output(tensor, "", "" if part is not None else way, lengths)


def _part(output: Any, part: Part) -> Any:
    if callable(part):
        return part(output)
    for step in str(part).split("."):
        key: Any = step
        if not isinstance(output, Mapping) or step not in output:
            key = int(step) if step.lstrip("-").isdigit() else step
        try:
            output = output[key]
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(
                f"select={part!r} leads nowhere in an output of type {type(output).__name__}: give an index, a key, "
                "several with dots between, or a function of the output"
            ) from error
    return output


def _first_tensor(output: Any) -> tuple[str, Any] | None:
    """The first tensor or packed sequence in nested tuples, lists and mappings, with the way to it."""
    if isinstance(output, Tensor | PackedSequence):
        return "", output
    items: list[tuple[object, Any]] = []
    if isinstance(output, Mapping):
        items = list(output.items())
    elif isinstance(output, tuple | list):
        items = list(enumerate(output))
    for key, item in items:
        first = _first_tensor(item)
        if first is not None:
            return f"[{key!r}]{first[0]}", first[1]
    return None


def token_mask(lengths: Tensor, tokens: int) -> Tensor:
    """Which of so many tokens are there, (samples, tokens), where sample i has ``lengths[i]`` of them."""
    return torch.arange(tokens, device=lengths.device) < lengths[:, None]
