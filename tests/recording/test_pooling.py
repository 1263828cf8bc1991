"""Every way of pooling against the same thing written by hand."""

import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.errors import InputError, RecordingError, UnknownNameError
from infoplane.recording.pooling import check_pool, pool_of, pooled, with_channels_last


@pytest.fixture
def images():
    return torch.randn(2, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0))  # members, samples, channels, ...


@pytest.fixture
def texts():
    return torch.randn(2, 5, 7, 3, generator=torch.Generator().manual_seed(0))  # members, samples, tokens, units


def only(t, way, mask=None):
    ((end, rows),) = pooled("layer", t, way, mask)
    assert end == ""
    return rows


def test_convolutions(images):
    assert torch.equal(only(images, "flatten"), images.reshape(2, 5, 72))
    for way in ("mean", "pooled"):
        assert torch.allclose(only(images, way), images.mean((3, 4)))
    channels = dict(pooled("layer", images, "channel"))
    assert list(channels) == ["[0]", "[1]", "[2]"]
    assert torch.equal(channels["[1]"], images[:, :, 1].reshape(2, 5, 24))


def test_sequences(texts):
    assert torch.allclose(only(texts, "mean"), texts.mean(2))
    assert torch.allclose(only(texts, "pooled"), texts.mean(3))  # (channels, places) of a one-dimensional convolution
    assert torch.equal(only(texts, "last"), texts[:, :, -1])
    assert torch.equal(only(texts, "token"), texts.reshape(2, 35, 3))
    all_there = only(texts, "token", torch.ones(5, 7, dtype=torch.bool))
    assert torch.equal(all_there, texts.reshape(2, 35, 3))
    assert all_there.data_ptr() == texts.data_ptr()  # no copy


def test_tokens_that_are_not_there_have_no_say(texts):
    mask = torch.arange(7) < torch.tensor([[7], [1], [3], [0], [5]])
    spoiled = texts.masked_fill(~mask[None, :, :, None], float("nan"))
    kept = [texts[:, sample, : mask[sample].sum()] for sample in range(5)]
    mean = only(spoiled, "mean", mask)
    for sample in (0, 1, 2, 4):
        assert torch.allclose(mean[:, sample], kept[sample].mean(1), atol=1e-6)
        assert torch.equal(only(texts, "last", mask)[:, sample], kept[sample][:, -1])
    assert torch.equal(only(texts, "token", mask), torch.cat(kept, 1))
    left = torch.arange(7) >= torch.tensor([[0], [6], [4], [6], [2]])  # padded on the left
    assert torch.equal(only(texts, "last", left), texts[:, :, -1])


def test_a_layer_without_tokens_gives_each_token_the_row_of_its_sample():
    t, mask = torch.randn(1, 3, 2), torch.tensor([[True, True], [True, False], [False, True]])
    assert torch.equal(only(t, "token", mask), t[:, [0, 0, 1, 2]])


@pytest.mark.parametrize("way", ["flatten", "channel", "mean", "pooled", "last", "token"])
def test_rows_of_units_stay(way):
    t = torch.randn(2, 5, 4)
    assert torch.equal(only(t, way), t)
    assert only(t[..., 0], way).shape == (2, 5, 1)


def test_a_function_and_a_table_of_globs(images):
    assert torch.equal(only(images, lambda t: t.amax((2, 3))), images.amax((3, 4)))
    table = {"conv*": "mean", "*": "channel"}
    assert (pool_of("conv1", table), pool_of("fc", table), pool_of("fc", {"conv*": "mean"})) == (
        "mean", "channel", "flatten",
    )  # fmt: skip
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    recorded = ip.record(model, torch.randn(6, 1, 4, 4), pool={"0": "channel"})
    assert {name: tuple(t.shape) for name, t in recorded.items()} == {"0[0]": (6, 4), "0[1]": (6, 4), "2": (6, 3)}


def test_half_precision_is_upcast_before_anything_is_added_up():
    t = torch.full((1, 2, 3, 100, 100), 300.0, dtype=torch.float16)  # the sum of one channel is far above 65504
    assert (only(t, "mean") == 300).all()
    assert only(t, "flatten").dtype == torch.float32


def test_what_cannot_be_pooled(images, texts):
    with pytest.raises(UnknownNameError, match="unknown way of pooling 'chanel': did you mean 'channel'"):
        check_pool({"conv*": "chanel"})
    with pytest.raises(InputError, match="pool='token' makes every token a sample, in all layers"):
        check_pool({"*": "token"})
    with pytest.raises(RecordingError, match=r"layer 'layer' puts out \(3, 4, 6\) for a sample, and pool='last'"):
        only(images, "last")
    with pytest.raises(RecordingError, match="layer 'layer' has 7 tokens a sample, and 6 are known"):
        only(texts, "mean", torch.ones(5, 6, dtype=torch.bool))
    with pytest.raises(RecordingError, match="the pool of layer 'layer' does not keep its samples"):
        only(images, lambda t: t.mean(0))
    with pytest.raises(InputError, match="complex64"):
        only(texts.to(torch.complex64), "mean")


def test_channels_that_come_last(images, texts):
    turned = images.movedim(2, -1)
    assert torch.allclose(only(turned, "mean-last"), images.mean((3, 4)))
    channels = dict(pooled("layer", turned, "channel-last"))
    assert list(channels) == ["[0]", "[1]", "[2]"]
    assert torch.equal(channels["[1]"], images[:, :, 1].reshape(2, 5, 24))
    assert torch.allclose(only(texts, "mean-last"), texts.mean(2))
    assert torch.equal(dict(pooled("layer", texts, "channel-last"))["[2]"], texts[..., 2])


def test_ways_of_layers_with_channels_last():
    assert with_channels_last("flatten", ["a"]) == "flatten"
    assert with_channels_last("mean", []) == "mean"
    assert with_channels_last("channel", ["a[0]"]) == {"a[[]0]": "channel-last", "*": "channel"}
    ways = {"a": "pooled", "*": "last"}
    assert with_channels_last(ways, ["a", "b"]) == {"a": "mean-last", "*": "last"}


def test_layers_that_work_on_the_last_size_have_their_channels_there():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.act = nn.Conv2d(1, 3, 3), nn.LayerNorm(3), nn.GELU()
            self.wide, self.whole = nn.Linear(3, 6), nn.LayerNorm((8, 8, 6))

        def forward(self, x):
            return self.whole(self.act(self.wide(self.norm(self.conv(x).permute(0, 2, 3, 1)))))

    torch.manual_seed(0)
    x, model = torch.randn(20, 1, 10, 10), Block()
    whole = ip.record(model, x)
    for layer, units in (("conv", 3), ("norm", 3), ("wide", 6)):
        by_mean = ip.record(model, x, pool="mean")[layer]
        assert by_mean.shape == (20, units)
        places = (2, 3) if layer == "conv" else (1, 2)
        assert torch.allclose(by_mean, whole[layer].mean(places), atol=1e-6)
    plane = ip.InformationPlane(
        x, torch.arange(20) % 2, pool={"act": "channel-last", "*": "channel"}, layers=["norm", "act"]
    )
    assert [row["layer"] for row in plane.measure(model, 0)] == [f"norm[{c}]" for c in range(3)] + [
        f"act[{c}]" for c in range(6)
    ]
