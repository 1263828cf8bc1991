"""Unit truths of the matrix-based Renyi entropy, and a slow twin that forms every matrix."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import renyi
from infoplane.estimators.counting.samples import Variable, distinct_ids, input_variable, label_ids
from infoplane.estimators.renyi import (
    Renyi,
    class_blocks,
    class_eigenvalues,
    class_squares,
    cosine_kernel,
    renyi_entropy,
)


def normal(n, units, seed=0):
    return torch.randn((n, units), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def entropy_of(matrix, alpha):
    """By numpy, from a matrix whose trace is 1."""
    shares = np.linalg.eigvalsh(matrix)
    shares = shares[shares > 1e-13]
    if alpha == 1:
        return -(shares * np.log(shares)).sum()
    return np.log((shares**alpha).sum()) / (1 - alpha)


def slow(t, y, width, alpha):
    """S(A) + S(B) - S(A, B) in nats with all three matrices formed; y are classes."""
    squares = ((t[:, None] - t[None]) ** 2).sum(-1)
    a, b = np.exp(-squares / (2 * width**2)), (y[:, None] == y[None]).astype(float)
    return sum(sign * entropy_of(k / len(t), alpha) for sign, k in ((1, a), (1, b), (-1, a * b)))


@settings(max_examples=60)
@given(
    st.integers(0, 10_000), st.integers(2, 50), st.integers(1, 12), st.sampled_from([0.6, 1, 1.01, 2, 5.5]),
    st.sampled_from([0.1, 1.0, 8.0]),
)  # fmt: skip
def test_the_value_is_that_of_the_whole_matrices(seed, n, classes, alpha, width):
    rng = np.random.default_rng(seed)
    t, y = rng.normal(size=(n, 3)), rng.integers(classes, size=n)
    made = Renyi(alpha=alpha, kernel_width=width, null=0)
    found = made.about_label(made.prepare(torch.from_numpy(t)), Variable(label_ids(y)), "nats")
    assert found.value == pytest.approx(slow(t, y, width, alpha), abs=1e-6 if alpha < 1 else 1e-8)


@pytest.mark.parametrize("kernel", ["gaussian", "cosine"])
def test_order_two_needs_no_eigenvalues(kernel):
    """Of a layer, with numbers and with classes of several sizes: the limit of the eigenvalues' order."""
    t, x, y = normal(150, 5), normal(150, 2, seed=1), label_ids(np.arange(150) ** 2 % 7)
    by_entries, by_eigenvalues = (Renyi(alpha=alpha, kernel=kernel, null=1) for alpha in (2, 2 + 1e-12))
    for variable in (Variable(None, x), Variable(y)):
        found, expected = (made.about_label(made.prepare(t), variable) for made in (by_entries, by_eigenvalues))
        for name in ("h_t", "h_y", "joint", "null"):
            assert found.details[name] == pytest.approx(expected.details[name], abs=1e-9)


@pytest.mark.parametrize("rule", ["silverman", "median"])
@pytest.mark.parametrize("rows", [[0.1] * 7, [[1e200, 3e-7]] * 3, [[5.0]]])
def test_the_width_of_rows_that_are_alike_is_one(rule, rows):
    t = torch.tensor(rows, dtype=torch.float64).reshape(len(rows), -1)
    prepared = Renyi(kernel_width=rule).prepare(t)
    assert prepared.width == 1
    assert bool((prepared.kernel == 1).all())


@pytest.mark.parametrize("alpha", [0.5, 1, 1.01, 2])
@pytest.mark.parametrize("kernel", ["gaussian", "cosine"])
def test_equal_rows_have_no_entropy(kernel, alpha):
    t = torch.full((90, 7), 0.3)
    assert Renyi(alpha=alpha, kernel=kernel).prepare(t).entropy == pytest.approx(0, abs=1e-12)
    assert Renyi(alpha=alpha, kernel=kernel).prepare(0 * t).entropy == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("alpha", [0.5, 1, 1.01, 2])
@pytest.mark.parametrize("options", [{"kernel": "cosine"}, {"kernel_width": 0.05}])
def test_orthonormal_rows_have_all_of_it(options, alpha):
    t = torch.linalg.qr(normal(60, 60)).Q
    assert Renyi(alpha=alpha, **options).prepare(t).entropy == pytest.approx(math.log(60), abs=1e-10)


@pytest.mark.parametrize("alpha", [0.5, 1, 1.01, 2])
def test_isotropic_rows_of_rank_r_have_log_r(alpha):
    """Plus and minus each of r orthonormal directions: a Gram matrix with negative entries and r equal eigenvalues."""
    basis = torch.linalg.qr(normal(40, 8)).Q.T
    t = torch.cat([basis, -basis]).repeat(9, 1)
    assert Renyi(alpha=alpha, kernel="cosine").prepare(t).entropy == pytest.approx(math.log(8), abs=1e-6)


def test_a_cloud_of_rank_eight_has_three_bits():
    """Entries of the Gram matrix that are set to zero where negative would make them six."""
    t = normal(512, 8) @ torch.linalg.qr(normal(64, 8, seed=1)).Q.T
    assert Renyi(kernel="cosine").prepare(t).entropy / math.log(2) == pytest.approx(2.99, abs=0.01)


def test_independent_samples_look_as_if_they_knew_each_other_and_the_null_tells():
    t, y = normal(512, 64), normal(512, 64, seed=1)
    options = {"estimator": "renyi", "kernel_width": 8.0}
    independent, itself = (ip.mutual_information(t, other, **options) for other in (y, t))
    assert independent.value == pytest.approx(3.6, abs=0.1)
    assert itself.value == pytest.approx(3.8, abs=0.1)
    assert independent.details["null"] == pytest.approx(independent.value, abs=0.02)
    assert "null-exceeds-half" in independent.flags


def test_a_label_that_is_known_stands_above_its_null():
    y = np.arange(200) % 2
    t = 3.0 * y[:, None] + 0.1 * np.random.default_rng(0).normal(size=(200, 1))
    found = ip.mutual_information(t, y, estimator="renyi", kernel_width=1.0)
    assert found.value == pytest.approx(1, abs=0.05)
    assert found.details["null"] < 0.05
    assert found.flags == ("amber",)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40))
def test_the_blocks_of_classes_hold_all_eigenvalues(seed, n, classes):
    rng = np.random.default_rng(seed)
    labels = label_ids(rng.integers(classes, size=n))
    kernel = cosine_kernel(torch.from_numpy(rng.normal(size=(n, 3))))
    masked = kernel * (labels.ids[:, None] == labels.ids[None]) / n
    found = class_eigenvalues(kernel, labels).sort().values
    assert found.numpy() == pytest.approx(torch.linalg.eigvalsh(masked).numpy(), abs=1e-12)
    assert class_squares(kernel, labels) == pytest.approx(float((n * masked).square().sum()), rel=1e-12)
    assert sum(len(blocks.flatten()) for blocks in class_blocks(kernel, labels)) == int(labels.counts.square().sum())


def test_entropy_is_that_of_the_shares():
    shares = torch.tensor([0.5, 0.25, 0.25, 0.0, -1e-18], dtype=torch.float64)
    assert renyi_entropy(shares, 1) == pytest.approx(1.5 * math.log(2), rel=1e-14)
    assert renyi_entropy(shares, 2) == pytest.approx(-math.log(0.375), rel=1e-14)
    assert renyi_entropy(shares, 0.5) == pytest.approx(2 * math.log(math.sqrt(0.5) + 1), rel=1e-14)
    assert renyi_entropy(shares, 1 + 1e-7) == pytest.approx(renyi_entropy(shares, 1), abs=1e-6)


def test_the_information_of_two_variables_is_symmetric():
    a, b = normal(80, 2), normal(80, 3, seed=1)
    made = Renyi(null=0)
    ab = made.about_label(made.prepare(a), Variable(None, b)).value
    assert made.about_label(made.prepare(b), Variable(None, a)).value == pytest.approx(ab, abs=1e-10)


def test_the_width_follows_its_rule():
    t = normal(300, 4) * torch.tensor([1.0, 2.0, 3.0, 4.0])
    silverman, median = Renyi().prepare(t).width, Renyi(kernel_width="median").prepare(t).width
    assert silverman == pytest.approx(math.sqrt(float(t.var(0, correction=0).sum())) * 300 ** (-1 / 8), rel=1e-12)
    assert median == pytest.approx(float(torch.pdist(t).median()) / math.sqrt(2), rel=1e-9)
    for rule in ("silverman", "median"):
        assert Renyi(kernel_width=rule).prepare(1000 * t).entropy == pytest.approx(
            Renyi(kernel_width=rule).prepare(t).entropy, abs=1e-9
        )
    assert "silverman width" in Renyi().measurement
    assert "width 0.5" in Renyi(kernel_width=0.5).measurement


def test_inputs_are_numbers_where_they_are_given_and_classes_otherwise():
    x = normal(60, 5)
    made = Renyi(null=2)
    prepared = made.prepare(torch.tanh(x[:, :2]))
    by_value, by_class = (made.about_input(prepared, v) for v in (input_variable(x), Variable(distinct_ids(60))))
    assert by_class.value == pytest.approx(by_class.details["h_t"], abs=1e-10)
    assert by_class.details["null"] is None
    assert by_value.details["null"] < by_value.value < by_class.value


def test_cosines_of_zero_rows():
    kernel = cosine_kernel(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [-1.5, -2.0]]))
    expected = [[1, 0, 1, 0], [0, 1, 0, -1], [1, 0, 1, 0], [0, -1, 0, 1]]
    assert kernel.numpy() == pytest.approx(np.array(expected), abs=1e-15)
    found = ip.mutual_information([[0.0], [1.0], [0.0], [1.0]], [0, 1, 0, 1], estimator="renyi", kernel="cosine")
    assert "zero-rows" in found.flags
    assert found.value == pytest.approx(1, abs=1e-10)


def test_options_are_checked_and_cloned():
    for wrong in ({"alpha": 0}, {"alpha": math.inf}, {"kernel_width": -1.0}, {"kernel_width": math.nan}, {"null": -1}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} must be"):
            Renyi(**wrong)
    with pytest.raises(UnknownNameError, match="did you mean 'median'"):
        Renyi(kernel_width="medain")
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        Renyi(kernel="cosinus")
    options = {"alpha": 2, "kernel_width": "median", "kernel": "cosine", "null": 0, "seed": 5}
    assert clone(Renyi(**options)).get_params() == options


def test_too_many_samples_say_how_many_can_be(monkeypatch):
    monkeypatch.setattr(renyi, "_MOST_SAMPLES", 50)
    with pytest.raises(InputError, match=r"51 x 51 matrix .* pass at most 50 samples"):
        Renyi().prepare(normal(51, 2))


def test_a_seed_gives_the_same_null_and_leaves_the_global_random_state():
    before = torch.random.get_rng_state()
    t, y = normal(50, 2), np.arange(50) % 3
    first, again, other = (ip.mutual_information(t, y, estimator=Renyi(seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first.details["null"] != other.details["null"]
    assert first.value == other.value
    assert torch.equal(torch.random.get_rng_state(), before)
