"""Recorded activations become the same trajectory as the network that was recorded."""

import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import DataFileError, InputError

STEPS = (0, 5, 12)


@pytest.fixture(scope="module")
def recorded():
    """A small training: x, y, the activations by step and layer, and the trajectory measured on the way."""
    torch.manual_seed(0)
    x = torch.randn(60, 4)
    y = (x[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2), nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    plane, layers = ip.InformationPlane(x, y, layers=["1", "3"]), {}
    for step in range(max(STEPS) + 1):
        if step in STEPS:
            plane.measure(model, step)
            layers[step] = {name: t.numpy() for name, t in ip.record(model, x, ["1", "3"]).items()}
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return x.numpy(), y.numpy(), layers, plane.trajectory


def values(trajectory):
    return [(row["step"], row["layer_index"], row["i_xt"], row["i_ty"], row["flags"]) for row in trajectory]


@pytest.mark.parametrize(
    "name",
    ["epoch_{s:04}/layer_{l}", "step{s}.fc{l}", "layer_{l}/iter_{s}", "T_{l}_{s}", "Epoch-{s}_activity_tst_{l}"],
)
def test_one_file_with_steps_in_the_names(recorded, tmp_path, name):
    x, y, layers, expected = recorded
    arrays = {name.format(s=s, l=layer): t for s, found in layers.items() for layer, t in found.items()}
    np.savez(tmp_path / "dump.npz", x=x, y=y, **arrays)
    assert values(ip.measure_dump(tmp_path / "dump.npz")) == values(expected)


def test_a_file_for_each_epoch(recorded, tmp_path):
    x, y, layers, expected = recorded
    files = []
    for s, found in layers.items():
        files.append(tmp_path / f"epoch{s:08}.npz")
        np.savez_compressed(files[-1], **{f"layer_{layer}": t for layer, t in found.items()})
    trajectory = ip.measure_dump(files[::-1], x, y)
    assert values(trajectory) == values(expected)
    assert [row["layer"] for row in trajectory][:2] == ["layer_1", "layer_3"]
    assert trajectory.meta["data_checksum"] == expected.meta["data_checksum"]


def test_without_inputs_every_row_is_one_of_its_own(recorded, tmp_path):
    _, y, layers, expected = recorded
    np.savez(
        tmp_path / "dump.npz", **{f"T_{layer}_{s}": t for s, found in layers.items() for layer, t in found.items()}
    )
    trajectory = ip.measure_dump(tmp_path / "dump.npz", y=y, units="nats")
    assert trajectory.last()[0]["i_xt"] == pytest.approx(expected.last()[0]["i_xt"] * math.log(2))


def test_convolutions_many_layers_and_many_samples(tmp_path):
    rng = np.random.default_rng(0)
    layers = {f"epoch_1/layer_{n}": rng.normal(size=(5000, 2, 3)).astype(np.float32) for n in range(12)}
    np.savez(tmp_path / "dump.npz", y=np.arange(5000) % 2, **layers)
    trajectory = ip.measure_dump(tmp_path / "dump.npz")
    assert [row["layer"] for row in trajectory] == [f"layer_{n}" for n in range(12)]
    direct = ip.mutual_information(layers["epoch_1/layer_7"].reshape(5000, -1), np.arange(5000) % 2)
    assert next(row for row in trajectory if row["layer"] == "layer_7")["i_ty"] == pytest.approx(
        direct.value, abs=1e-12
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"weights": np.zeros((4, 2))}, "holds 'weights': name layers with their step, as 'epoch_0005/layer_3'"),
        ({"T_1_0": np.zeros((4, 2))}, "there is no array y"),
        ({"T_1_0": np.zeros((3, 2)), "y": np.zeros(4, int)}, r"has shape \(3, 2\): 4 rows are needed"),
        ({"T_1_0": np.array(3.0), "y": np.zeros(4, int)}, r"has shape \(\)"),
        ({"T_1_0": np.zeros((4, 2)), "T_2_5": np.zeros((4, 2)), "y": np.zeros(4, int)}, "step 5 has the layers 2"),
        ({"T_1_0": np.zeros((4, 2)), "epoch_0/1": np.zeros((4, 2)), "y": np.zeros(4, int)}, "stands twice"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, arrays, message):
    np.savez(tmp_path / "dump.npz", **arrays)
    with pytest.raises((InputError, DataFileError), match=message):
        ip.measure_dump(tmp_path / "dump.npz")


def test_pickles_are_never_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return (print, ("run",))

    (tmp_path / "epoch0001").write_bytes(pickle.dumps(Trap()))
    np.savez(tmp_path / "dump.npz", T_1_0=np.array([Trap()], dtype=object), y=np.zeros(1, int))
    for path in ("epoch0001", "dump.npz"):
        with pytest.raises(DataFileError, match=r"run code|never"):
            ip.measure_dump(tmp_path / path)
    with pytest.raises(InputError, match="paths is empty"):
        ip.measure_dump([])
