"""One input, several, and several by name."""

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError
from infoplane.recording.inputs import Inputs


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Linear(3, 2), nn.Linear(2, 2)

    def forward(self, left, right):
        return self.left(left) + self.right(right)


class Text(nn.Module):
    """Looks words up, and means over those that are there."""

    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(20, 4), nn.Linear(4, 2)

    def forward(self, input_ids, attention_mask):
        shares = attention_mask[..., None] / attention_mask.sum(1)[:, None, None]
        return {"logits": self.head((self.words(input_ids) * shares).sum(1))}


def test_a_pair_and_a_table_are_the_same_call():
    torch.manual_seed(0)
    model, left, right = Two(), torch.randn(10, 3), torch.randn(10, 2)
    expected = model(left, right).detach()
    for x in ((left, right), {"right": right, "left": left}, (left.numpy(), right.double())):
        recorded = ip.record(model, x, ["left", "(model)"], batch_size=4)
        assert torch.allclose(recorded["(model)"], expected, atol=1e-6)
    rows = ip.InformationPlane({"left": left, "right": right}, torch.arange(10) % 2).measure(model, 0)
    assert [row["layer"] for row in rows] == ["left", "right"]
    assert [layer.shape for layer in ip.layers(model, (left, right))] == [(2,), (2,)]


def test_a_tokenised_text():
    torch.manual_seed(0)
    ids, mask = torch.randint(20, (30, 6)), torch.arange(6) < torch.arange(1, 31)[:, None] % 6 + 1
    x, y = {"input_ids": ids, "attention_mask": mask.long()}, torch.arange(30) % 2
    model = Text()
    recorded = ip.record(model, x, pool="mean")
    assert torch.allclose(model.head(recorded["words"]), recorded["head"], atol=1e-6)
    plane = ip.InformationPlane(x, y, pool="token")
    rows = plane.measure(model, 0)
    assert [row["n"] for row in rows] == [int(mask.sum())] * 2
    assert len(plane.trajectory.meta["data_checksum"]) == 64


def test_the_checksum_and_the_watch_cover_every_input():
    left, right, y = torch.randn(10, 3), torch.randn(10, 2), torch.arange(10) % 2
    plane, other = ip.InformationPlane((left, right), y), ip.InformationPlane((left, right + 1), y)
    assert plane.trajectory.meta["data_checksum"] != other.trajectory.meta["data_checksum"]
    right[3, 1] += 1
    with pytest.raises(InputError, match="x was changed in place"):
        plane.measure(Two(), 0)


def test_the_input_is_all_inputs_together():
    left, right = torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]]), torch.tensor([[0.0, 0], [1, 1]] * 2)
    meta = ip.InformationPlane((left, right), [0, 0, 1, 1]).trajectory.meta
    assert meta["h_x"] == pytest.approx(2)
    assert ip.InformationPlane(left, [0, 0, 1, 1]).trajectory.meta["h_x"] == pytest.approx(1)


def test_numbers_share_the_memory_of_arrays_and_are_not_changed():
    x = np.ones((4, 3), dtype=np.float32)
    inputs = Inputs(x)
    inputs.call(nn.Threshold(2.0, 0.0, inplace=True))
    assert (x == 1).all()
    x[0, 0] = 5
    assert inputs.tensors[0][0, 0] == 5


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({}, "x is an empty table"),
        ((torch.zeros(3, 1), torch.zeros(4, 1)), "the inputs in x have 3, 4 samples"),
        (torch.zeros(0, 2), "no samples"),
        ({"a": torch.tensor(1.0)}, "no samples"),
    ],
)
def test_inputs_that_do_not_fit(x, message):
    with pytest.raises(InputError, match=message):
        ip.record(Two(), x)


def test_a_family_takes_one_input():
    left, right = torch.randn(10, 3), torch.randn(10, 2)
    with pytest.raises(InputError, match="x has several inputs, and a family takes one"):
        ip.InformationPlane((left, right), torch.arange(10) % 2).measure(ip.Family(Two, 2), 0)


def test_a_mask_that_is_added_to_scores_is_refused():
    keep = torch.arange(6) < torch.tensor([[2], [6], [3]])
    x = {"input_ids": torch.randint(20, (3, 6)), "attention_mask": torch.where(keep, 0.0, -torch.inf)}
    with pytest.raises(InputError, match=r"'attention_mask' holds numbers other than 0 and 1.*attention_mask == 0"):
        ip.InformationPlane(x, [0, 1, 0], pool="token")
    x["attention_mask"] = x["attention_mask"] == 0
    assert ip.InformationPlane(x, [0, 1, 0], pool="token").trajectory.meta["n"] == 11


class Options(nn.Module):
    """Takes two tensors in one argument, a mask that may be missing, and switches."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(5, 2)

    def forward(self, pair, mask=None, scale=1.0, how="plain"):
        left, right = pair["left"], pair["right"]
        output = self.line(torch.cat((left, right), 1)) * scale
        return output if how == "plain" and mask is None else -output


def test_tuples_and_tables_are_one_argument_and_what_has_no_rows_goes_in_as_it_is():
    torch.manual_seed(0)
    model, left, right = Options(), torch.randn(10, 3), torch.randn(10, 2)
    wanted = model({"left": left, "right": right}, scale=2.0).detach()
    for x in (
        {"pair": {"left": left, "right": right}, "mask": None, "scale": 2.0},
        ({"left": left, "right": right.numpy()}, None, 2.0, "plain"),
        {"pair": {"left": left, "right": right}, "scale": ip.Constant(2.0), "how": "plain"},
    ):
        recorded = ip.record(model, x, ["(model)"], batch_size=4)["(model)"]
        assert torch.allclose(recorded, wanted, atol=1e-6)
        assert [row["layer"] for row in ip.InformationPlane(x, torch.arange(10) % 2).measure(model, 0)] == ["line"]


def test_a_pair_in_one_argument_is_no_split():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(6, 2)

        def forward(self, pair):
            return self.line(torch.cat(pair, 1))

    x, y = torch.randn(10, 3), torch.arange(10) % 2
    for inputs in ({"pair": (x, x)}, ((x, x),), {"pair": [x, x]}):
        assert len(ip.InformationPlane(inputs, y).measure(Pair(), 0)) == 1
    with pytest.raises(InputError, match="x is a table of splits and y was given beside it"):
        ip.InformationPlane({"train": (x, y)}, y)


class Graph(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(3, 2)

    def forward(self, x, edges):
        return torch.zeros(len(x), 2).index_add(0, edges[1], self.line(x)[edges[0]])


def test_one_sample_a_node_of_a_graph():
    torch.manual_seed(0)
    nodes, edges, y = torch.randn(50, 3), torch.randint(50, (2, 90)), torch.arange(50) % 2
    x = (nodes, ip.Constant(edges))
    for limit in (2e9, 1e6):  # with and without a look at the shapes first
        plane = ip.InformationPlane(x, y, batch_size=50, max_activation_bytes=limit)
        assert [row["layer"] for row in plane.measure(Graph(), 0)] == ["line"]
    assert ip.layers(Graph(), x, batch_size=50).names == ["line"]
    with pytest.raises(IndexError) as caught:
        ip.InformationPlane(x, y, batch_size=20).measure(Graph(), 0)
    assert "give batch_size= of all of them" in caught.value.__notes__[0]
    with pytest.raises(InputError, match=r"50, 2 samples.*ip\.Constant"):
        ip.InformationPlane((nodes, edges), y)


def test_whole_numbers_stay_whole_on_demand_and_the_error_says_how():
    class OneHot(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(5, 2)

        def forward(self, x):
            return self.line(nn.functional.one_hot(x, 5).float())

    x = torch.arange(10) % 5
    assert ip.record(OneHot(), (x,))["line"].shape == (10, 2)
    with pytest.raises(RuntimeError) as caught:
        ip.record(OneHot(), x)
    assert any("give (x,), a tuple, to keep whole numbers whole" in note for note in caught.value.__notes__)


def test_a_constant_is_a_copy_of_the_networks_type():
    table = torch.ones(3, dtype=torch.float64)

    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.line = nn.Linear(3, 2)

        def forward(self, x, table):
            assert table.dtype == torch.float32
            return self.line(x * table.mul_(2))

    ip.record(Writes(), (torch.ones(10, 3), ip.Constant(table)))
    assert (table == 1).all()
