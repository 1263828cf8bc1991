"""Which tensor is taken out of what real layers put out."""

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
    with pytest.raises(InputError, match=r"select='inner.loss' leads nowhere in an output of type dict"):
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
