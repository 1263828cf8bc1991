"""What a sample is: tokens, conditions, conv channels; and what each does to the numbers."""

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError


class Reader(nn.Module):
    """A small transformer over whole numbers."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(4, 4)
        self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.block(self.words(x)).mean(1))


@pytest.fixture
def texts():
    torch.manual_seed(0)
    return torch.randint(4, (60, 5)), torch.arange(60) % 2


def test_tokens_are_samples(texts):
    x, y = texts
    torch.manual_seed(1)
    model = Reader()
    distinct = {"name": "binned", "bins": "distinct"}
    plane = ip.InformationPlane(
        x, {"token": x, "text": y}, layers=["words", "block", "head"], pool="token", estimators=distinct
    )
    rows = {(row["layer"], row["label"]): row for row in plane.measure(model, 0)}
    assert {row["n"] for row in rows.values()} == {300}
    shares = torch.bincount(x.flatten()) / 300
    h_token = float(-(shares * shares.log2()).sum())
    assert rows["words", "token"]["i_ty"] == pytest.approx(h_token, abs=1e-6)  # an embedding knows which token it is
    assert rows["words", "token"]["h_t"] == pytest.approx(h_token, abs=1e-6)
    t = ip.record(model, x, "block")["block"]
    alone = ip.mutual_information(t.flatten(0, 1), x.flatten(), estimator="binned", bins="distinct")
    assert rows["block", "token"]["i_ty"] == pytest.approx(alone.value, abs=1e-9)
    head = ip.record(model, x, "head")["head"]
    repeated = ip.mutual_information(head, y, estimator="binned", bins="distinct")
    assert rows["head", "text"]["i_ty"] == pytest.approx(repeated.value, abs=1e-9)


def test_the_input_of_a_token_is_its_text(texts):
    x, y = texts
    plane = ip.InformationPlane(x, y, layers="words", pool="token", estimators={"name": "binned", "bins": "distinct"})
    (row,) = plane.measure(Reader(), 0)
    texts_of = np.unique(x.numpy(), axis=0, return_inverse=True)[1].repeat(5)
    alone = ip.mutual_information(x.flatten()[:, None].float(), texts_of, estimator="binned", bins="distinct")
    assert row["i_xt"] == pytest.approx(alone.value, abs=1e-9)


def test_shuffles_keep_the_tokens_of_a_text_together(texts):
    x, y = texts
    plane = ip.InformationPlane(x, y, pool="token", shuffles=3)
    members = plane._splits[0]._question.shuffles.members
    assert [group.tolist() for group in members] == [list(range(5 * text, 5 * text + 5)) for text in range(60)]
    pairs = ip.InformationPlane(x, y, pool="token", shuffles=3, groups=np.arange(60) // 2)
    assert len(pairs._splits[0]._question.shuffles.members) == 30
    assert all(row["i_ty_null"] is not None for row in plane.measure(Reader(), 0))


def test_tokens_that_do_not_fit(texts):
    x, y = texts
    with pytest.raises(InputError, match="pool='token' and x has shape"):
        ip.InformationPlane(torch.randn(60), y, pool="token")
    with pytest.raises(InputError, match=r"labels have shape \(60, 4\), and the tokens \(60, 5\)"):
        ip.InformationPlane(x, {"token": x, "next": x[:, 1:]}, pool="token")


@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("bins", ["report", "quantile", "layer"])
def test_the_mean_over_a_condition_is_the_conditional_information(copies, bins):
    """I(X;T|Y) = sum p(y) I(X;T|Y=y) = I(X;T) - I(T;Y), where T depends on X alone and X says Y."""
    data = ip.datasets.load("report-simple", samples=400)
    model = ip.networks.six_layer() if copies == 1 else ip.Family(ip.networks.six_layer, copies, init="independent")
    plane = ip.InformationPlane(
        data.x, data.y, given="y", layers=["1", "9"], estimators={"name": "binned", "bins": bins}
    )
    rows = plane.measure(model, 0)
    table = {(row["layer"], row["label"]): row for row in rows}
    assert [row["label"] for row in rows] == ["y", "y", "y=0", "y=0", "y=1", "y=1"]
    for layer in ("1", "9"):
        whole, each = table[layer, "y"], [table[layer, f"y={value}"] for value in (0, 1)]
        mean = sum(row["n"] * row["i_xt"] for row in each) / whole["n"]
        assert mean == pytest.approx(whole["i_xt"] - whole["i_ty"], abs=1e-9)
        assert all(row["i_ty"] is None for row in each)
        assert sum(row["n"] for row in each) == whole["n"] == 400 * copies


@pytest.mark.parametrize("estimator", ["ksg", "soft", "kde"])
def test_other_labels_under_a_condition(estimator):
    torch.manual_seed(0)
    x = torch.randn(200, 3)
    y = {"colour": np.array(["red", "blue"] * 100), "side": (x[:, 0] > 0).long()}
    plane = ip.InformationPlane(x, y, given="colour", layers="0", estimators=estimator)
    model = nn.Sequential(nn.Linear(3, 2))
    rows = plane.measure(model, 0)
    assert [row["label"] for row in rows] == ["colour", "side", "side|colour=blue", "side|colour=red"]
    t, keep = ip.record(model, x, "0")["0"], torch.arange(200) % 2 == 1
    alone = ip.mutual_information(t[keep], y["side"][keep], estimator=estimator)
    assert rows[2]["i_ty"] == pytest.approx(alone.value, abs=1e-9)
    assert rows[2]["n"] == 100


def test_conditions_that_do_not_fit():
    x, y = torch.randn(9, 3), np.array([0] * 5 + [1] * 3 + [2])
    with pytest.raises(UnknownNameError, match="unknown label set 'digit'"):
        ip.InformationPlane(x, y, given="digit")
    with pytest.raises(InputError, match="y=2 has 1 sample: give 'y' labels with at least 2 samples each"):
        ip.InformationPlane(x, y, given="y")


def test_channels_and_the_information_that_pooling_leaves():
    torch.manual_seed(0)
    x, y = torch.randn(300, 1, 6, 6), torch.arange(300) % 3
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 3))
    options = {
        "layers": "0",
        "estimators": {"name": "binned", "bins": {"rule": "fixed", "bins": 4, "low": -2, "high": 2}},
    }
    (whole,) = ip.InformationPlane(x, y, **options).measure(model, 0)
    channels = ip.InformationPlane(x, y, pool="channel", **options).measure(model, 0)
    assert [row["layer"] for row in channels] == ["0[0]", "0[1]", "0[2]"]
    for row in channels:  # the bins are the same, so that a channel's code is a function of the whole row's
        assert row["i_xt"] <= whole["i_xt"] + 1e-9
        assert row["i_ty"] <= whole["i_ty"] + 1e-9
    t = ip.record(model, x, "0")["0"][:, 1].flatten(1)
    alone = ip.mutual_information(
        t, y, **{"estimator": "binned", "bins": {"rule": "fixed", "bins": 4, "low": -2, "high": 2}}
    )
    assert channels[1]["i_ty"] == pytest.approx(alone.value, abs=1e-9)
    (mean,) = ip.InformationPlane(x, y, pool={"0": "mean"}, **options).measure(model, 0)
    assert mean["h_t"] < whole["h_t"]
