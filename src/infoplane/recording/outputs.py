"""What a layer puts out -> one dense tensor with a row a sample.

Out of tuples, mappings and dataclasses; packed, nested and time-first sequences; sparse and quantised tensors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
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

    ``lengths`` (samples,) are those of a packed or nested sequence, which comes as (samples, longest, units) with zeros
    after its end.
    """

    tensor: Tensor | None
    problem: str = ""
    way: str = ""
    lengths: Tensor | None = None


def output_of(module: nn.Module, output: Any, samples: int, part: Part, *, time_first: bool = False) -> Output:
    """The tensor in what ``module`` put out for so many samples; ``time_first``: it is (tokens, samples, units)."""
    kind, parts = type(output).__name__, {} if isinstance(output, Tensor) else _parts_of(output)
    if part is not None:
        output = _part(output, part)
    first = _first_tensor(output)
    if first is None:
        return Output(None, f"put out a {kind} without a tensor{_listed(parts)}")
    way, tensor = first
    tensor, lengths = _dense(tensor)
    if tensor.is_meta:
        return Output(None, "put out a tensor of the device 'meta', which holds no numbers")
    # an index of 0 is the sequence, as without one; others lead to what torch never turns, such as attention weights
    if time_first and lengths is None and tensor.ndim == 3 and (part is None or str(part).partition(".")[0] == "0"):
        tensor = tensor.transpose(0, 1)  # (tokens, samples, units)
    if tensor.ndim == 0 or len(tensor) != samples:
        shape = tuple(tensor.shape)
        return Output(None, f"put out shape {shape} for {samples} samples, not one row a sample{_listed(parts)}")
    return Output(tensor, "", "" if part is not None else way, lengths)


def _dense(tensor: Any) -> tuple[Tensor, Tensor | None]:
    """Numbers row by row, whatever the layout, and the lengths of sequences that have different ones."""
    if isinstance(tensor, PackedSequence):
        return pad_packed_sequence(tensor, batch_first=True)
    if tensor.is_nested:  # as torch's transformers put out for padded text, in evaluation mode only
        lengths = torch.tensor([len(sequence) for sequence in tensor.unbind()], device=tensor.device)
        return torch.nested.to_padded_tensor(tensor, 0.0), lengths
    if tensor.is_quantized:
        return tensor.dequantize(), None
    return (tensor if tensor.layout == torch.strided else tensor.to_dense()), None


def _part(output: Any, part: Part) -> Any:
    if callable(part):
        return part(output)
    for step in str(part).split("."):
        key: Any = step
        if not isinstance(output, Mapping) or step not in output:
            key = int(step) if step.lstrip("-").isdigit() else step
        try:
            output = getattr(output, step) if _has_attribute(output, step) else output[key]
        except (KeyError, IndexError, TypeError) as error:
            here = f"{type(output).__name__}{_listed(_parts_of(output))}"
            raise InputError(
                f"select={part!r} leads nowhere in an output of type {here}: "
                "give an index, a key or attribute, several with dots between, or a function of the output"
            ) from error
    return output


def _has_attribute(output: Any, step: str) -> bool:
    """Whether a step is an attribute: of what is no table and no sequence, or of a named tuple."""
    return not isinstance(output, Mapping | Tensor) and step.isidentifier() and hasattr(output, step)


def _parts_of(output: Any) -> dict[str, Any]:
    """What an output is made of, by the steps that ``select`` takes."""
    if isinstance(output, Mapping):
        return {str(key): item for key, item in output.items()}
    if isinstance(output, PackedSequence):
        return {}
    if isinstance(output, tuple | list):
        return {str(number): item for number, item in enumerate(output)}
    if dataclasses.is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    return {}


def _listed(parts: Mapping[str, Any]) -> str:
    return f" (select= takes one of its parts: {', '.join(map(repr, list(parts)[:9]))})" if parts else ""


def _first_tensor(output: Any) -> tuple[str, Any] | None:
    """The first tensor or packed sequence inside an output, with the way to it; a lone number only if that is all."""
    numbers = None
    for way, tensor in _tensors(output):
        if isinstance(tensor, PackedSequence) or tensor.is_nested or tensor.ndim:
            return way, tensor
        numbers = numbers or (way, tensor)  # a loss that comes first
    return numbers


def _tensors(output: Any) -> Iterator[tuple[str, Any]]:
    """Tensors and packed sequences in nested tuples, lists, mappings and dataclasses, with the ways to them."""
    if isinstance(output, Tensor | PackedSequence):
        yield "", output
        return
    for key, item in _parts_of(output).items():
        step = f"[{key if isinstance(output, tuple | list) else repr(key)}]"
        if not isinstance(output, Mapping | tuple | list):
            step = f".{key}"
        for way, tensor in _tensors(item):
            yield step + way, tensor


def token_mask(lengths: Tensor, tokens: int) -> Tensor:
    """Which of so many tokens are there, (samples, tokens), where sample i has ``lengths[i]`` of them."""
    return torch.arange(tokens, device=lengths.device) < lengths[:, None]
