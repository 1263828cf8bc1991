"""Checks of the object: its options, its copies, and what it declares of itself."""

from __future__ import annotations

import copy
import random
import sys
import warnings
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch

from infoplane.errors import InfoplaneError
from infoplane.estimators import mutual_information
from infoplane.estimators.base import Estimator
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.testing.subject import (
    CheckFailed,
    EstimatorCheck,
    Sample,
    Subject,
    call,
    input_call,
    known_random,
    related,
    sample,
)
from infoplane.types import Estimate


def check_name(subject: Subject) -> None:
    """It has a name for tables, and says how it measures."""
    for what in ("name", "measurement"):
        found = getattr(subject.estimator, what)
        if not (isinstance(found, str) and found.strip()):
            raise CheckFailed(f"a text that is not empty as {what}", repr(found), f"estimator.{what}")


def check_options(subject: Subject) -> None:
    """Options are kept unchanged under their names, so that scikit-learn can clone it."""
    from sklearn.base import clone

    made = subject.estimator
    options = made.get_params()
    try:
        cloned = clone(made)
    except (RuntimeError, TypeError) as error:
        raise CheckFailed("a clone with the same options", str(error), "sklearn.base.clone(estimator)") from error
    if repr(cloned.get_params()) != repr(options):
        raise CheckFailed(f"the options {options}", str(cloned.get_params()), "sklearn.base.clone(estimator)")
    if cloned.measurement != made.measurement:
        raise CheckFailed(repr(made.measurement), repr(cloned.measurement), "sklearn.base.clone(estimator).measurement")
    _same_estimate(subject, cloned, "sklearn.base.clone(estimator)")


def check_deep_copy(subject: Subject) -> None:
    _same_estimate(subject, copy.deepcopy(subject.estimator), "copy.deepcopy(estimator)")


def check_another_process(subject: Subject) -> None:
    """It can be sent to a worker process."""
    shown = "multiprocessing.reduction.ForkingPickler.dumps(estimator)"
    try:
        sent = ForkingPickler.loads(ForkingPickler.dumps(subject.estimator))
    except Exception as error:  # whatever the estimator's own parts raise
        raise CheckFailed("an estimator that worker processes can be given", repr(error), shown) from error
    _same_estimate(subject, sent, shown)


def _needs_importable_class(subject: Subject) -> str:
    kind = type(subject.estimator)
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return "" if found is kind else f"its class is not found as {kind.__module__}.{kind.__qualname__}"


def _same_estimate(subject: Subject, other: Estimator, how: str) -> None:
    t, _, y = sample()
    found = Subject(other).about_label(t, y)
    subject.equal(found, subject.about_label(t, y), "the value of the original", f"estimator = {how}; {call('t, y')}")


def check_informations(subject: Subject) -> None:
    """``informations`` names what can be asked for, and nothing else."""
    declared = tuple(subject.estimator.informations)
    if not ({"i_ty"} <= set(declared) <= {"i_xt", "i_ty"}):
        raise CheckFailed('("i_xt", "i_ty") or ("i_ty",)', repr(declared), "estimator.informations")
    t, x, _ = sample()
    try:
        found: object = subject.about_input(t, x)
    except InfoplaneError as error:
        found = error
    if isinstance(found, Estimate) != ("i_xt" in declared):
        expected = "an Estimate" if "i_xt" in declared else "an error of infoplane"
        raise CheckFailed(f"{expected}, as informations = {declared} says", repr(found), input_call("t"))


def check_continuous(subject: Subject) -> None:
    """``continuous`` says whether it takes a continuous label."""
    declared = subject.estimator.continuous
    if not isinstance(declared, bool):
        raise CheckFailed("True or False", repr(declared), "estimator.continuous")
    t, _, _ = sample()
    y = torch.from_numpy(t[:, 0] + np.random.default_rng(1).normal(size=len(t)))
    made = subject.copy()
    try:
        with known_random():
            found: object = made.about_label(
                made.prepare(torch.from_numpy(t)), label_variable(y, continuous=True), "nats"
            )
    except InfoplaneError as error:
        found = error
    if isinstance(found, Estimate) != declared:
        expected = "an Estimate" if declared else "an error of infoplane"
        shown = call("t, t[:, 0] + numpy.random.default_rng(1).normal(size=160)")
        raise CheckFailed(f"{expected} of a continuous label, as continuous = {declared} says", repr(found), shown)


def check_same_twice(subject: Subject) -> None:
    """The same estimator gives the same value for the same samples, to the last bit."""
    made = subject.copy()
    with known_random():
        first = _ask(made, sample())
    with known_random():
        second = _ask(made, sample())
    if first != second:
        raise CheckFailed(f"the values {first} again", str(second), f"{call('t, y')}, twice")


def check_random_state(subject: Subject) -> None:
    """Random numbers come from the estimator's own seed; those of torch, numpy and Python stay where they are."""
    with known_random():
        for draw in (torch.rand, np.random.rand, lambda _: random.random()):
            draw(1)  # so that a seed set anew shows as well
        before = _random_states()
        _ask(subject.copy(), sample())
        after = _random_states()
    for name, state in before.items():
        if state != after[name]:
            raise CheckFailed(f"the global random state of {name} untouched", "that it has moved", call("t, y"))


def _ask(made: Estimator, asked: Sample) -> list[float]:
    """Values in nats, straight from the estimator."""
    prepared = made.prepare(torch.from_numpy(asked.t))
    values = [made.about_label(prepared, label_variable(asked.y), "nats").value]
    if "i_xt" in made.informations:
        values.append(made.about_input(prepared, input_variable(asked.x), "nats").value)
    return values


def _random_states() -> dict[str, Any]:
    name, words, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": (name, np.asarray(words).tolist(), rest),
        "Python": random.getstate(),
    }


def check_prepared_again(subject: Subject) -> None:
    """What is prepared of a layer serves any number of label sets."""
    t, x, y = sample()
    asked: list[tuple[str, Callable[[Estimator, Any], Estimate]]] = [
        ("y", lambda made, ready: made.about_label(ready, label_variable(y), "nats")),
        ("y > 0", lambda made, ready: made.about_label(ready, label_variable(y > 0), "nats")),
        ("y again", lambda made, ready: made.about_label(ready, label_variable(y), "nats")),
    ]
    if "i_xt" in subject.estimator.informations:
        asked.insert(1, ("x", lambda made, ready: made.about_input(ready, input_variable(x), "nats")))
    again = subject.copy()
    prepared = again.prepare(torch.from_numpy(t.copy()))
    for what, ask in asked:
        fresh = subject.copy()
        with known_random():
            wanted = ask(fresh, fresh.prepare(torch.from_numpy(t.copy())))
        with known_random():
            found = ask(again, prepared)
        shown = f"prepared = estimator.prepare(t), asked for {', then '.join(name for name, _ in asked)}; at {what}"
        subject.equal(found, wanted, "the value of a layer that is prepared afresh", shown)


def check_arguments_unchanged(subject: Subject) -> None:
    """Nothing is written into activations, inputs or labels."""
    t, x, y = (torch.from_numpy(part) for part in sample())
    before = [part.clone() for part in (t, x, y)]
    made = subject.copy()
    asked: list[tuple[str, Callable[[], Any]]] = [
        (call("torch.from_numpy(t), y"), lambda: mutual_information(t, y, estimator=made, intervals=False)),
    ]
    if "i_xt" in made.informations:
        asked.append((input_call("t"), lambda: made.about_input(made.prepare(t), input_variable(x), "nats")))
    for shown, ask in asked:
        with known_random():
            ask()
        for name, now, then in zip("txy", (t, x, y), before, strict=True):
            if not torch.equal(now, then):
                raise CheckFailed(f"{name} as it was", f"{int((now != then).sum())} of its numbers changed", shown)


def check_warnings(subject: Subject) -> None:
    """No warning escapes; a doubt is a flag."""
    t, _, y = sample()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        subject.both(sample())
        subject.both(related())
        subject.about_label(np.full_like(t, 0.25), y)
    if caught:
        first = caught[0]
        shown = f"{call('t, y')}, or the same with a constant t"
        raise CheckFailed("no warning", f"{first.category.__name__}: {first.message}", shown)


CHECKS = (
    EstimatorCheck(check_name),
    EstimatorCheck(check_options),
    EstimatorCheck(check_deep_copy),
    EstimatorCheck(check_another_process, _needs_importable_class),
    EstimatorCheck(check_informations),
    EstimatorCheck(check_continuous),
    EstimatorCheck(check_same_twice),
    EstimatorCheck(check_random_state),
    EstimatorCheck(check_prepared_again),
    EstimatorCheck(check_arguments_unchanged),
    EstimatorCheck(check_warnings),
)
