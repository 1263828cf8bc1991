"""A layer's output -> rows of units: convolutions flattened, by channel or pooled; sequences by token, mean or last.

What is left out is lost: by data processing a pooled layer has at most the information of the whole one.
"""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Callable, Collection, Iterator, Mapping

import torch
from torch import Tensor

from infoplane.errors import InputError, RecordingError, UnknownNameError

PoolFunction = Callable[[Tensor], Tensor]
Pool = str | PoolFunction | Mapping[str, str | PoolFunction]

#: The types that estimators take; everything else is brought to one of them.
FULL = (torch.float32, torch.float64)

#: The named ways; a layer with (samples, units) already stays as it is in all of them.
POOLS = ("flatten", "channel", "mean", "pooled", "token", "last", "channel-last", "mean-last")

_CHANNELS_LAST = {"channel": "channel-last", "mean": "mean-last", "pooled": "mean-last"}


def check_pool(pool: Pool) -> None:
    """Whether a way of pooling can be used. ``token`` changes what a sample is, so it goes for all layers or none.

    Raises:
        UnknownNameError: no such way.
        InputError: ``token`` for some layers only.
    """
    for way in pool.values() if isinstance(pool, Mapping) else [pool]:
        if not callable(way) and way not in POOLS:
            raise UnknownNameError("way of pooling", way, POOLS)
    if isinstance(pool, Mapping) and "token" in pool.values():
        raise InputError("pool='token' makes every token a sample, in all layers: give it alone, not by layer")


def pool_of(name: str, pool: Pool) -> str | PoolFunction:
    """How one layer is pooled: in a table, by the first glob that fits its name, else flattened."""
    if not isinstance(pool, Mapping):
        return pool
    return next((way for pattern, way in pool.items() if fnmatch.fnmatchcase(name, pattern)), "flatten")


def with_channels_last(pool: Pool, names: Collection[str]) -> Pool:
    """The same ways, where the layers of these names put out (samples, ..., channels)."""
    ways = {name: pool_of(name, pool) for name in names}
    turned = {glob.escape(name): _CHANNELS_LAST[way] for name, way in ways.items() if way in _CHANNELS_LAST}
    if not turned:
        return pool
    return turned | {pattern: way for pattern, way in _by_pattern(pool).items() if pattern not in turned}


def _by_pattern(pool: Pool) -> Mapping[str, str | PoolFunction]:
    return pool if isinstance(pool, Mapping) else {"*": pool}


def pooled(name: str, t: Tensor, pool: Pool, mask: Tensor | None = None) -> Iterator[tuple[str, Tensor]]:
    """What follows the name, and rows (members, samples, units), float32 or float64, of ``t`` (members, samples, ...).

    ``mask`` (samples, tokens) says which tokens are there, None that all are. ``token`` gives (members, tokens of all
    samples, units). Only ``channel`` and ``channel-last`` give several: "[0]", "[1]", ...
    """
    way = pool_of(name, pool)
    if callable(way):
        yield "", _by_function(name, t, way)
    elif way == "channel" and t.ndim > 3:
        for channel in range(t.shape[2]):
            yield f"[{channel}]", as_rows(t[:, :, channel])
    elif way == "channel-last" and t.ndim > 3:
        for channel in range(t.shape[-1]):
            yield f"[{channel}]", as_rows(t[..., channel])
    elif way == "mean-last" and t.ndim > 4:
        yield "", as_floating(t).flatten(2, -2).mean(2)
    elif way == "token":
        yield "", _by_token(name, as_floating(t) if t.ndim == 4 else as_rows(t), mask)
    elif t.ndim < 4 or way in ("flatten", "channel", "channel-last"):
        yield "", as_rows(t)
    elif way == "pooled" or (way == "mean" and t.ndim > 4):
        yield "", as_floating(t).flatten(3).mean(-1)
    else:
        if t.ndim > 4:
            raise RecordingError(
                f"layer {name!r} puts out {tuple(t.shape[2:])} for a sample, and pool={way!r} takes (tokens, units): "
                "use 'flatten', 'channel' or 'mean', or name layers, pool={'encoder.*': 'last'}"
            )
        yield "", _over_tokens(name, as_floating(t), "last" if way == "last" else "mean", mask)


def as_floating(t: Tensor) -> Tensor:
    """In a type that estimators take: half precision upcast, whole numbers exact."""
    if t.is_complex():
        raise InputError(f"a layer puts out {t.dtype}: record real and imaginary parts with a function as pool")
    if t.dtype in FULL:
        return t
    return t.to(torch.float32 if t.is_floating_point() else torch.float64)


def as_rows(t: Tensor) -> Tensor:
    """(members, samples, ...) -> (members, samples, units), in the memory it has if it can."""
    return as_floating(t if t.ndim == 3 else t.reshape(*t.shape[:2], -1))


def _by_function(name: str, t: Tensor, function: PoolFunction) -> Tensor:
    """Of every member's (samples, ...)."""
    members = [function(member) for member in t]
    if not all(isinstance(rows, Tensor) and rows.ndim and len(rows) == t.shape[1] for rows in members):
        raise RecordingError(
            f"the pool of layer {name!r} does not keep its samples: the function takes and gives (samples, ...)"
        )
    return as_rows(torch.stack(members))


def _by_token(name: str, t: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return t.flatten(1, 2) if t.ndim == 4 else t
    mask = mask.to(t.device)
    if t.ndim == 3:  # no tokens of its own: every token of a sample has the sample's row
        return t.repeat_interleave(mask.sum(1), dim=1)
    _check_tokens(name, t, mask)
    return t.flatten(1, 2) if bool(mask.all()) else t[:, mask]


def _over_tokens(name: str, t: Tensor, way: str, mask: Tensor | None) -> Tensor:
    """The mean, or the last, of the tokens that are there; ``t`` (members, samples, tokens, units)."""
    if mask is None:
        return t.mean(2) if way == "mean" else t[:, :, -1]
    mask = mask.to(t.device)
    _check_tokens(name, t, mask)
    if way == "mean":
        # not a product with the mask: a padded place may hold NaN, and 0 * NaN is NaN
        present = torch.where(mask[None, :, :, None], t, 0.0).sum(2)
        return present / mask.sum(1).clamp(min=1)[None, :, None].to(t.dtype)
    # (samples,): the largest number of a token that is there
    last = (mask * torch.arange(mask.shape[1], device=t.device)).amax(1)
    return t[:, torch.arange(t.shape[1], device=t.device), last]


def _check_tokens(name: str, t: Tensor, mask: Tensor) -> None:
    if t.shape[2] != mask.shape[1]:
        raise RecordingError(
            f"layer {name!r} has {t.shape[2]} tokens a sample, and {mask.shape[1]} are known from the attention mask, "
            "the labels or the other layers: leave the layer out, or pool it with a function"
        )
