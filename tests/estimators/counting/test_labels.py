"""Labels as people hold them: equal numbers whatever the container, missing ones counted, kinds declared or refused."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

import infoplane as ip
from infoplane.errors import InputError
from infoplane.estimators.counting.labels import (
    Declared,
    are_plain_classes,
    has_fractions,
    is_one_hot,
    most_plain_classes,
    need_all,
    read_labels,
    rows_with_labels,
)
from infoplane.estimators.counting.samples import label_ids, label_variable

RANDOM = np.random.default_rng(0)
N = 400
T = RANDOM.normal(size=(N, 2))
NUMBERS = T[:, 0] + 0.5 * RANDOM.normal(size=N)
NAMES = np.where(T[:, 0] > 0, "dog", "cat")
GONE = np.arange(N) % 10 == 3


def with_gaps(values, empty):
    return [empty if gone else value for value, gone in zip(values, GONE, strict=True)]


MISSING = {
    "None in texts": np.array(with_gaps(NAMES, None), dtype=object),
    "NaN in texts": np.array(with_gaps(NAMES, math.nan), dtype=object),
    "list": with_gaps(list(NAMES), None),
    "list with NaN": with_gaps(list(NAMES), math.nan),
    "series": pd.Series(with_gaps(NAMES, None)),
    "category": pd.Series(with_gaps(NAMES, None)).astype("category"),
    "string": pd.Series(with_gaps(NAMES, None)).astype("string"),
    "boolean": pd.Series(with_gaps(NAMES == "dog", None)).astype("boolean"),
    "Int64": pd.Series(with_gaps((NAMES == "dog").astype(int), None)).astype("Int64"),
    "frame": pd.DataFrame({"y": with_gaps(NAMES, None)}),
    "float": np.where(GONE, math.nan, NAMES == "dog"),
    "tensor": torch.from_numpy(np.where(GONE, math.nan, NAMES == "dog")),
    "masked": np.ma.masked_array(NAMES == "dog", mask=GONE),
    "masked texts": np.ma.masked_array(NAMES, mask=GONE),
}


@pytest.mark.parametrize("name", MISSING)
def test_what_is_missing_is_counted_or_dropped_in_every_container(name):
    with pytest.raises(InputError, match=r"y has no label in 40 of 400 samples \(first at row 3;.*missing='drop'"):
        ip.mutual_information(T, MISSING[name], bins=4)
    estimate = ip.mutual_information(T, MISSING[name], bins=4, missing="drop")
    assert estimate.value == ip.mutual_information(T[~GONE], NAMES[~GONE], bins=4).value
    assert estimate.n == 360
    row = ip.compare(T, MISSING[name], estimators="binned", missing="drop").rows[0]
    assert row.n == 360


@pytest.mark.parametrize(
    "column",
    [NUMBERS.astype(object), pd.DataFrame({"name": NAMES, "y": NUMBERS}).values[:, 1], list(map(Decimal, NUMBERS))],
    ids=["object", "of a mixed frame", "Decimal"],
)
def test_python_objects_that_are_numbers_are_numbers(column):
    for estimator in ("gaussian", "ksg"):
        expected = ip.mutual_information(T, NUMBERS, estimator=estimator).value
        assert ip.mutual_information(T, column, estimator=estimator).value == expected
    with pytest.raises(InputError, match=r"Y looks continuous \(400 distinct values\)"):
        ip.mutual_information(T, column)


def test_whole_numbers_that_are_declared_continuous_are_numbers():
    cents = np.round(100 * NUMBERS).astype(int)
    for estimator in ("gaussian", "ksg"):
        price = ip.mutual_information(T, NUMBERS, estimator=estimator)
        declared = ip.mutual_information(T, cents, estimator=estimator, continuous="y")
        assert declared.value == pytest.approx(price.value, abs=0.03)
        assert declared.details["label"] == "numbers, declared"
        guessed = ip.mutual_information(T, cents, estimator=estimator)
        assert "guessed-classes" in guessed.flags
        assert "guessed from numbers: continuous='y' to override" in guessed.details["label"]
        assert "guessed-classes" not in ip.mutual_information(T, cents, estimator=estimator, discrete="y").flags
    assert ip.mutual_information(T, cents, continuous="y", y_bins=4, bins=3).details["h_y"] == pytest.approx(2)
    with pytest.raises(InputError, match="y is declared continuous; pass y_bins="):
        ip.mutual_information(T, cents, continuous="y")


def test_fifty_samples_of_a_continuous_label_are_no_fifty_classes():
    """The value was log 50 at 50 samples, and right at 51."""
    t = RANDOM.normal(size=50)
    y = 0.8 * t + 0.6 * RANDOM.normal(size=50)
    assert ip.mutual_information(t, y, estimator="gaussian", units="nats").value < 1.0


def test_several_targets_are_read_alike_whatever_their_type():
    targets = RANDOM.normal(size=(N, 3)) > 0
    for several in (targets.astype(int), targets.astype(float), targets):
        with pytest.raises(InputError, match=r"not one-hot.*discrete='y'.*continuous='y'"):
            ip.mutual_information(T, several, estimator="gaussian")
        joint = ip.mutual_information(T, several, bins=2, discrete="y")
        assert joint.details["h_y"] == pytest.approx(label_ids(targets @ [4, 2, 1]).entropy() / math.log(2))
        apart = ip.mutual_information(T, several, estimator="gaussian", continuous="y").value
        assert apart == ip.mutual_information(T, targets.astype(float), estimator="gaussian", continuous="y").value


def test_equal_rows_of_t_may_be_classes():
    """I(T;Y) = I(Y;T): with a continuous y the two change places, with classes both are counted."""
    classes = RANDOM.integers(0, 3, N)
    numbers = classes + 0.5 * RANDOM.normal(size=N)
    for estimator in ("gaussian", "gaussian-copula", "ksg", "mixed-ksg"):
        turned = ip.mutual_information(numbers, classes, estimator=estimator).value
        assert ip.mutual_information(np.array(list("abc"))[classes], numbers, estimator=estimator, discrete="t").value \
            == turned  # fmt: skip
    both = ip.mutual_information(list(map(str, classes)), classes > 0, discrete=["t", "y"])
    assert both.value == pytest.approx(both.details["h_y"])
    with pytest.raises(InputError, match="leave one of them out"):
        ip.mutual_information(classes, classes > 0, discrete="t", bins=5)
    with pytest.raises(InputError, match="kde needs numbers"):
        ip.mutual_information(classes, classes > 0, discrete="t", estimator="kde")
    rows = ip.compare(classes, numbers, discrete="t", estimators=["ksg", "kde"]).rows
    assert rows[0].i_ty == ip.mutual_information(numbers, classes, estimator="ksg").value
    assert "kde needs numbers" in rows[1].note


def test_dates_and_numbers_as_texts_are_not_guessed_at():
    days = np.datetime64("2020-01-01") + (1000 * NUMBERS).astype("m8[h]")
    stamps = [datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=int(1000 * y)) for y in NUMBERS]
    for dates in (days, stamps, pd.Series(days), pd.Series(days).dt.tz_localize("UTC")):
        with pytest.raises(InputError, match=r"y holds dates or times: declare continuous='y'.*discrete='y'"):
            ip.mutual_information(T, dates, estimator="gaussian")
        hours = (1000 * NUMBERS).astype(int).astype(float)
        assert ip.mutual_information(T, dates, estimator="gaussian", continuous="y").value == pytest.approx(
            ip.mutual_information(T, hours, estimator="gaussian", continuous="y").value, abs=1e-9
        )
    texts = NUMBERS.astype(str)
    with pytest.raises(InputError, match="y holds numbers as texts, such as"):
        ip.mutual_information(T, texts)
    assert label_variable(read_labels(texts, declared=Declared.of("y", continuous="y")), continuous=True).ids is None
    assert label_ids(["0", "1", "0"]).count == 2


def test_the_number_that_losses_ignore():
    y = np.where(GONE, -100, NAMES == "dog")
    with pytest.raises(InputError, match=r"y holds -100 in 40 of 400 places.*ignore_index=-100"):
        ip.mutual_information(T, y, bins=4)
    estimate = ip.mutual_information(T, y, bins=4, ignore_index=-100, groups=np.arange(N) // 2)
    assert estimate.value == ip.mutual_information(T[~GONE], NAMES[~GONE], bins=4).value
    assert ip.mutual_information(T, y, bins=4, discrete="y").details["label"] == "3 classes"
    assert label_ids(np.array([-100, -50, 3])).count == 3  # other numbers below zero: -100 is nothing special


def test_masked_activations_are_missing_ones():
    masked = np.ma.masked_array(np.where(GONE[:, None], 99.0, T), mask=np.repeat(GONE[:, None], 2, axis=1))
    with pytest.raises(ip.errors.NonFiniteError, match="40 of 400 rows"):
        ip.mutual_information(masked, NAMES, bins=4)
    dropped = ip.mutual_information(masked, NAMES, bins=4, nonfinite="drop-row")
    assert dropped.value == ip.mutual_information(T[~GONE], NAMES[~GONE], bins=4).value


def test_frames_of_nullable_numbers_and_truth_values_are_activations():
    expected = ip.mutual_information(T, NAMES, bins=4).value
    frame = pd.DataFrame(T, columns=["a", "b"])
    assert ip.mutual_information(frame.astype("Float64"), NAMES, bins=4).value == expected
    mixed = frame.assign(c=NAMES == "dog")
    assert (
        ip.mutual_information(mixed, NAMES, estimator="kde").value
        == ip.mutual_information(np.c_[T, NAMES == "dog"], NAMES, estimator="kde").value
    )
    with pytest.raises(InputError, match=r"t holds .*\(column 'c'\): encode it first"):
        ip.mutual_information(frame.assign(c=NAMES), NAMES)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"discrete": "z"}, r"unknown variable in discrete= 'z'"),
        ({"continuous": "y", "discrete": ["t", "y"]}, "'y' cannot be both"),
        ({"continuous": True}, "continuous=True: it must be the name of a variable"),
        ({"missing": "skip"}, "unknown missing= 'skip'"),
        ({"ignore_index": "none"}, "ignore_index='none': it must be a whole number"),
    ],
)
def test_declarations_that_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        ip.mutual_information(T, NAMES, **given)


def test_too_few_labels_are_left():
    with pytest.raises(InputError, match="1 of 3 samples have a label in 'y': at least 2"):
        ip.mutual_information([0.0, 1.0, 2.0], ["a", None, None], missing="drop")
    several = [read_labels(["a", None, "b"], "a"), read_labels([1, 2, None], "b")]
    assert rows_with_labels(several[:1], Declared(missing="drop")).tolist() == [True, False, True]
    with pytest.raises(InputError, match="b has no label in 1 of 3"):
        need_all([several[1]])


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        (np.arange(100).repeat(3), True),  # all of 0 ... K-1
        (np.arange(1, 101).repeat(3), True),
        (np.arange(18, 90).repeat(5), False),  # ages
        (np.round(1000 * NUMBERS).astype(int), False),  # cents
        (np.arange(10) * 100, True),  # few
        (np.array(["a", "b"]), True),
        (RANDOM.poisson(5, N), True),
        (RANDOM.poisson(5000, N), False),
    ],
    ids=["classes", "from one", "ages", "cents", "few", "names", "small counts", "large counts"],
)
def test_which_whole_numbers_are_plainly_classes(values, plain):
    assert are_plain_classes(values) is plain


def test_small_judgements():
    assert is_one_hot(np.eye(3))
    assert not is_one_hot(np.ones((2, 2)))
    assert has_fractions(np.array([0.5]))
    assert not has_fractions(np.array([1.0, -3.0]))
    assert [most_plain_classes(n) for n in (4, 60, 1000)] == [10, 30, 50]
    with pytest.raises(InputError, match="rows of different lengths"):
        read_labels([[1, 2], [3]])
    with pytest.raises(InputError, match="objects of type list"):
        read_labels(np.array([None, [1]], dtype=object))
