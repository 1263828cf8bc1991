"""Checks of what is taken: types, layouts, devices and forms of labels, samples of the smallest size, and errors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from infoplane.errors import InfoplaneError, InputError, NonFiniteError
from infoplane.estimators.counting.samples import input_variable, label_variable
from infoplane.testing.subject import CheckFailed, EstimatorCheck, Subject, call, doubts, known_random, sample
from infoplane.types import Estimate

#: What a constant layer may seem to know, in nats.
NOTHING = 0.05


def check_half_precision(subject: Subject) -> None:
    """float16 and bfloat16 are measured as float32."""
    t, _, y = sample()
    wanted = subject.about_label(t, y)
    for dtype in (torch.float16, torch.bfloat16):
        found = subject.about_label(torch.from_numpy(t).to(dtype), y)
        subject.equal(found, wanted, "the value of float32", call(f"torch.from_numpy(t).to({dtype}), y"))


def check_double_precision(subject: Subject) -> None:
    """float64 holds the same numbers, and gives the same value."""
    t, _, y = sample()
    found = subject.about_label(t.astype(np.float64), y)
    subject.equal(found, subject.about_label(t, y), "the value of float32", call('t.astype("float64"), y'))


def check_forms_of_activations(subject: Subject) -> None:
    """Lists, data frames, tensors with a gradient and more axes are activations too."""
    import pandas as pd

    t, _, y = sample()
    wanted = subject.about_label(t, y)
    forms: dict[str, Any] = {
        "torch.from_numpy(t)": torch.from_numpy(t),
        "torch.from_numpy(t).requires_grad_()": torch.from_numpy(t.copy()).requires_grad_(),
        "pandas.DataFrame(t)": pd.DataFrame(t.copy()),
        "t.reshape(len(t), 1, -1)": t.reshape(len(t), 1, -1),
    }
    for form, given in forms.items():
        subject.equal(subject.about_label(given, y), wanted, "the value of the array", call(f"{form}, y"))
    found, wanted = subject.about_label(t.tolist(), y), subject.about_label(t.astype(np.float64), y)
    subject.equal(found, wanted, "the value of the array", call("t.tolist(), y"))


def check_memory_layout(subject: Subject) -> None:
    """Activations need not lie row by row in memory."""
    t, _, y = sample()
    rows = torch.from_numpy(t)
    wider = torch.full((len(t) + 2, 2 * t.shape[1]), 7.0)
    wider[1:-1, ::2] = rows
    layouts = {
        "every second column": wider[1:-1, ::2],
        "transposed": rows.T.contiguous().T,
        "column by column (numpy)": np.asfortranarray(t),
        "backwards (numpy)": np.ascontiguousarray(t[::-1])[::-1],
        "read-only (numpy)": np.frombuffer(t.tobytes(), dtype=t.dtype).reshape(t.shape),
    }
    wanted = subject.about_label(t, y)
    for layout, given in layouts.items():
        shown = call(f"t in another layout: {layout}, y")
        subject.equal(subject.about_label(given, y), wanted, "the value of contiguous memory", shown)
    column = rows[:, :1].expand(-1, 3)
    found, wanted = subject.about_label(column, y), subject.about_label(column.contiguous(), y)
    subject.equal(found, wanted, "the value of contiguous memory", call("torch.from_numpy(t)[:, :1].expand(-1, 3), y"))


def check_devices(subject: Subject) -> None:
    """Activations on a GPU are measured there, with the same result."""
    t, x, y = (torch.from_numpy(part) for part in sample())
    wanted = subject.both(sample())
    found = [subject.about_label(t.cuda(), y)]
    if len(wanted) > 1:
        found.append(subject.about_input(t.cuda(), x))
    tolerance = subject.tolerance if subject.counts else NOTHING
    for one, (shown, other) in zip(found, wanted, strict=True):
        if not abs(one.value - other.value) <= tolerance:
            raise CheckFailed(
                f"{other.value:.9g} to {tolerance:g}, as on the CPU", f"{one.value:.9g}", f"{shown}: cuda"
            )


def _needs_cuda(subject: Subject) -> str:
    return "" if torch.cuda.is_available() else "there is no CUDA device here"


def check_inference_mode(subject: Subject) -> None:
    """It works where gradients are switched off, and where tensors remember none."""
    t, _, y = sample()
    wanted = subject.about_label(t, y)
    with torch.inference_mode():
        found = subject.about_label(torch.from_numpy(t.copy()) + 0, torch.from_numpy(y) + 0)
    subject.equal(found, wanted, "the value outside", f"with torch.inference_mode(): {call('t, y')}")
    with torch.no_grad():
        found = subject.about_label(t, y)
    subject.equal(found, wanted, "the value outside", f"with torch.no_grad(): {call('t, y')}")


def check_forms_of_labels(subject: Subject) -> None:
    """Names, other numbers, one-hot rows and columns are the same labels."""
    import pandas as pd

    t, _, y = sample()
    names = np.array(["a", "b", "c"])[y]
    forms: dict[str, Any] = {
        'numpy.array(["a", "b", "c"])[y]': names,
        "numpy.array([-7, -1, 3])[y]": np.array([-7, -1, 3])[y],
        "y[:, None]": y[:, None],
        "numpy.eye(3)[y]": np.eye(3)[y],
        "y.astype(float)": y.astype(float),
        "torch.from_numpy(y)": torch.from_numpy(y),
        "pandas.Series(names)": pd.Series(names),
    }
    wanted = subject.about_label(t, y)
    for form, given in forms.items():
        subject.equal(subject.about_label(t, given), wanted, "the value of whole numbers", call(f"t, {form}"))


def _number_or_error(subject: Subject, t: Tensor, x: Any, y: Any, shown: str) -> dict[str, Estimate]:
    """What the estimator makes of a hard sample, by information: numbers, or errors of ours, which are left out.

    The estimator is asked without the public function, which refuses some of these samples itself.
    """
    made = subject.copy()
    asked: dict[str, Callable[[Any], Estimate]] = {"i_ty": lambda t: made.about_label(t, label_variable(y), "nats")}
    if "i_xt" in made.informations:
        asked["i_xt"] = lambda t: made.about_input(t, input_variable(x), "nats")
    found = {}
    for name, ask in asked.items():
        try:
            with known_random():
                found[name] = ask(made.prepare(t.clone()))
        except InfoplaneError as error:
            if not str(error).strip():
                raise CheckFailed("an error with a message", repr(error), shown) from error
            continue
        if not math.isfinite(found[name].value):
            raise CheckFailed("a finite number, or an error of infoplane", f"{found[name].value} for {name}", shown)
    return found


def check_two_samples(subject: Subject) -> None:
    """The fewest samples: a number, or an error of infoplane."""
    _number_or_error(subject, torch.tensor([[0.0], [0.5]]), [0, 1], [0, 1], call("[[0.0], [0.5]], [0, 1]"))


def check_one_label(subject: Subject) -> None:
    """Nothing can be known of a label that never changes: no information, a flag, or an error of infoplane."""
    t, x, _ = sample()
    shown = "t, x, y = infoplane.testing.sample(); estimator.about_label(prepared, a label of one class)"
    y = np.zeros(len(t), dtype=np.int64)
    found = _number_or_error(subject, torch.from_numpy(t), x, y, shown)
    if "i_ty" in found and not doubts(found["i_ty"]):
        _nothing(found["i_ty"], shown)


def check_all_different(subject: Subject) -> None:
    """Every row, every input and every label another one: a number, or an error of infoplane."""
    t = torch.arange(-30, 31)[:, None] / 32
    shown = call("torch.arange(-30, 31)[:, None] / 32, range(61)")
    _number_or_error(subject, t, np.arange(61), np.arange(61), shown)


def check_constant_layer(subject: Subject) -> None:
    """A layer that never changes knows nothing."""
    _, x, y = sample()
    shown = call("numpy.full((160, 4), 0.25), y")
    for estimate in _number_or_error(subject, torch.full((len(y), 4), 0.25), x, y, shown).values():
        _nothing(estimate, shown)


def _nothing(estimate: Estimate, shown: str) -> None:
    if not abs(estimate.value) <= NOTHING:
        raise CheckFailed(f"0 nats to {NOTHING}", f"{estimate.value:.6g}", shown)


def check_repeated_and_constant_units(subject: Subject) -> None:
    """Units that repeat others, or never change, are no obstacle."""
    t, x, y = sample()
    wider = torch.from_numpy(np.hstack([t, t, np.full_like(t, 0.25)]))
    shown = call("numpy.hstack([t, t, numpy.full_like(t, 0.25)]), y")
    _number_or_error(subject, wider, x, y, shown)


def check_wide_layer(subject: Subject) -> None:
    """More units than samples: a number, or an error of infoplane."""
    t, x, y = sample(n=60, units=200)
    shown = call("t, y", given="t, x, y = infoplane.testing.sample(n=60, units=200)")
    _number_or_error(subject, torch.from_numpy(t), x, y, shown)


def check_extreme_values(subject: Subject) -> None:
    """Very large and very small activations: a number, or an error of infoplane."""
    t, x, y = sample()
    for scale in (1e30, 1e-30):
        _number_or_error(subject, torch.from_numpy(t) * scale, x, y, call(f"t * {scale:g}, y"))


def check_not_finite(subject: Subject) -> None:
    """Rows with NaN or infinity are an error that counts them, or are treated as the estimator's option says."""
    made = subject.estimator
    refuses = getattr(made, "nonfinite", "error") == "error"
    for value in (math.nan, math.inf, -math.inf):
        t, _, y = sample()
        t[[12, 40, 41], 1] = value
        shown = call("t, y", given=f"t, x, y = infoplane.testing.sample(); t[[12, 40, 41], 1] = {value}")
        try:
            found: object = subject.about_label(t, y)
        except NonFiniteError as error:
            found = error
        if refuses and not (isinstance(found, NonFiniteError) and "3 of 160 rows" in str(found)):
            raise CheckFailed("a NonFiniteError that says that 3 of 160 rows are bad", repr(found), shown)
        if not refuses and not (isinstance(found, Estimate) and math.isfinite(found.value)):
            raise CheckFailed("an estimate, as its option nonfinite says", repr(found), shown)


def check_bad_arguments(subject: Subject) -> None:
    """No samples, one sample, no units, one label, other lengths and unknown units are errors with a message."""
    t, _, y = sample()
    cases: dict[str, tuple[Any, Any]] = {
        "t[:0], y[:0]": (t[:0], y[:0]),
        "t[:1], y[:1]": (t[:1], y[:1]),
        "t[:, :0], y": (t[:, :0], y),
        "t, y[:-1]": (t, y[:-1]),
        "t, 0 * y": (t, 0 * y),
    }
    for arguments, (bad_t, bad_y) in cases.items():
        _refused(functools.partial(subject.about_label, bad_t, bad_y), InputError, call(arguments))
    units: Any = "bytes"
    _refused(functools.partial(subject.about_label, t, y, units), InfoplaneError, call("t, y", units))


def _refused(ask: Callable[[], Estimate], kind: type[InfoplaneError], shown: str) -> None:
    try:
        found: object = ask()
    except InfoplaneError as error:
        found = error
    if not (isinstance(found, kind) and str(found).strip()):
        raise CheckFailed(f"{kind.__name__} with a message", repr(found), shown)


CHECKS = (
    EstimatorCheck(check_half_precision),
    EstimatorCheck(check_double_precision),
    EstimatorCheck(check_forms_of_activations),
    EstimatorCheck(check_memory_layout),
    EstimatorCheck(check_devices, _needs_cuda),
    EstimatorCheck(check_inference_mode),
    EstimatorCheck(check_forms_of_labels),
    EstimatorCheck(check_two_samples),
    EstimatorCheck(check_one_label),
    EstimatorCheck(check_all_different),
    EstimatorCheck(check_constant_layer),
    EstimatorCheck(check_repeated_and_constant_units),
    EstimatorCheck(check_wide_layer),
    EstimatorCheck(check_extreme_values),
    EstimatorCheck(check_not_finite),
    EstimatorCheck(check_bad_arguments),
)
