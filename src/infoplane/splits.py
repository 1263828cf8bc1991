"""The samples that a plane measures on, split by split: what goes through the network, what is asked, and facts."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InputError
from infoplane.estimators.doubt import group_members
from infoplane.estimators.samples import (
    as_array,
    check_classes,
    check_lengths,
    input_ids,
    input_variable,
    label_variable,
)
from infoplane.measuring import WHOLE, Question, Shuffles
from infoplane.networks import Family
from infoplane.types import NATS_PER, checksum

_LOOKED_AT = 256
_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@final
class Split:
    """The samples of one split: what goes through the network, what is asked of it, and facts about the data."""

    def __init__(self, x: Any, y: Any, blank: Question, *, shuffles: int, groups: Any, seed: int) -> None:
        self.name = blank.split
        self.x = x if isinstance(x, Tensor) else torch.from_numpy(np.ascontiguousarray(as_array(x)))
        labels = y if isinstance(y, Mapping) else {"y": y}
        check_lengths(x=len(self.x), **{name: len(as_array(values)) for name, values in labels.items()})
        continuous = all(made.continuous for made in blank.estimators)
        variables = {name: label_variable(values, continuous=continuous) for name, values in labels.items()}
        for name, label in variables.items():
            if label.ids is not None:
                check_classes(label.ids, name)
        shuffled = Shuffles(shuffles, group_members(groups, len(self.x)), seed) if shuffles else None
        self._question = replace(blank, x=input_variable(self.x), labels=variables, shuffles=shuffled)
        self._device = torch.device("cpu")
        self._moved: dict[tuple[torch.device, torch.dtype], Tensor] = {}
        self._draws = torch.Generator().manual_seed(seed)
        self._original = Fingerprint.of(self.x)
        self.facts = known_facts(self._question) | {
            "data_checksum": checksum(as_array(self.x), *(as_array(values) for values in labels.values()))
        }

    def check_unchanged(self, step: int) -> None:
        if not self._original.fits(self.x):
            which = "" if self.name == WHOLE else f" of split {self.name!r}"
            raise InputError(
                f"x{which} was changed in place since the plane was made (seen at step {step}), so its rows are not "
                "those that the labels belong to any more: give the plane a copy of its own, x.clone() or x.copy()"
            )

    def draws(self, copies: int) -> Tensor:
        """A random copy for each sample, from this split's own stream."""
        return torch.randint(copies, (len(self.x),), generator=self._draws)

    def question_on(self, device: torch.device) -> Question:
        """The data follows the network, once."""
        if device != self._device:
            self._device, self._question = device, self._question.to(device)
        return self._question

    def inputs_for(self, family: Family) -> Tensor:
        """x where the family is, in the type that it computes with; moved once."""
        place = (family.device, family.dtype)
        if place not in self._moved:
            self._moved[place] = family.inputs(self.x)
        return self._moved[place]


def by_split(x: Any, y: Any, groups: Any) -> list[tuple[str, Any, Any, Any]]:
    """Name, x, y and groups of every split."""
    if not isinstance(x, Mapping):
        if y is None:
            raise InputError("y is missing: InformationPlane(x, y), or InformationPlane({'train': (x, y), ...})")
        return [(WHOLE, x, y, groups)]
    if y is not None:
        raise InputError("x is a table of splits and y was given beside it: put labels into the table, name: (x, y)")
    if not x:
        raise InputError("the table of splits is empty: give at least one, for example {'train': (x, y)}")
    for name, pair in x.items():
        if not isinstance(name, str) or not name or not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InputError(f"split {name!r} is {type(pair).__name__}: every split is a name and a pair, (x, y)")
    if groups is not None and not (isinstance(groups, Mapping) and groups.keys() <= x.keys()):
        raise InputError(f"groups go by split here: groups={{name: ...}} with names among {', '.join(x)}")
    return [(name, *pair, (groups or {}).get(name)) for name, pair in x.items()]


def known_facts(question: Question) -> dict[str, Any]:
    """What is true of all rows of a question: sizes, entropies of input and first label in the question's units."""
    scale = NATS_PER[question.units]
    x, y = question.x.classes(), next(iter(question.labels.values())).ids
    facts = {"n": x.n, "log2_n": math.log2(x.n), "h_x": x.entropy() / scale}
    if y is None:
        return facts
    joint = input_ids(torch.stack([x.ids, y.ids], dim=1))
    return facts | {"h_y": y.entropy() / scale, "i_xy": (x.entropy() + y.entropy() - joint.entropy()) / scale}


@dataclass(frozen=True)
class Fingerprint:
    """Enough of a tensor to see, in microseconds, that it was changed in place.

    What torch changes is always seen: ``version`` counts its changes, and ``whole`` is a checksum of all numbers. What
    comes through shared memory, as from numpy, is seen where it reaches one of ``places``: 256 random numbers, or all.
    """

    version: int | None
    whole: int
    words: np.ndarray | None  # the tensor's own memory, as whole numbers; None where it is on a device
    places: tuple[np.ndarray, ...]
    seen: bytes

    @classmethod
    def of(cls, x: Tensor) -> Fingerprint:
        few = x.numel() <= _LOOKED_AT
        flat = np.arange(x.numel()) if few else np.random.default_rng(0).integers(x.numel(), size=_LOOKED_AT)
        places = np.unravel_index(flat, x.shape)
        words = x.detach().view(_WORDS[x.element_size()]).numpy() if x.is_cpu else None
        return cls(_version(x), _checksum(x), words, places, b"" if words is None else words[places].tobytes())

    def fits(self, x: Tensor) -> bool:
        """Whether x still is what it was."""
        if _version(x) != self.version and _checksum(x) != self.whole:
            return False
        return self.words is None or self.words[self.places].tobytes() == self.seen


def _version(x: Tensor) -> int | None:
    return None if x.is_inference() else x._version  # tensors of the inference mode count nothing


def _checksum(x: Tensor) -> int:
    return zlib.crc32(x.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
