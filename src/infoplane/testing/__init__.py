"""An estimator -> whether it keeps what is promised of every estimator: ``check_estimator``, for your own ones too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

from infoplane.errors import InfoplaneError, InputError, UnknownNameError
from infoplane.estimators.base import Estimator
from infoplane.testing import counting, estimates, inputs, objects
from infoplane.testing.subject import (
    CheckFailed,
    EstimatorCheck,
    Sample,
    Subject,
    known_random,
    related,
    sample,
    unrelated,
)

__all__ = [
    "CHECKS",
    "CheckFailed",
    "ChecksFailed",
    "Report",
    "Sample",
    "check_estimator",
    "related",
    "sample",
    "unrelated",
]

#: Every check, in the order in which they run.
CHECKS: tuple[EstimatorCheck, ...] = (*objects.CHECKS, *inputs.CHECKS, *estimates.CHECKS, *counting.CHECKS)


@dataclass(frozen=True)
class Report:
    """What was checked: names of checks that passed and failed, that were left out, and that do not apply, with why."""

    estimator: str
    passed: tuple[str, ...]
    failed: Mapping[str, CheckFailed]
    skipped: tuple[str, ...]
    not_applicable: Mapping[str, str]

    def __str__(self) -> str:
        counted = len(self.passed) + len(self.failed)
        lines = [f"{self.estimator}: {len(self.passed)} of {counted} checks passed"]
        lines += [f"  failed {name}: {error}" for name, error in self.failed.items()]
        lines += [f"  left out {name}" for name in self.skipped]
        lines += [f"  not applicable {name}: {reason}" for name, reason in self.not_applicable.items()]
        return "\n".join(lines)


@final
class ChecksFailed(InfoplaneError, AssertionError):
    """An estimator that breaks promises: the message lists all of them, ``report`` holds them by name."""

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report))


def check_estimator(estimator: Estimator, *, skip: Iterable[str] = ()) -> Report:
    """Whether an estimator keeps what is promised of every estimator.

    ``estimator``: an instance of a class derived from ``infoplane.estimators.base.Estimator`` or ``SymbolEstimator``,
    yours or ours, with options that make it fast. ``skip``: names of checks to leave out, such as
    ``"order-of-samples"`` for one that trains on a random half of the samples. Each check asks for estimates of samples
    of at most 480 rows and 200 units; there are some 150 calls. Global random numbers are left as they are.

    Returns:
        A ``Report``, where all checks pass.

    Raises:
        ChecksFailed: promises are broken; it lists each with what was expected, what was found and the call that
            shows it.
        InputError: there is no estimator to check.
        UnknownNameError: no such check to ``skip``.

    Example:
        >>> import infoplane as ip
        >>> report = ip.testing.check_estimator(ip.estimators.Gaussian())
        >>> report.failed, "units" in report.passed, report.not_applicable["order-of-units"]
        ({}, True, 'it does not count symbols')
    """
    if not isinstance(estimator, Estimator):
        raise InputError(
            f"check_estimator got {estimator!r}, which is no estimator: give it an instance, for example "
            "infoplane.estimators.estimator('binned')"
        )
    report = _report(estimator, _known({skip} if isinstance(skip, str) else set(skip)))
    if report.failed:
        raise ChecksFailed(report) from next(iter(report.failed.values()))
    return report


def _report(estimator: Estimator, left_out: set[str]) -> Report:
    subject = Subject(estimator)
    passed: list[str] = []
    failed: dict[str, CheckFailed] = {}
    not_applicable: dict[str, str] = {}
    for check in CHECKS:
        if check.name in left_out:
            continue
        if reason := check.needs(subject):
            not_applicable[check.name] = reason
            continue
        with known_random():
            error = _run(check, subject)
        if error is None:
            passed.append(check.name)
        else:
            failed[check.name] = error
    return Report(_title(estimator), tuple(passed), failed, tuple(sorted(left_out)), not_applicable)


def _known(skip: set[str]) -> set[str]:
    names = [check.name for check in CHECKS]
    for name in skip:
        if name not in names:
            raise UnknownNameError("check", name, names)
    return skip


def _run(check: EstimatorCheck, subject: Subject) -> CheckFailed | None:
    """How the check failed; an estimator that breaks down in it has failed it too."""
    try:
        check.function(subject)
    except CheckFailed as failure:
        return failure
    except Exception as error:
        broken = CheckFailed("an estimate", f"{type(error).__name__}: {error}", f"the samples of {check.name!r}")
        broken.__cause__ = error
        return broken
    return None


def _title(estimator: Estimator) -> str:
    try:
        options = ", ".join(f"{name}={value!r}" for name, value in estimator.get_params().items())
    except AttributeError:  # an option that is not kept: there is a check for it
        options = "..."
    return f"{type(estimator).__name__}({options})"
