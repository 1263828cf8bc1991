"""x and y as whole numbers: what counts as the same input or label, in every form; and what is refused."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pandas as pd
import pytest
import torch

from infoplane.errors import InputError
from infoplane.estimators import estimator
from infoplane.estimators.counting import samples
from infoplane.estimators.counting.samples import (
    Variable,
    as_array,
    check_classes,
    check_lengths,
    distinct_ids,
    input_ids,
    input_variable,
    label_ids,
    label_variable,
    looks_continuous,
    number,
)


def test_equal_inputs_have_equal_numbers():
    x = np.random.default_rng(0).integers(0, 2, size=(200, 6))
    expected = np.unique(x, axis=0, return_inverse=True)[1].ravel()
    for form in (x, x.astype(np.float32), x.astype(bool), x.reshape(200, 2, 3), torch.from_numpy(x), pd.DataFrame(x)):
        ids = input_ids(form)
        pairs = set(zip(ids.ids.tolist(), expected.tolist(), strict=True))
        assert len(pairs) == ids.count == len(set(expected))
        assert ids.n == 200
        assert torch.equal(ids.ids.bincount(), ids.counts)


def test_inputs_are_compared_exactly():
    x = np.array([[0.0], [-0.0], [1.0], [np.nextafter(1.0, 2)], [5e-324]])
    assert input_ids(x).counts.tolist() == [2, 1, 1, 1] or sorted(input_ids(x).counts.tolist()) == [1, 1, 1, 2]
    assert input_ids(x.astype(np.float32)).count == 2  # 1 and the number after it are one float32
    assert input_ids(np.array([2**53, 2**53 + 1])).count == 2
    assert input_ids(torch.randn(5000, 700, generator=torch.Generator().manual_seed(1))).count == 5000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8, torch.int32])
def test_inputs_of_every_type(dtype):
    assert input_ids(torch.tensor([[0, 1], [1, 0], [0, 1]]).to(dtype)).count == 2


@pytest.mark.parametrize(
    "y",
    [
        [0, 2, 1, 2],
        [[0], [2], [1], [2]],
        [-1.0, 1.0, 0.0, 1.0],
        ["cat", "owl", "dog", "owl"],
        [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]],
        [[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0], [0, 0, 1.0]],
        np.array(["cat", "owl", "dog", "owl"], dtype=object),
        torch.tensor([10, 30, 20, 30]),
        torch.tensor([0.0, 1.0, 0.5, 1.0], dtype=torch.bfloat16),
        pd.Series([0, 2, 1, 2]),
        pd.Series(["cat", "owl", "dog", "owl"]),
        pd.Series(["cat", "owl", "dog", "owl"], dtype="category"),
        pd.get_dummies(pd.Series(["cat", "owl", "dog", "owl"])),
    ],
    ids=lambda y: type(y).__name__,
)
def test_labels_in_every_form(y):
    ids = label_ids(y)
    first = ids.ids.tolist()
    assert len(set(first)) == 3 == ids.count
    assert first[1] == first[3]
    assert sorted(ids.counts.tolist()) == [1, 1, 2]


def test_truth_values_are_two_classes():
    assert label_ids(np.array([True, False, True])).counts.tolist() == [1, 2]


def test_whole_numbers_are_classes_however_many():
    assert label_ids(np.arange(1000)).count == 1000
    assert label_ids(np.arange(1000.0)).count == 1000
    assert label_ids(np.repeat(np.arange(50) / 7, 2)).count == 50


def test_a_continuous_label_is_refused_or_cut_into_equal_shares():
    y = np.random.default_rng(1).normal(size=1000)
    with pytest.raises(InputError, match=r"Y looks continuous \(1000 distinct values\); pass y_bins="):
        label_ids(y)
    assert label_ids(y, bins=10).counts.tolist() == [100] * 10
    order = np.argsort(y)
    assert label_ids(y, bins=4).ids[order].tolist() == [0] * 250 + [1] * 250 + [2] * 250 + [3] * 250
    assert label_ids(np.arange(100), bins=5).counts.tolist() == [20] * 5


@pytest.mark.parametrize(
    ("y", "bins", "message"),
    [
        ([], None, r"y has shape \(0,\): it needs one label per sample"),
        (3, None, r"y has shape \(\)"),
        (np.zeros((4, 0)), None, r"y has shape \(4, 0\)"),
        ([0.5, math.nan, 1.0], None, r"y has no label in 1 of 3 samples \(first at row 1; None, NaN, NA or masked\)"),
        ([0.5, math.inf, 1.0], None, r"y holds infinity \(first at row 1\): remove these samples"),
        (
            [[1, 1], [0, 1]],
            None,
            r"y has shape \(2, 2\) but its rows are not one-hot: pass class numbers of shape",
        ),
        ([["a", "b"], ["b", "a"]], None, r"not one-hot"),
        ([0.2, 0.4], 1, r"y_bins=1: it must be a whole number of at least 2, for example y_bins=10"),
        ([0.2, 0.4], 2.5, r"y_bins=2\.5"),
        ([0.2, 0.4], True, r"y_bins=True"),
        (["a", "b"], 2, r"y_bins=2 cuts numbers, and y holds <U1: leave y_bins out"),
    ],
)
def test_labels_that_are_refused(y, bins, message):
    with pytest.raises(InputError, match=message):
        label_ids(y, bins=bins)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([], r"x has shape \(0,\): it needs one row per sample"),
        (np.zeros((0, 3)), r"x has shape \(0, 3\)"),
        (2.0, r"x has shape \(\)"),
        ([["a"], ["b"]], r"x holds <U1, not numbers: encode it first"),
        (np.array([1j, 2]), r"x holds complex128"),
    ],
)
def test_inputs_that_are_refused(x, message):
    with pytest.raises(InputError, match=message):
        input_ids(x)


def test_lengths_are_named():
    with pytest.raises(InputError, match=r"t has 3 samples, y has 4 samples: they must describe the same samples"):
        check_lengths(t=3, y=4)
    with pytest.raises(InputError, match=r"1 sample\(s\): information needs at least 2"):
        check_lengths(t=1, y=1)
    check_lengths(t=2, y=2)


def test_one_class_is_refused():
    with pytest.raises(InputError, match=r"all samples have the same label in 'parity': I\(T;Y\) needs at least two"):
        check_classes(label_ids([3, 3, 3]), "parity")
    check_classes(label_ids([3, 4, 3]))


def test_ids_know_their_entropy_and_samples():
    ids = number(torch.tensor([5, 5, 9, -1]))
    assert ids.ids.tolist() == [1, 1, 2, 0]
    assert ids.counts.tolist() == [1, 2, 1]
    assert ids.entropy() == pytest.approx(1.5 * math.log(2), abs=1e-15)
    assert ids.entropy(times=7) == pytest.approx(ids.entropy(), abs=1e-12)
    assert ids.entropy("miller-madow", times=7) == pytest.approx(ids.entropy() + 2 / 56, abs=1e-12)
    kept = ids.take(torch.tensor([True, False, False, True]))
    assert kept.ids.tolist() == [1, 0]
    assert ids.to(torch.device("cpu")) is ids
    assert distinct_ids(4).ids.tolist() == [0, 1, 2, 3]
    assert distinct_ids(4).entropy() == pytest.approx(math.log(4), abs=1e-15)


def test_arrays_of_everything():
    assert as_array([1, 2]).tolist() == [1, 2]
    assert as_array(torch.tensor([0.5], dtype=torch.bfloat16, requires_grad=True)).dtype == np.float32
    for awkward in (np.arange(4)[::-1], np.frombuffer(b"abcd", dtype=np.uint8)):
        array = as_array(awkward)
        assert array.tolist() == awkward.tolist()
        assert array.flags.writeable
        assert min(array.strides) > 0


# ---------------------------------------------------------------- variables: classes, numbers, or both


def test_an_input_is_numbered_and_kept_as_numbers():
    x = np.array([[0, 1], [1, 0], [0, 1]])
    variable = input_variable(x)
    assert variable.n == 3
    assert torch.equal(variable.classes().ids, input_ids(x).ids)
    assert variable.values().dtype == torch.float32
    assert variable.values().tolist() == x.tolist()
    assert input_variable(torch.zeros(4, 2, 3, dtype=torch.float64)).values().shape == (4, 6)
    kept = variable.take(torch.tensor([True, False, True]))
    assert kept.classes().counts.tolist() == [2]
    assert kept.values().tolist() == [[0, 1], [0, 1]]
    assert variable.to(torch.device("cpu")).n == 3


def test_a_label_of_classes_has_one_hot_values():
    variable = label_variable(["b", "a", "b"])
    assert variable.n == 3
    assert variable.values().tolist() == [[0, 1], [1, 0], [0, 1]]
    assert variable.take(torch.tensor([True, False, True])).values().tolist() == [[1], [1]]


def test_a_continuous_label_is_kept_where_it_is_taken():
    y = np.random.default_rng(2).normal(size=200)
    variable = label_variable(y, continuous=True)
    assert variable.n == 200
    assert variable.values().shape == (200, 1)
    with pytest.raises(InputError, match=r"continuous: this estimator needs classes, cut it with y_bins="):
        variable.classes()
    assert label_variable(y, bins=4, continuous=True).classes().counts.tolist() == [50] * 4
    with pytest.raises(InputError, match="Y looks continuous"):
        label_variable(y)
    y[3] = math.inf
    with pytest.raises(InputError, match="y holds infinity"):
        label_variable(y, continuous=True)


@pytest.mark.parametrize(
    ("y", "continuous"),
    [
        (np.arange(100) / 7, True),
        (np.arange(50) / 7, True),
        (np.repeat(np.arange(50) / 7, 2), False),
        ([0.0, 1.0, 0.5, 1.0], False),
        (np.arange(1000.0), False),
        (np.arange(1000), False),
        (np.eye(3), False),
        (np.array([[0.1, 0.9], [0.5, 0.5]]), True),
        (["a", "b"], False),
        ([], False),
    ],
    ids=str,
)
def test_what_looks_continuous(y, continuous):
    assert looks_continuous(y) is continuous


DERIVING = [
    ("gaussian", {}), ("gaussian-copula", {}), ("compressed", {}), ("compressed", {"method": "cca"}),
    ("compressed", {"inner": "mixed-ksg"}), ("ksg", {}), ("mixed-ksg", {}), ("renyi", {}), ("renyi", {"alpha": 2}),
    ("edge", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), DERIVING)
def test_the_second_layer_finds_the_work_on_the_input_done(name, options, monkeypatch):
    random = torch.Generator().manual_seed(0)
    x = torch.randn(150, 12, generator=random)
    layers = [torch.tanh(x @ torch.randn(12, units, generator=random)) for units in (5, 9)]
    made, shared, read = estimator(name, **options), input_variable(x), []
    values = Variable.values
    monkeypatch.setattr(Variable, "values", lambda self: (self is shared and read.append(1)) or values(self))
    found, reads = [], []
    for t in layers:
        found.append(made.about_input(made.prepare(t), shared))
        reads.append(len(read))
        read.clear()
    assert reads[0] > 0
    assert reads[1] == 0
    assert found == [made.about_input(made.prepare(t), input_variable(x)) for t in layers]
    labels = label_variable(x[:, :2], continuous=True)
    twice = [made.about_label(made.prepare(layers[0]), labels) for _ in range(2)]
    assert twice == [made.about_label(made.prepare(layers[0]), label_variable(x[:, :2], continuous=True))] * 2


def test_estimators_of_one_input_do_not_mix_up_what_they_keep():
    random = torch.Generator().manual_seed(1)
    x = torch.randn(120, 9, generator=random)
    t, shared = x[:, :4] + torch.randn(120, 4, generator=random), input_variable(x)
    options = [
        *DERIVING,
        ("ksg", {"standardise": False}),
        ("ksg", {"jitter": 0.1}),
        ("mixed-ksg", {"standardise": False}),
    ]
    options += [
        ("renyi", {"kernel": "cosine"}),
        ("renyi", {"kernel_width": "median"}),
        ("compressed", {"dimensions": 2}),
    ]
    for name, given in options:
        made = estimator(name, **given)
        assert made.about_input(made.prepare(t), shared) == made.about_input(made.prepare(t), input_variable(x))


def test_what_is_derived_is_kept_as_long_as_the_variable_and_within_the_limit(monkeypatch):
    variable, calls = input_variable(np.arange(4.0)), []

    def compute():
        calls.append(1)
        return torch.zeros(100), (torch.ones(20),)

    first = variable.derived("a", compute)
    assert variable.derived("a", compute) is first
    assert variable.derived("b", compute) is not first
    assert len(calls) == 2
    assert variable.to(torch.device("cpu")) is variable
    assert not variable.take(torch.arange(2))._kept
    monkeypatch.setattr(samples, "MOST_KEPT", 3 * 480 - 1)
    assert variable.derived("c", compute) is not variable.derived("c", compute)
    monkeypatch.setattr(samples, "MOST_KEPT", 2 * 480)
    assert variable.derived("part", lambda kept=first: kept[0][:50]) is variable.derived("part", compute)
    freed = weakref.ref(first[0])
    del first, variable
    gc.collect()
    assert freed() is None
