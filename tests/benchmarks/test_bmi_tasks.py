"""The samplers of the forty continuous tasks: covariances exactly, maps by their inverses and by published rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import f as f_distribution
from scipy.stats import kstest, multivariate_t

from ..conftest import TESTS, load

bmi = load(TESTS.parent / "benchmarks" / "bmi_tasks.py")
TASKS = bmi.tasks()

# In nats; -1/2 log(1 - .75^2), -log(1 - .64), and the closed forms of the module.
TRUTHS = {
    "1v1-normal-0.75": 0.41333928659223396,
    "1v1-additive-0.1": 1.7094379663467407,
    "1v1-additive-0.75": 0.3333333333333333,
    "multinormal-dense-2-2-0.5": 0.2938933324510593,
    "multinormal-dense-3-3-0.5": 0.41333928659223407,
    "multinormal-dense-5-5-0.5": 0.5928118328288701,
    "multinormal-dense-25-25-0.5": 1.2921837216593204,
    "multinormal-dense-50-50-0.5": 1.6242653743036897,
    "multinormal-sparse-2-2-2-2.0": 1.0216512475319819,
    "student-identity-1-1-1": 0.22417142752923613,
    "student-identity-2-2-1": 0.43194562200144127,
    "student-identity-2-2-2": 0.1931471805599454,
    "student-identity-3-3-2": 0.29092192268276484,
    "student-identity-3-3-3": 0.17871185309236282,
    "student-identity-5-5-2": 0.44815067691532917,
    "student-identity-5-5-3": 0.29854362265275824,
}


class Unit:
    """In the place of a random generator: unit vectors, whose images show a linear map."""

    def standard_normal(self, shape):
        assert shape[0] == shape[1]
        return np.eye(shape[0])


def test_there_are_forty():
    assert len(TASKS) == 40
    assert set(TRUTHS) <= set(TASKS)


@pytest.mark.parametrize("name", TRUTHS)
def test_truths(name):
    assert TASKS[name].nats == pytest.approx(TRUTHS[name], abs=1e-7)


@pytest.mark.parametrize("name", TASKS)
def test_a_map_of_one_side_keeps_the_information(name):
    for base in ("1v1-normal-0.75", "multinormal-sparse-2-2-2-2.0"):
        if TASKS[name].covariance is not None and name.endswith(base[-8:]) and name != base:
            assert TASKS[name].nats == pytest.approx(TRUTHS[base], abs=1e-12)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_repeats_itself_and_has_its_shape(name):
    task = TASKS[name]
    x, y = task.sample(50, np.random.default_rng(3))
    assert x.shape == (50, task.dim_x)
    assert y.shape == (50, task.dim_y)
    again = task.sample(50, np.random.default_rng(3))
    assert np.array_equal(again[0], x)
    assert np.array_equal(again[1], y)


@pytest.mark.parametrize(
    "name", [name for name in TASKS if name.startswith("multinormal") or name == "1v1-normal-0.75"]
)
def test_covariances_are_exact(name):
    task = TASKS[name]
    both = np.hstack(task.sample(task.dim_x + task.dim_y, Unit()))
    assert np.allclose(both.T @ both, task.covariance, atol=1e-14)
    assert bmi.gaussian_nats(both.T @ both, task.dim_x) == pytest.approx(task.nats, abs=1e-12)


@pytest.mark.parametrize(("d", "freedom"), [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3)])
def test_student_parts_share_their_scale(d, freedom):
    """The squared length over the dimension has an F distribution; the truth agrees with scipy's entropies."""
    task = TASKS[f"student-identity-{d}-{d}-{freedom}"]
    both = np.hstack(task.sample(2000, np.random.default_rng(d)))
    length = (both**2).sum(1) / (2 * d)
    assert kstest(length, f_distribution(2 * d, freedom).cdf).pvalue > 1e-3
    one, two = (multivariate_t(np.zeros(k), np.eye(k), df=freedom).entropy() for k in (d, 2 * d))
    assert task.nats == pytest.approx(float(2 * one - two), abs=1e-9)


def test_additive_noise_is_uniform_and_apart_from_x():
    x, y = TASKS["1v1-additive-0.1"].sample(3000, np.random.default_rng(0))
    assert kstest(x[:, 0], "uniform").pvalue > 1e-3
    assert kstest((y - x)[:, 0], "uniform", (-0.1, 0.2)).pvalue > 1e-3
    assert abs(np.corrcoef(x[:, 0], (y - x)[:, 0])[0, 1]) < 4 / np.sqrt(3000)


def test_the_truth_of_additive_noise_by_quadrature():
    """I = h(Y) - log(2 noise) with Y's density a trapezoid."""
    for noise in (0.1, 0.75):
        y = np.linspace(-noise, 1 + noise, 400_001)
        density = np.clip((np.minimum(y + noise, 1) - np.maximum(y - noise, 0)) / (2 * noise), 0, None)
        entropy = -np.trapezoid(np.where(density > 0, density * np.log(np.maximum(density, 1e-300)), 0), y)
        assert bmi.additive_nats(noise) == pytest.approx(entropy - np.log(2 * noise), abs=1e-6)


def test_every_map_has_an_inverse():
    v = np.random.default_rng(0).normal(size=(200, 3))
    for first in (0, 1):
        assert np.allclose(bmi.spiral(first, -0.3)(bmi.spiral(first, 0.3)(v)), v, atol=1e-12)
    cubed = bmi.half_cube(v)
    assert np.allclose(np.sign(cubed) * np.abs(cubed) ** (2 / 3), v, atol=1e-12)
    assert np.allclose(ndtri(ndtr(v)), v, atol=1e-12)
    line = np.linspace(-8, 8, 100_001)
    assert (np.diff(bmi.wiggly_x(line)) > 0).all()
    assert (np.diff(bmi.wiggly_y(line)) > 0).all()
    x = np.linspace(0, 1, 101)[:, None]
    rolled = bmi.swiss_roll(x)
    assert np.allclose(np.linalg.norm(rolled, axis=1) * 21, 1.5 * np.pi * (1 + 2 * x[:, 0]), atol=1e-12)
    mixed = bmi.mixture_quantile(0.3, 0, 5)(v)
    assert np.allclose(0.3 * ndtr(mixed) + 0.7 * ndtr(mixed - 5), ndtr(v), atol=1e-12)


def test_maps_have_the_published_rows():
    """The first row of a sample before and after each map."""
    x, y = np.array([[-0.3721109926700592]]), np.array([[-0.10431099683046341]])
    pairs = [
        (ndtr(x), [[0.35490500926971436]]),
        (ndtr(y), [[0.4584609866142273]]),
        (bmi.mixture_quantile(0.3, 0, 5)(x), [[3.584821939468384]]),
        (bmi.mixture_quantile(0.5, -1, 3)(y), [[0.35819798707962036]]),
        (bmi.wiggly_x(x), [[-0.4291040003299713]]),
        (bmi.wiggly_y(y), [[-0.12902699410915375]]),
        (bmi.half_cube(x), [[-0.22699099779129028]]),
        (bmi.half_cube(y), [[-0.033688999712467194]]),
        (bmi.swiss_roll(ndtr(x)), [[-0.07746999710798264, 0.3757779896259308]]),
    ]
    x3 = np.array([[-0.2837109863758087, 0.9368159770965576, -1.005007028579712]])
    y3 = np.array([[0.6229320168495178, 1.3820509910583496, 0.9108129739761353]])
    pairs += [
        (bmi.spiral(0, 1 / 3)(x3), [[-0.7962660193443298, 0.5692780017852783, -1.005007028579712]]),
        (bmi.spiral(1, 1 / 3)(y3), [[0.6229320168495178, -0.09010300040245056, 1.6527329683303833]]),
        (bmi.spiral(0, 1 / 3)(ndtr(x3)), [[0.13989000022411346, 0.9015499949455261, 0.1574469953775406]]),
        (bmi.spiral(1, 1 / 3)(ndtr(y3)), [[0.7333359718322754, 0.19447599351406097, 1.2135200500488281]]),
    ]
    for made, published in pairs:
        assert np.allclose(made, published, atol=3e-6)
