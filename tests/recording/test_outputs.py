"""Which tensor is taken out of what real layers put out."""

import dataclasses
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import infoplane as ip
from infoplane.errors import InputError, RecordingError
from infoplane.recording.outputs import token_mask


@pytest.fixture(autouse=True)
def _fixed_random_state():
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_layers_give_a_row_a_sample(kind, batch_first):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = kind(3, 2, batch_first=batch_first)

        def forward(self, x):
            return self.rnn(x if batch_first else x.transpose(0, 1))[0]

    model, x = Net(), torch.randn(7, 5, 3)
    expected = model(x).detach() if batch_first else model(x).detach().transpose(0, 1)
    with pytest.warns(UserWarning, match=r"layer 'rnn' put out a tuple: its first tensor, \[0\], is recorded"):
        recorded = ip.record(model, x, "rnn", batch_size=3)
    assert torch.allclose(recorded["rnn"], expected, atol=1e-6)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        return self.attn(x, x, x)[0]


def test_attention_weights_are_asked_for_by_their_place():
    model, x = Attention(), torch.randn(6, 5, 4)
    with pytest.warns(UserWarning, match="put out a tuple"):
        assert ip.record(model, x, "attn")["attn"].shape == (6, 5, 4)
    for part in (1, "1", lambda output: output[1], {"att*": "1"}):
        weights = ip.record(model, x, "attn", select=part)["attn"]
        assert weights.shape == (6, 5, 5)
        assert torch.allclose(weights.sum(-1), torch.ones(6, 5), atol=1e-6)
    with pytest.warns(UserWarning, match="put out a tuple"):
        assert ip.record(model, x, "attn", select={"other": 1})["attn"].shape == (6, 5, 4)


class Table(nn.Module):
    def forward(self, x):
        return OrderedDict(kind="table", inner={"logits": x, "scores": 2 * x})


def test_tables_inside_tables():
    model, x = nn.Sequential(OrderedDict(head=Table())), torch.randn(4, 3)
    with pytest.warns(UserWarning, match=r"its first tensor, \['inner'\]\['logits'\], is recorded"):
        assert torch.equal(ip.record(model, x, "head")["head"], x)
    assert torch.equal(ip.record(model, x, "head", select="inner.scores")["head"], 2 * x)
    with pytest.raises(InputError, match=r"select='inner.loss' leads nowhere in an output of type dict .* 'logits'"):
        ip.record(model, x, "head", select="inner.loss")
    with pytest.raises(RecordingError, match="layer 'head' put out a OrderedDict without a tensor"):
        ip.record(model, x, "head", select="kind")


class Packed(nn.Module):
    """Its sequences are as long as their first number says."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(1, 3, batch_first=True)

    def forward(self, x):
        packed = pack_padded_sequence(x[:, 1:, None], x[:, 0].long(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0].sum(1)


@pytest.mark.filterwarnings("ignore:layer 'rnn' put out a tuple")
def test_packed_sequences_end_where_they_end():
    lengths = torch.tensor([4, 1, 3, 2, 4, 2])
    x = torch.cat([lengths[:, None].float(), torch.randn(6, 4)], 1)
    model = Packed()
    alone = [model.rnn(x[i : i + 1, 1 : 1 + lengths[i], None])[0][0].detach() for i in range(6)]
    mean, last = (ip.record(model, x, "rnn", 4, pool=way)["rnn"] for way in ("mean", "last"))
    assert torch.allclose(mean, torch.stack([one.mean(0) for one in alone]), atol=1e-6)
    assert torch.allclose(last, torch.stack([one[-1] for one in alone]), atol=1e-6)
    tokens = ip.record(model, x, "rnn", pool="token")["rnn"]
    assert torch.allclose(tokens, torch.cat(alone), atol=1e-6)
    whole = ip.record(model, x, "rnn")["rnn"]
    assert (whole[1, 1:] == 0).all()
    order = lengths.argsort()
    with pytest.raises(RecordingError, match=r"layer 'rnn' puts out .* in different batches: pool sequences"):
        ip.record(model, x[order], "rnn", 2)
    with pytest.raises(RecordingError, match="layer 'rnn' puts out 6 units a sample in one batch and 12 in another"):
        ip.InformationPlane(x[order], torch.arange(6) % 2, layers="rnn", batch_size=3).measure(model, 0)


def test_a_mask_of_lengths():
    assert token_mask(torch.tensor([2, 0, 3]), 3).int().tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]


class Padded(nn.Module):
    """The padded-text reader of plain torch: its encoder puts out nested tensors in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.words, self.head = nn.Embedding(20, 8), nn.Linear(8, 2)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)

    def forward(self, input_ids, attention_mask):
        hidden = self.encoder(self.words(input_ids), src_key_padding_mask=attention_mask == 0)
        return self.head(hidden.mean(1))


@pytest.mark.filterwarnings("ignore:.*nested tensors.*")
def test_nested_tensors_are_padded_sequences_with_an_end():
    model, lengths = Padded(), torch.tensor([5, 2, 3, 5])
    x = {"input_ids": torch.randint(20, (4, 5)), "attention_mask": (torch.arange(5) < lengths[:, None]).float()}
    with torch.no_grad():
        alone = [
            model.eval().encoder.layers[0](model.words(x["input_ids"][i : i + 1, :length]))[0]
            for i, length in enumerate(lengths)
        ]
    recorded = ip.record(model, x, ["encoder.layers.0"], pool="mean")["encoder.layers.0"]
    assert torch.allclose(recorded, torch.stack([one.mean(0) for one in alone]), atol=1e-5)
    for layers in (None, "residual"):
        plane = ip.InformationPlane(x, torch.arange(4) % 2, layers=layers, pool="mean")
        assert "encoder.layers.1" in [row["layer"] for row in plane.measure(model, 0)] or layers is None


class TimeFirst(nn.Module):
    """Takes (samples, tokens, units), and works inside on (tokens, samples, units)."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2, enable_nested_tensor=False)
        self.rnn = nn.LSTM(4, 3)

    def forward(self, x):
        return self.rnn(self.encoder(x.transpose(0, 1)))[0].transpose(0, 1)


@pytest.mark.parametrize("tokens", [5, 8])
def test_time_first_layers_are_turned_also_where_tokens_are_as_many_as_samples(tokens):
    model, x = TimeFirst(), torch.randn(8, tokens, 4)
    inside = ["encoder", "encoder.layers.0", "encoder.layers.1.linear1", "encoder.layers.1.norm2"]
    recorded = ip.record(model, x, [*inside, "rnn"], select={"rnn": 0})
    alone = ip.record(model, x[3:4], [*inside, "rnn"], select={"rnn": 0})
    assert all(torch.allclose(recorded[name][3:4], alone[name], atol=1e-5) for name in recorded)
    assert torch.allclose(recorded["rnn"], model.eval()(x), atol=1e-5)


@dataclasses.dataclass
class Scored:
    loss: torch.Tensor
    logits: torch.Tensor


class Head(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.line, self.kind = nn.Linear(3, 2), kind

    def forward(self, x):
        logits = self.line(x)
        return self.kind(loss=logits.mean(), logits=logits)


@pytest.mark.parametrize("kind", [Scored, dict])
def test_a_loss_that_comes_first_is_passed_over(kind):
    model, x = Head(kind), torch.randn(6, 3)
    expected = model.line(x)
    with pytest.warns(UserWarning, match="its first tensor, .*logits.*, is recorded"):
        assert torch.equal(ip.record(model, x, "(model)")["(model)"], expected)
    assert torch.equal(ip.record(model, x, "(model)", select="logits")["(model)"], expected)
    with pytest.raises(RecordingError, match=r"put out shape \(\) for 6 samples.*its parts: 'loss', 'logits'"):
        ip.record(model, x, "(model)", select="loss")
    with pytest.raises(InputError, match=r"leads nowhere .* its parts: 'loss', 'logits'"):
        ip.record(model, x, "(model)", select="hidden")


class Odd(nn.Module):
    """A layer that puts out numbers in another layout, or of another kind, between two plain ones."""

    def __init__(self, change):
        super().__init__()
        self.first, self.odd, self.last = nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)
        self.odd.forward = change

    def forward(self, x):
        hidden = self.first(x)
        self.odd(hidden)
        return self.last(hidden)


def test_sparse_and_quantised_outputs_are_dense_numbers():
    x = torch.randn(6, 3)
    for change in (torch.Tensor.to_sparse, lambda t: torch.quantize_per_tensor(t, 0.5, 0, torch.qint8)):
        recorded = ip.record(Odd(change), x)
        dense = change(recorded["first"])
        assert torch.equal(recorded["odd"], dense.dequantize() if dense.is_quantized else dense.to_dense())


@pytest.mark.parametrize(
    ("change", "reason"),
    [(lambda t: t.to(torch.complex64), "torch.complex64"), (lambda t: t.to("meta"), "the device 'meta'")],
)
def test_a_layer_without_real_numbers_is_named_and_left_out_unless_it_was_asked_for(change, reason):
    x, y = torch.randn(6, 3), torch.arange(6) % 2
    plane = ip.InformationPlane(x, y)
    with pytest.warns(UserWarning, match=f"layer 'odd'.*{reason}.*left out"):
        assert [row["layer"] for row in plane.measure(Odd(change), 0)] == ["first", "last"]
    with pytest.raises((RecordingError, InputError), match=reason):
        ip.InformationPlane(x, y, layers=["odd"]).measure(Odd(change), 0)
