"""The residual stream of transformers: torch's own, Hugging Face's, and one's own."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError


def names(model, x, **options):
    return list(ip.record(model, x, "residual", **options))


def encoder(blocks=3):
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    return nn.TransformerEncoder(block, blocks, enable_nested_tensor=False)


@pytest.mark.parametrize("blocks", [1, 3])
def test_torchs_encoder(blocks):
    model = nn.Sequential(OrderedDict(embed=nn.Embedding(10, 8), encoder=encoder(blocks)))
    x = torch.randint(10, (4, 5))
    assert names(model, x) == ["embed", *(f"encoder.layers.{number}" for number in range(blocks))]
    assert names(model.encoder, torch.randn(4, 5, 8)) == [f"layers.{number}" for number in range(blocks)]
    assert list(ip.record(model, x, ["residual", "encoder"]))[-1] == "encoder"


def test_torchs_encoder_layers_stay_on_their_fused_path(monkeypatch):
    """A hook would make them leave it, and round otherwise than without being watched."""
    model, x = encoder().eval(), torch.randn(4, 5, 8)
    with torch.no_grad():
        alone = model(x)
    calls, fused = [], torch._transformer_encoder_layer_fwd
    monkeypatch.setattr(torch, "_transformer_encoder_layer_fwd", lambda *given: (calls.append(1), fused(*given))[1])
    found = ip.record(model, x, "layers.?")
    assert len(calls) == 3
    assert torch.equal(found["layers.2"], alone)
    assert not any("forward" in vars(module) for module in model.modules())


def test_an_encoder_layer_that_fails_is_as_before(monkeypatch):
    model = encoder().eval()
    monkeypatch.setattr(model.layers[2].linear2, "weight", None)
    with pytest.raises((AttributeError, TypeError)):
        ip.record(model, torch.randn(4, 5, 8), "layers.?")
    assert not any("forward" in vars(module) for module in model.modules())


def test_embeddings_that_are_added_up_by_the_network_itself_are_left_out():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.places, self.blocks = nn.Embedding(10, 8), nn.Embedding(5, 8), encoder().layers

        def forward(self, x):
            h = self.words(x) + self.places(torch.arange(5))
            for block in self.blocks:
                h = block(h)
            return h

    assert names(Net(), torch.randint(10, (4, 5))) == ["blocks.0", "blocks.1", "blocks.2"]


@pytest.mark.extra
@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("Bert", {"intermediate_size": 16}, ["embeddings", "encoder.layer.0", "encoder.layer.1"]),
        ("GPT2", {}, ["drop", "h.0", "h.1"]),
        ("Llama", {"intermediate_size": 16}, ["embed_tokens", "layers.0", "layers.1"]),
    ],
)
@pytest.mark.filterwarnings("ignore:layer .* put out a tuple")
def test_hugging_faces_networks(kind, options, expected):
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=16,
        bos_token_id=1, eos_token_id=2, **options,
    )  # fmt: skip
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}Model")(config)
    ids = torch.randint(20, (6, 5))
    x = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    recorded = ip.record(model, x, "residual")
    assert list(recorded) == expected
    with torch.no_grad():
        hidden = model.eval()(**x, output_hidden_states=True).hidden_states
    for ours, theirs in zip(recorded.values(), hidden[:-1], strict=False):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_no_blocks():
    with pytest.raises(InputError, match="layers='residual' needs a list of blocks of one class"):
        ip.record(ip.networks.six_layer(), torch.randn(5, 12), "residual")


def test_a_layer_of_that_name_is_meant_where_there_is_one():
    model = nn.Sequential(OrderedDict(residual=nn.Linear(3, 2), auto=nn.Tanh()))
    assert list(ip.record(model, torch.randn(5, 3), "residual")) == ["residual"]
    assert list(ip.record(model, torch.randn(5, 3), "auto")) == ["auto"]


def test_automatic_choice_and_a_function():
    model, x = ip.networks.six_layer(), torch.randn(5, 12)
    assert list(ip.record(model, x, "auto")) == list(ip.record(model, x))
    assert list(ip.record(model, x, lambda name, module: isinstance(module, nn.Tanh))) == [
        "1",
        "3",
        "5",
        "7",
        "9",
        "11",
    ]
    assert list(ip.Family(model, 2).activations(x, lambda name, module: name == "1")) == ["1"]
    with pytest.raises(InputError, match="the function given as layers took none of"):
        ip.record(model, x, lambda name, module: False)
