"""check_estimator: an estimator that keeps every promise passes, and what is told of one that does not.

That each broken promise is found by its own check is tested beside the checks.
"""

from __future__ import annotations

import math
import random
import warnings
from dataclasses import replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch

from infoplane.errors import InfoplaneError, InputError, UnknownNameError
from infoplane.estimators.base import Estimator, SymbolEstimator
from infoplane.estimators.counting.samples import distinct_ids, number
from infoplane.estimators.counting.symbols import Symbols, constant_units
from infoplane.testing import CHECKS, CheckFailed, ChecksFailed, check_estimator
from infoplane.types import NATS_PER, Information


@final
class FirstSign(Estimator):
    """Counts the sign of the first unit, with the Miller-Madow correction: made by somebody else, right but for its
    ``fault``.
    """

    name: ClassVar[str] = "first-sign"

    def __init__(self, fault=""):
        self.fault = fault
        self._asked = 0
        if fault.startswith("options"):
            self.fault = fault + " changed"
        if fault == "unsendable":
            self._function = lambda t: t
        if fault == "claims continuous":
            self.continuous = True
        if fault == "denies input":
            self.informations = ("i_ty",)
        if fault == "claims another information":
            self.informations = ("i_ty", "i_xt", "i_tt")

    @property
    def measurement(self):
        return "" if self.fault == "unnamed" else "the sign of the first unit"

    def __deepcopy__(self, memo):
        return FirstSign("above") if self.fault == "copied wrongly" else FirstSign(self.fault)

    def prepare(self, t):
        self._asked += 1
        n, units = t.shape
        varies = bool((t != t[0]).any())
        if self.fault == "no gradients at all":
            torch.ones(1).requires_grad_().sum().backward()
        if self.fault == "two samples" and n == 2:
            raise ZeroDivisionError("division by zero")
        if self.fault == "wide" and units > n:
            raise torch.linalg.LinAlgError("singular")
        if self.fault == "extreme" and float(t.abs().max()) > 1e20:
            raise OverflowError("too large")
        if self.fault == "repeated units" and varies and bool((t == t[0]).all(0).any()):
            raise torch.linalg.LinAlgError("singular")
        if self.fault == "warns":
            warnings.warn("look out", stacklevel=1)
        for name, draw in (("torch", torch.rand), ("numpy", np.random.rand), ("python", lambda _: random.random())):
            if self.fault == f"draws from {name}":
                draw(1)
        if self.fault == "seeds torch":
            torch.manual_seed(0)
        rows = t
        if self.fault == "strides" and not t.is_contiguous():
            rows = t.flip(0)
        extra = 0.0
        if self.fault == "state":
            extra = 1e-3 * self._asked
        if self.fault == "double" and t.dtype == torch.float64:
            extra = 0.01
        if self.fault == "order":
            extra = 1e-3 * float(t[0, 0] > 0)
        if self.fault == "constant" and not varies:
            extra = math.nan
        if self.fault == "constant known" and not varies:
            extra = 0.3
        codes = number((rows[:, 0] > 0).long())
        if self.fault == "writes into t":
            t[0] = -t[0]
        return {"codes": codes, "extra": extra}

    def with_input(self, prepared, x):
        return self.information(prepared, x.classes())

    def with_label(self, prepared, y):
        if y.ids is None and self.fault == "cuts in silence":
            y = replace(y, ids=number((y.values()[:, 0] > 0).long()))
        labels = y.classes()
        if self.fault == "one label" and labels.count == 1:
            raise KeyError(1)
        if self.fault == "all different" and labels.count == labels.n > 2:
            raise IndexError(labels.n)
        information = self.information(prepared, labels)
        if self.fault == "uses up":
            prepared["extra"] += 0.1
        return self.spoilt(information, labels)

    def information(self, prepared, groups):
        codes, n = prepared["codes"], groups.n
        joint = number(codes.ids * groups.count + groups.ids)
        value = codes.entropy() + groups.entropy() - joint.entropy()
        value += (codes.count + groups.count - joint.count - 1) / (2 * n) + prepared["extra"]
        flags = ("above-ceiling",) if value > groups.entropy() + 1e-9 else ()
        return Information(value, n, "population", flags=flags, amounts={"h_y": groups.entropy()})

    def spoilt(self, information, labels):
        value, h_y = information.value, information.amounts["h_y"]
        faults = {
            "clips": lambda: replace(information, value=max(0.0, value)),
            "entropy in nats": lambda: replace(information, amounts={}, facts={"h_y": h_y}),
            "bounds apart": lambda: replace(information, low=value + 1, high=value + 2),
            "bounds crossed": lambda: replace(information, low=value + 1, high=value - 1, facts={"interval": "own"}),
            "no estimand": lambda: replace(information, estimand="something"),
            "flags in a list": lambda: replace(information, flags=["red"]),
            "unknown kind": lambda: replace(information, kind="guess"),
            "n of one class": lambda: replace(information, n=int(labels.counts[0])),
            "tensor": lambda: replace(information, value=torch.tensor(value, dtype=torch.float64)),
            "wrong entropy": lambda: replace(information, amounts={"h_y": 3.0}),
            "sees nothing": lambda: replace(information, value=1e-3, flags=()),
            "too much": lambda: replace(
                information, value=value + (0.3 if abs(value) < 0.1 and labels.n == 200 else 0)
            ),
            "above": lambda: replace(information, value=1.5 * value, flags=()),
        }
        return faults.get(self.fault, lambda: information)()

    def about_label(self, prepared, y, units="bits"):
        """What the base class does, but for two faults that an estimator can only have by overriding this."""
        estimate = super().about_label(prepared, y, units)
        if self.fault == "nats as bits":
            return replace(estimate, value=estimate.value * NATS_PER[units])
        if self.fault == "no measurement":
            return replace(estimate, details={"estimand": "population"})
        return estimate


@final
class Signs(SymbolEstimator):
    """Counts the signs of all units: made by somebody else, right but for its ``fault``."""

    name: ClassVar[str] = "signs"
    nonfinite = "error"

    def __init__(self, fault=""):
        self.fault = fault
        self.correction = "miller-madow" if fault == "class numbers" else "none"

    @property
    def measurement(self):
        return "the sign of each unit"

    def layers(self, ts):
        return [self.layer(t) for t in ts]

    def layer(self, t):
        signs = (torch.signbit(t) if self.fault == "signed zero" else t > 0).long()
        weights = 2 ** torch.arange(t.shape[2]).clamp(max=62)
        codes = (signs * weights).sum(2)
        if self.fault == "order of units" and t.shape[2] >= 3:
            codes = signs[..., 0] + 2 * (signs[..., 1] | signs[..., 2])
        if self.fault == "repeated unit":
            codes = signs.sum(2)
        if self.fault == "row numbers":
            codes = codes + 100 * (torch.arange(t.shape[1]) % 2)
        bad = ~t.isfinite().all(2)
        constant = 0 if self.fault == "constant units" else constant_units(t)
        return Symbols(codes, bad & (self.fault != "not finite"), 0, constant, t.shape[2])

    def with_input(self, prepared, x):
        inputs = x.classes()
        information = self.count([prepared], inputs, number(0 * inputs.ids), "single").informations()[0]
        return replace(information, value=information.value - 1e-9) if self.fault == "input" else information

    def with_label(self, prepared, y):
        labels = y.classes()
        information = self.count([prepared], distinct_ids(y.n), labels, "single").informations()[1]
        of_sample = labels.n == 160
        extra = {
            "miscounts": 1e-9 * (labels.count == 3),
            "layer is the label": -1e-9 * (labels.count == 2),
            "coarser labels": float(of_sample and labels.count == 2),
            "three times": 0.1 * (labels.n == 480),
            "class numbers": 1e-9 * int(labels.counts[0]) * (labels.count == 3),
        }.get(self.fault, 0.0)
        return replace(information, value=information.value + extra)


def test_an_estimator_that_is_right_passes():
    report = check_estimator(FirstSign())
    assert report.failed == {}
    assert report.skipped == ()
    assert set(report.passed) | set(report.not_applicable) == {check.name for check in CHECKS}
    assert report.not_applicable["symbols"] == "it does not count symbols"
    of_symbols = check_estimator(Signs())
    assert of_symbols.failed == {}
    assert "symbols" in of_symbols.passed


FAULTS = {
    "unnamed": {"name"},
    "options": {"options"},
    "unsendable": {"another-process"},
    "copied wrongly": {"deep-copy"},
    "claims continuous": {"continuous"},
    "cuts in silence": {"continuous"},
    "denies input": {"informations"},
    "claims another information": {"informations"},
    "state": {"same-twice"},
    "draws from torch": {"random-state"},
    "draws from numpy": {"random-state"},
    "draws from python": {"random-state"},
    "seeds torch": {"random-state"},
    "uses up": {"prepared-again"},
    # neither a repeated column nor a tensor of inference mode can be written to
    "writes into t": {"arguments-unchanged", "memory-layout", "inference-mode"},
    "double": {"double-precision"},
    "strides": {"memory-layout"},
    "no gradients at all": {"inference-mode"},
    "two samples": {"two-samples"},
    "one label": {"one-label"},
    "all different": {"all-different"},
    "constant": {"constant-layer"},
    "constant known": {"constant-layer"},
    "repeated units": {"repeated-and-constant-units"},
    "wide": {"wide-layer"},
    "extreme": {"extreme-values"},
    "flags in a list": {"estimate"},
    "unknown kind": {"estimate"},
    "n of one class": {"estimate"},
    "tensor": {"estimate"},
    "no measurement": {"details"},
    "no estimand": {"details"},
    "bounds apart": {"bounds"},
    "bounds crossed": {"bounds"},
    "nats as bits": {"units"},
    "entropy in nats": {"units"},
    "wrong entropy": {"label-entropy"},
    "above": {"ceiling"},
    "order": {"order-of-samples"},
    "too much": {"independence"},
    "clips": {"no-clipping"},
    "sees nothing": {"dependence"},
}


SYMBOL_FAULTS = {
    "not finite": {"not-finite"},
    "class numbers": {"class-numbers"},
    "miscounts": {"symbols"},
    "order of units": {"order-of-units"},
    "repeated unit": {"repeated-unit"},
    "signed zero": {"signed-zero"},
    "constant units": {"constant-units"},
    "input": {"ceilings"},
    "layer is the label": {"layer-that-is-the-label"},
    "coarser labels": {"coarser-labels"},
    "three times": {"samples-three-times"},
}
#: What the public function sees to, before an estimator is asked.
OF_THE_PUBLIC_FUNCTION = {"half-precision", "forms-of-activations", "forms-of-labels", "bad-arguments"}


def faults_for(module):
    """Estimators with a fault that the checks of a module find, with the names of the checks that fail."""
    own = {check.name for check in module.CHECKS}
    faulty = ((kind(fault), failed) for kind, table in ((FirstSign, FAULTS), (Signs, SYMBOL_FAULTS))
            for fault, failed in table.items())  # fmt: skip
    return [pytest.param(estimator, failed, id=estimator.fault) for estimator, failed in faulty if min(failed) in own]


def failed_checks(estimator, **options):
    with pytest.raises(ChecksFailed) as caught:
        check_estimator(estimator, **options)
    return caught.value.report.failed


def test_every_check_can_fail():
    found = set().union({"warnings", "devices"}, *FAULTS.values(), *SYMBOL_FAULTS.values())
    assert {check.name for check in CHECKS} == found | OF_THE_PUBLIC_FUNCTION


def test_the_error_lists_every_failure_with_the_call_that_shows_it():
    with pytest.raises(ChecksFailed) as caught:
        check_estimator(FirstSign("writes into t"), skip=["units"])
    report, text = caught.value.report, str(caught.value)
    assert isinstance(caught.value, InfoplaneError)
    assert "32 of 35 checks passed" in text
    for name, failure in report.failed.items():
        assert isinstance(failure, CheckFailed)
        assert f"failed {name}: expected {failure.expected}; found {failure.found}; seen in: {failure.call}" in text
    assert "infoplane.mutual_information(torch.from_numpy(t), y" in report.failed["arguments-unchanged"].call
    assert "left out units" in text
    assert caught.value.__cause__ is next(iter(report.failed.values()))


def test_an_estimator_that_breaks_down_has_failed_and_the_cause_is_kept():
    with pytest.raises(ChecksFailed) as caught:
        check_estimator(FirstSign("two samples"))
    failure = caught.value.report.failed["two-samples"]
    assert failure.found == "ZeroDivisionError: division by zero"
    assert isinstance(failure.__cause__, ZeroDivisionError)


def test_checks_are_left_out_by_name():
    report = check_estimator(FirstSign("order"), skip="order-of-samples")
    assert report.skipped == ("order-of-samples",)
    with pytest.raises(UnknownNameError, match="did you mean 'order-of-samples'"):
        check_estimator(FirstSign(), skip=["order-of-sample"])
    with pytest.raises(InputError, match="no estimator: give it an instance"):
        check_estimator(FirstSign)
