"""The named experiments, and a user's own from a TOML file."""

import numpy as np
import pytest

from infoplane import experiments
from infoplane.errors import DataFileError, InputError, UnknownNameError
from infoplane.types import Dataset

TOML = """
name = "my-own"
[data]
name = "szt"
values = "-1+1"
targets = "plus-minus"
[network]
sizes = [12, 6, 1]
activation = "tanh"
output_activation = "tanh"
[estimator]
name = "binned"
bins = { rule = "fixed", bins = 30, low = -1, high = 1 }
[training]
epochs = 4
copies = 2
batch_size = 256
every = 2
progress = false
"""


def test_the_exact_information_of_the_task_is_a_ceiling():
    meta = experiments.load("six-layer").run(epochs=1, progress=False).trajectory.meta
    assert meta["i_xy"] == pytest.approx(0.418389277611 / np.log(2), abs=1e-9)


def test_another_dataset():
    result = experiments.load("conv").on("digits", samples=500).run(epochs=2, progress=False)
    assert result.trajectory.last()[0]["n"] == 500 * 3
    with pytest.raises(UnknownNameError, match="did you mean 'digits'"):
        experiments.load("conv").on("digit")


@pytest.mark.parametrize(
    ("targets", "shape"), [("zero-one", (4, 1)), ("plus-minus", (4, 1)), ("one-hot", (4, 2)), ("class", (4,))]
)
def test_targets(targets, shape):
    encoded = experiments.encode(Dataset("d", np.zeros((4, 1)), np.array([0, 1, 1, 0])), targets)
    assert encoded.shape == shape
    values = {"zero-one": {0, 1}, "plus-minus": {-1, 1}, "one-hot": {0, 1}, "class": {0, 1}}
    assert set(np.unique(encoded)) == values[targets]
    if targets in ("zero-one", "plus-minus"):
        with pytest.raises(InputError, match="use 'one-hot' or 'class'"):
            experiments.encode(Dataset("d", np.zeros((3, 1)), np.array([0, 1, 2])), targets)


def test_a_toml_file(tmp_path):
    (tmp_path / "my.toml").write_text(TOML)
    chosen = experiments.load(str(tmp_path / "my.toml"))
    result = chosen.run()
    assert chosen.name == "my-own"
    assert [row["layer"] for row in result.trajectory.last()] == ["1", "3"]
    assert result.trajectory.last()[0]["n"] == 2 * 4096
    assert result.trajectory.meta["measurement"] == "30 bins on [-1, 1]"
    assert sorted({row["step"] for row in result.trajectory}) == [0, 2, 4]


def test_a_toml_file_with_data_of_ones_own(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 12))
    np.savez(tmp_path / "mine.npz", x=x, y=np.where(x[:, 0] > 0, "yes", "no"))
    text = TOML.replace('name = "szt"\nvalues = "-1+1"', 'file = "mine.npz"').replace("256", "32")
    (tmp_path / "my.toml").write_text(text)
    assert experiments.load(str(tmp_path / "my.toml")).run().trajectory.last()[0]["n"] == 160


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (("[data]", "[date]"), UnknownNameError, "did you mean 'data'"),
        (("[network]\nsizes = [12, 6, 1]", "[network]"), InputError, "needs sizes"),
        (('activation = "tanh"\noutput', 'activation = "tahn"\noutput'), UnknownNameError, "did you mean 'tanh'"),
        (("epochs", "epoch"), UnknownNameError, "did you mean 'epochs'"),
        (("bins = {", "bin = {"), UnknownNameError, "did you mean 'bins'"),
        (("values", "value"), InputError, "values"),
        (("plus-minus", "plusminus"), UnknownNameError, "did you mean 'plus-minus'"),
        (('name = "szt"', 'name = "stz"'), UnknownNameError, "did you mean 'szt'"),
        (("sizes = [", "sizes = ("), InputError, "is not a TOML file"),
        (('name = "szt"\nvalues = "-1+1"', 'file = "none.npz"'), DataFileError, "none.npz"),
    ],
)
def test_mistakes_in_a_toml_file(tmp_path, change, error, message):
    assert change[0] in TOML
    (tmp_path / "my.toml").write_text(TOML.replace(*change))
    with pytest.raises(error, match=message):
        experiments.load(str(tmp_path / "my.toml")).run()


def test_a_data_file_that_is_damaged_or_of_another_kind(tmp_path):
    (tmp_path / "my.toml").write_text(TOML.replace('name = "szt"\nvalues = "-1+1"', 'file = "mine.npz"'))
    np.savez(tmp_path / "mine.npz", data=np.zeros(3))
    with pytest.raises(DataFileError, match="holds data: it needs arrays x and y"):
        experiments.load(str(tmp_path / "my.toml")).run()
    np.savez(tmp_path / "mine.npz", x=np.zeros((5, 12)), y=np.zeros(4))
    with pytest.raises(InputError, match="x has 5 samples and y has 4"):
        experiments.load(str(tmp_path / "my.toml")).run()
    whole = (tmp_path / "mine.npz").read_bytes()
    (tmp_path / "mine.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataFileError, match=r"mine.npz \(\d+ bytes\) is truncated"):
        experiments.load(str(tmp_path / "my.toml")).run()
