"""DataLoaders, Datasets and lists of batches in the place of arrays."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import infoplane as ip
from infoplane.errors import InputError
from infoplane.recording import loading
from infoplane.recording.loading import first_samples

torch.manual_seed(0)
X, Y = torch.randn(30, 4), torch.arange(30) % 3
NETWORK = nn.Sequential(nn.Linear(4, 3), nn.Tanh())


class Augmented(Dataset):
    """Pairs of a table and a label, changed by random numbers from everywhere."""

    def __len__(self):
        return len(X)

    def __getitem__(self, at):
        noise = random.random() + np.random.rand() + torch.rand(()).item()
        return {"x": X[at] + 0 * noise, "label": int(Y[at])}


class Stream(IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


SOURCES = {
    "a dataset": TensorDataset(X, Y),
    "a shuffled loader": DataLoader(TensorDataset(X, Y), batch_size=7, shuffle=True, drop_last=True),
    "a loader of batches": DataLoader([(X[:20], Y[:20]), (X[20:], Y[20:])], batch_size=None),
    "a stream": DataLoader(Stream(), batch_size=4),
    "a list of batches": [(X[:20], Y[:20]), (X[20:], Y[20:])],
}


@pytest.mark.parametrize("kind", SOURCES)
def test_it_is_measured_as_its_arrays_are(kind):
    wanted = ip.InformationPlane(X, Y).measure(NETWORK, 0)
    state = torch.get_rng_state()
    assert ip.InformationPlane(SOURCES[kind]).measure(NETWORK, 0) == wanted
    rows = ip.InformationPlane({"train": SOURCES[kind], "test": (X, Y)}).measure(NETWORK, 0)
    assert [row["i_ty"] for row in rows[:2]] == [row["i_ty"] for row in wanted]
    assert torch.equal(ip.record(NETWORK, SOURCES[kind])["1"], ip.record(NETWORK, X)["1"])
    assert torch.equal(state, torch.get_rng_state())


def test_tables_have_their_label_by_name_and_no_random_number_is_drawn():
    before = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].copy()
    x, y = first_samples(Augmented())
    assert torch.equal(x["x"], X)
    assert torch.equal(y, Y)
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert (np.random.get_state()[1] == before[2]).all()


def test_several_inputs_and_none_but_inputs():
    x, y = first_samples(TensorDataset(X, X + 1, Y))
    assert torch.equal(x[1], X + 1)
    assert torch.equal(y, Y)
    assert first_samples(DataLoader(X, batch_size=4))[1] is None
    with pytest.raises(InputError, match="y is missing"):
        ip.InformationPlane(DataLoader(X, batch_size=4))
    assert len(ip.InformationPlane(DataLoader(X, batch_size=4), Y).measure(NETWORK, 0)) == 2


def test_only_the_first_are_taken_and_that_is_said(monkeypatch):
    monkeypatch.setattr(loading, "MOST_SAMPLES", 12)
    for source in (TensorDataset(X, Y), DataLoader(Stream(), batch_size=4)):
        with pytest.warns(UserWarning, match="the first 12 are measured; give torch.utils.data.Subset"):
            x, y = first_samples(source)
        assert torch.equal(x, X[:12])
        assert torch.equal(y, Y[:12])


def test_what_cannot_be_joined_or_is_empty_is_said():
    with pytest.raises(InputError, match="the batches of the list cannot be joined"):
        ip.InformationPlane([(X[:, :2], Y), (X, Y)])
    with pytest.raises(InputError, match="a Empty without samples"):
        ip.InformationPlane(Empty())


class Empty(Stream):
    def __iter__(self):
        return iter(())
