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

from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators.ambient import shielded
from infoplane.estimators.counting.labels import Labels, read_labels, rows_with_labels
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    check_lengths,
    input_ids,
    input_variable,
    label_variable,
    looks_continuous,
)
from infoplane.estimators.doubt import group_members
from infoplane.family import Family
from infoplane.plane.options import PlaneOptions
from infoplane.plane.question import WHOLE, Question, Shuffles
from infoplane.recording.inputs import Inputs
from infoplane.recording.loading import first_samples, is_batches
from infoplane.types import NATS_PER, checksum

_LOOKED_AT = 256
_SAMPLES_A_CELL = 7  # of inputs and labels together, as for the green light of a counted layer
_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@final
class Split:
    """The samples of one split: what goes through the network, what is asked of it, and facts about the data.

    ``rows`` (few,) numbers the samples that estimators see which need activations, None where these are all. ``mask``
    (samples, tokens) says which tokens are samples, None where samples are.
    """

    def __init__(self, x: Any, y: Any, blank: Question, *, groups: Any, options: PlaneOptions) -> None:
        self.name = blank.split
        self.inputs = Inputs(x)
        labels = y if isinstance(y, Mapping) else {"y": y}
        read, gone = self._read(labels, options)
        if gone is not None and groups is not None and self.mask is None:
            groups = as_array(groups)[~gone]
        continuous = all(estimator.continuous for estimator in blank.estimators)
        bins = {name: options.y_bins if looks_continuous(values) else None for name, values in read.items()}
        variables = {
            name: label_variable(values, bins=bins[name], continuous=continuous) for name, values in read.items()
        }
        for name, label in variables.items():
            if label.ids is not None:
                check_classes(label.ids, name)
        tokens = None if self.mask is None else self.mask.numpy()
        groups = self._groups(groups)
        variables = {name: label.grouped(groups) for name, label in variables.items()}
        whole = replace(blank, x=_variable(self.inputs, tokens).grouped(groups), labels=variables)
        whole = replace(whole, intervals=options.intervals, seed=options.seed)
        self._question = replace(whole, shuffles=_shuffles(whole.x, options))
        self.rows = _subset(whole.x.n, options)
        if self.rows is not None:
            self._question = replace(self._question, few=self._question.take(_flags(self.rows, whole.x.n)))
        self._conditions = _conditions(self._question, self.rows, read, options.given)
        self._device = torch.device("cpu")
        self._moved: dict[tuple[torch.device, torch.dtype], Inputs] = {}
        self.stream = torch.Generator().manual_seed(options.seed)
        self._originals = [Fingerprint.of(tensor) for tensor in self.inputs.tensors]
        self.facts = known_facts(self._question, tokens=self.mask is not None) | {
            "labels": {name: label.kind for name, label in variables.items()},
            "data_checksum": checksum(*map(as_array, self.inputs.tensors), *(each.values for each in read.values())),
            **({} if gone is None else {"left_out": int(gone.sum())}),
        }

    def _read(self, labels: Mapping[str, Any], options: PlaneOptions) -> tuple[dict[str, Labels], np.ndarray | None]:
        """The label sets of the samples, or tokens, that have a label in each; and which were left out, if any."""
        declared = options.declared(labels)
        read = {name: read_labels(values, name, declared) for name, values in labels.items()}
        check_lengths(x=len(self.inputs), **{name: len(values) for name, values in read.items()})
        mask = _tokens(self.inputs, read) if options.pool == "token" else None
        if mask is not None:
            read = {name: _of_tokens(values, mask) for name, values in read.items()}
        keep = rows_with_labels(list(read.values()), declared)
        if keep is not None:
            read = {name: values.at(keep) for name, values in read.items()}
            if mask is None:
                self.inputs = self.inputs.rows(torch.from_numpy(keep))
            else:
                mask = mask.copy()
                mask[mask] = keep
        self.mask = None if mask is None else torch.from_numpy(mask)
        return read, None if keep is None else ~keep

    def _groups(self, groups: Any) -> Any:
        """Of each sample, or token: tokens of one sample belong together, and so do the samples of one group."""
        if self.mask is None:
            return groups
        of_samples = np.arange(len(self.inputs)) if groups is None else as_array(groups)
        check_lengths(x=len(self.inputs), groups=len(of_samples))
        return np.repeat(of_samples, self.mask.sum(1).numpy(), axis=0)

    @property
    def n(self) -> int:
        """How many samples, or tokens, are measured."""
        return self._question.x.n

    @property
    def is_plain(self) -> bool:
        """Whether one tensor goes through the network, and a row is a sample."""
        return self.inputs.single and self.mask is None

    def check_unchanged(self, step: int) -> None:
        if not all(map(Fingerprint.fits, self._originals, self.inputs.tensors)):
            which = "" if self.name == WHOLE else f" of split {self.name!r}"
            raise InputError(
                f"x{which} was changed in place since the plane was made (seen at step {step}), so that its rows "
                "no longer belong to the labels: give the plane a copy of its own, x.clone() or x.copy()"
            )

    @shielded
    def draws(self, copies: int) -> Tensor:
        """A random copy for each sample, from this split's own stream."""
        return torch.randint(copies, (len(self.inputs),), generator=self.stream)

    def question_on(self, device: torch.device) -> Question:
        """The data follows the network, once."""
        if device != self._device:
            self._device, self._question = device, self._question.to(device)
            self._conditions = [(keep, question.to(device)) for keep, question in self._conditions]
        return self._question

    def conditions_on(self, device: torch.device) -> list[tuple[Tensor, Question]]:
        """Which samples meet each condition (samples,) bool, and what is asked of them."""
        self.question_on(device)
        return self._conditions

    def inputs_for(self, family: Family) -> Inputs:
        """x where the family is, in the type that it computes with; moved once."""
        if not self.inputs.single:
            raise InputError("x has several inputs, and a family takes one: measure its modules, family.modules()")
        place = (family.device, family.dtype)
        if place not in self._moved:
            self._moved[place] = Inputs(family.inputs(self.inputs.tensors[0]))
        return self._moved[place]


def _shuffles(x: Variable, options: PlaneOptions) -> Shuffles | None:
    return Shuffles(options.shuffles, group_members(x.groups, x.n), options.seed) if options.shuffles else None


def _tokens(inputs: Inputs, labels: Mapping[str, Labels]) -> np.ndarray:
    """Which tokens are samples (samples, tokens): by the attention mask, labels for each, or the second size of x."""
    if inputs.mask is not None:
        return inputs.mask.cpu().numpy()
    shapes = [each.values.shape for each in labels.values() if each.values.ndim == 2] or [inputs.tensors[0].shape[:2]]
    if len(shapes[0]) < 2:
        raise InputError(
            f"pool='token' and x has shape {tuple(inputs.tensors[0].shape)}: tokens are counted by labels of shape "
            "(samples, tokens), an input called 'attention_mask', or x of shape (samples, tokens, ...)"
        )
    return np.ones(shapes[0], dtype=bool)


def _of_tokens(values: Labels, mask: np.ndarray) -> Labels:
    """Labels of samples, or of tokens, for each token that is there."""
    if values.values.ndim == 1:
        return values.at(np.repeat(np.arange(len(mask)), mask.sum(1)))
    if values.values.shape != mask.shape:
        raise InputError(
            f"labels have shape {values.values.shape}, and the tokens {mask.shape}: with pool='token' give a label a "
            "sample, (samples,), or a token, (samples, tokens)"
        )
    return values.at(mask)


def _variable(inputs: Inputs, mask: np.ndarray | None) -> Variable:
    """The input as a variable: all inputs of a sample together; of a token, its sample's."""
    each = [input_variable(tensor) for tensor in inputs.tensors]
    x = each[0]
    if len(each) > 1:
        joint = input_ids(torch.stack([part.classes().ids for part in each], 1))
        x = Variable(joint, torch.cat([part.values() for part in each], 1))
    if mask is None:
        return x
    return x.take(torch.arange(len(inputs)).repeat_interleave(torch.from_numpy(mask.sum(1))))


def _subset(n: int, options: PlaneOptions) -> Tensor | None:
    """The samples that estimators see which need activations: a random set, the same at every step."""
    few = options.subsample
    if few is None or few >= n:
        return None
    return torch.randperm(n, generator=torch.Generator().manual_seed(options.seed))[:few].sort().values


def _flags(rows: Tensor, n: int) -> Tensor:
    return torch.zeros(n, dtype=torch.bool).index_fill_(0, rows, True)


def _conditions(
    question: Question, rows: Tensor | None, labels: Mapping[str, Labels], given: str | None
) -> list[tuple[Tensor, Question]]:
    """For each value of the label set ``given``, its samples and what is asked of them: the other label sets."""
    if given is None:
        return []
    if given not in question.labels:
        raise UnknownNameError("label set", given, question.labels)
    ids, columns = question.labels[given].classes(), labels[given].columns()
    values = np.unique(columns) if columns.shape[1] == 1 else np.arange(columns.shape[1])
    conditions = []
    for number in range(ids.count):
        keep, name = ids.ids == number, f"{given}={values[number]}"
        if int(keep.sum()) < 2:
            raise InputError(f"{name} has 1 sample: give {given!r} labels with at least 2 samples each")
        inside = _given(question, keep, given, name)
        if rows is not None:
            inside = replace(inside, few=_given(question, keep & _flags(rows, len(keep)), given, name))
        conditions.append((keep, inside))
    return conditions


def _given(question: Question, keep: Tensor, given: str, name: str) -> Question:
    inside = question.take(keep)
    others = {f"{other}|{name}": label for other, label in inside.labels.items() if other != given}
    return replace(inside, labels=others or {name: inside.labels[given]}, condition=name)


def by_split(x: Any, y: Any, groups: Any) -> list[tuple[str, Any, Any, Any]]:
    """Name, x, y and groups of every split."""
    if is_batches(x):
        x, own = first_samples(x)
        y = own if y is None else y
    if not isinstance(x, Mapping) or (y is not None and x and not any(map(_has_labels, x.values()))):
        if y is None:
            raise InputError("y is missing: InformationPlane(x, y), or InformationPlane({'train': (x, y), ...})")
        return [(WHOLE, x, y, groups)]
    if y is not None:
        raise InputError("x is a table of splits and y was given beside it: put labels into the table, name: (x, y)")
    if not x:
        raise InputError("the table of splits is empty: give at least one, for example {'train': (x, y)}")
    x = {name: first_samples(pair) if is_batches(pair) else pair for name, pair in x.items()}
    for name, pair in x.items():
        if not isinstance(name, str) or not name or not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise InputError(f"split {name!r} is {type(pair).__name__}: every split is a name and a pair, (x, y)")
    if groups is not None and not (isinstance(groups, Mapping) and groups.keys() <= x.keys()):
        raise InputError(f"groups go by split here: groups={{name: ...}} with names among {', '.join(x)}")
    return [(name, *pair, (groups or {}).get(name)) for name, pair in x.items()]


def _has_labels(pair: Any) -> bool:
    """Whether it looks like (x, y) of a split, and not like two inputs in one argument."""
    return isinstance(pair, tuple) and len(pair) == 2 and np.ndim(pair[1]) < 2


def known_facts(question: Question, *, tokens: bool = False) -> dict[str, Any]:
    """What is true of all rows of a question: sizes, entropies of input and first label in the question's units.

    I(X;Y) is among it where whole inputs come again often enough to be counted. Where each comes once, the counts would
    say that it tells the label for certain, and of tokens in a text that a word by itself tells it.
    """
    scale = NATS_PER[question.units]
    x, y = question.x.classes(), next(iter(question.labels.values())).ids
    facts = {"n": x.n, "log2_n": math.log2(x.n), "h_x": x.entropy() / scale}
    if y is None:
        return facts
    joint = input_ids(torch.stack([x.ids, y.ids], dim=1))
    facts["h_y"] = y.entropy() / scale
    if x.n >= _SAMPLES_A_CELL * joint.count and not tokens:
        facts["i_xy"] = (x.entropy() + y.entropy() - joint.entropy()) / scale
    return facts


@dataclass(frozen=True)
class Fingerprint:
    """Enough of a tensor to see, in microseconds, that it was changed in place.

    What torch changes is always seen: ``version`` counts its changes, and ``whole`` is a checksum of all numbers. What
    comes through shared memory, as from numpy, is seen where it reaches one of ``places``: 256 random numbers, or all.
    """

    version: int | None
    whole: int
    words: np.ndarray | None  # the tensor's own memory, as whole numbers; None where it is on a device
    places: np.ndarray | tuple[np.ndarray, ...]
    seen: bytes

    @classmethod
    def of(cls, x: Tensor) -> Fingerprint:
        few = x.numel() <= _LOOKED_AT
        flat = np.arange(x.numel()) if few else np.random.default_rng(0).integers(x.numel(), size=_LOOKED_AT)
        words = x.detach().view(_WORDS[x.element_size()]).numpy() if x.is_cpu else None
        places: np.ndarray | tuple[np.ndarray, ...] = flat
        if words is not None and words.flags.c_contiguous:
            words = words.reshape(-1)  # one index a place: a third of the time, and this is asked at every step
        else:
            places = np.unravel_index(flat, x.shape)
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
