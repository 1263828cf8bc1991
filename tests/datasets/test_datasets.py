"""The registry: every name loads reproducibly, and what is wrong with a call is said."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from infoplane import datasets
from infoplane.errors import InputError, UnknownNameError

GENERATED = ["report-simple", "report-complicated", "szt", "digits"]  # those that need no file
DRAWN = {"report-simple": {}, "report-complicated": {}, "digits": {"samples": 500}}  # those where a seed matters


def test_no_name_goes_away():
    assert set(datasets.names()) >= {*GENERATED, "mnist", "fashion-mnist"}


@pytest.mark.parametrize("name", GENERATED)
def test_contract_of_a_dataset(name):
    data = datasets.load(name)
    assert data.name == name
    assert data.y.shape == (data.n,)
    assert data.y.dtype == np.int64
    assert set(np.unique(data.y)) == set(range(data.classes))
    assert data.details["seed"] == 0
    assert set(data.details) == {"seed", "options", "source", "facts"}
    assert json.loads(json.dumps(dict(data.details))) == dict(data.details)
    assert data.checksum() == datasets.load(name).checksum()


@pytest.mark.parametrize(("name", "options"), DRAWN.items())
def test_the_seed_alone_decides(name, options):
    np.random.seed(1)
    first = datasets.load(name, seed=5, **options)
    np.random.seed(2)
    assert datasets.load(name, seed=np.int64(5), **options).checksum() == first.checksum()
    assert datasets.load(name, seed=6, **options).checksum() != first.checksum()


def test_loading_leaves_the_global_stream_alone():
    before = np.random.get_state()[1].copy()
    for name in GENERATED:
        datasets.load(name)
    assert np.array_equal(np.random.get_state()[1], before)


def test_unknown_name_holds_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'fashion-mnist'"):
        datasets.load("fashion_mnist")


def test_unknown_option_lists_the_options():
    with pytest.raises(InputError, match="'digits' has no option 'sample'; its options are samples, pad, seed"):
        datasets.load("digits", sample=3)


@pytest.mark.parametrize("samples", [1, 0, -3, 2.0, True, "10"])
@pytest.mark.parametrize("name", ["report-simple", "report-complicated", "digits", "mnist", "fashion-mnist"])
def test_samples_must_be_a_whole_number_of_at_least_two(name, samples):
    with pytest.raises(InputError, match=f"samples={samples!r}: it must be a whole number of at least 2"):
        datasets.load(name, samples=samples)


@pytest.mark.parametrize("seed", [-1, 0.5, None, True])
@pytest.mark.parametrize("name", [*GENERATED, "mnist", "fashion-mnist"])
def test_a_bad_seed_is_named(name, seed):
    with pytest.raises(InputError, match=f"seed={seed!r}: it must be a whole number of at least 0"):
        datasets.load(name, seed=seed)


def test_importing_is_cheap():
    code = (
        "import sys, infoplane.datasets; "
        "print([m for m in ('torch', 'sklearn', 'pandas', 'urllib.request') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
