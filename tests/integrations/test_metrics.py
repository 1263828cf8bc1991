"""The metric is ip.mutual_information of all that it was given, wherever and in whatever pieces."""

from pathlib import Path

import matplotlib
import pytest
import torch
from torch import distributed, multiprocessing

import infoplane as ip
from infoplane.errors import InputError

pytestmark = pytest.mark.extra
OPTIONS = {"name": "binned", "bins": 5, "correction": "miller-madow"}


@pytest.fixture(scope="module")
def metric_class():
    pytest.importorskip("torchmetrics")
    from infoplane.integrations.metrics import MutualInformation

    return MutualInformation


def data():
    generator = torch.Generator().manual_seed(0)
    t = torch.randn(300, 2, generator=generator)
    return t, (t[:, 0] + 0.3 * torch.randn(300, generator=generator) > 0).long()


def whole(**options):
    return ip.mutual_information(*data(), estimator=OPTIONS, **options).value


def test_a_fair_coin_is_one_bit(metric_class):
    metric = metric_class({"name": "binned", "bins": "distinct"})
    coin = torch.tensor([0, 1] * 8)
    assert metric(coin, 1 - coin) == 1
    metric.update(coin, coin[torch.arange(16) // 2 % 2])
    assert metric_class({"name": "binned", "bins": "distinct"}, units="nats")(coin, coin).item() == pytest.approx(
        0.693147, abs=1e-6
    )


def test_batches_of_any_size_are_the_whole(metric_class):
    t, y = data()
    metric = metric_class(OPTIONS)
    for piece in torch.arange(300).split([1, 98, 1, 200]):
        metric.update(t[piece], y[piece])
    assert metric.compute().item() == pytest.approx(whole(), abs=1e-6)
    metric.reset()
    metric.update(t[:100], y[:100])
    expected = ip.mutual_information(t[:100], y[:100], estimator=OPTIONS).value
    assert metric.compute().item() == pytest.approx(expected, abs=1e-6)


def test_calling_it_estimates_the_batch_and_keeps_it(metric_class):
    t, y = data()
    metric = metric_class(OPTIONS)
    batch = metric(t[:150], y[:150])
    assert batch.item() == pytest.approx(ip.mutual_information(t[:150], y[:150], estimator=OPTIONS).value, abs=1e-6)
    metric(t[150:], y[150:])
    assert metric.compute().item() == pytest.approx(whole(), abs=1e-6)


def test_states_are_merged(metric_class):
    t, y = data()
    first, second = metric_class(OPTIONS), metric_class(OPTIONS)
    first.update(t[:70], y[:70])
    second.update(t[70:], y[70:])
    first.merge_state(second)
    assert first.compute().item() == pytest.approx(whole(), abs=1e-6)


def test_another_estimator(metric_class):
    t, y = data()
    metric = metric_class("ksg")
    metric.update(t, y)
    assert metric.compute().item() == pytest.approx(ip.mutual_information(t, y, estimator="ksg").value, abs=1e-6)


def test_what_it_is(metric_class):
    metric = metric_class()
    assert (metric.higher_is_better, metric.is_differentiable, metric.full_state_update) == (True, False, False)
    copy = metric_class(OPTIONS).clone()
    copy.update(*data())
    assert copy.compute().item() == pytest.approx(whole(), abs=1e-6)


def test_errors_say_what_to_do(metric_class):
    with pytest.raises(InputError, match="t has 3 samples, y has 2"):
        metric_class().update(torch.zeros(3), torch.zeros(2))
    with pytest.raises(InputError, match=r"call update\(t, y\) first"), pytest.warns(UserWarning, match="update"):
        metric_class().compute()
    with pytest.raises(InputError, match="did you mean 'binned'"):
        metric_class("bined")
    with pytest.raises(InputError, match="known are bits, nats"):
        metric_class(units="bytes")


def test_the_plot_says_what_it_shows(metric_class):
    matplotlib.use("agg")
    metric = metric_class(OPTIONS)
    metric.update(*data())
    figure, axes = metric.plot()
    assert axes.get_ylabel() == "I(T;Y) [bits, 5 bins from minimum to maximum of the layer]"
    assert axes.lines[0].get_ydata()[0] == pytest.approx(whole(), abs=1e-6)
    again, axes = metric.plot([torch.tensor(0.1), torch.tensor(0.4)])
    assert axes.lines[0].get_ydata() == pytest.approx([0.1, 0.4])
    for one in (figure, again):
        matplotlib.pyplot.close(one)


def shard(rank, place):
    from infoplane.integrations.metrics import MutualInformation

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{place}/meeting", rank=rank, world_size=2)
    metric = MutualInformation(OPTIONS)
    t, y = data()
    mine = (torch.arange(41), torch.arange(41, 300))[rank]
    for piece in mine.split(100):
        metric.update(t[piece], y[piece])
    torch.save((metric.compute(), len(torch.cat(metric.t))), f"{place}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_with_uneven_shards_are_one(metric_class, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2])  # where the new processes find this file
    multiprocessing.spawn(shard, args=(str(tmp_path),), nprocs=2)
    alone = metric_class(OPTIONS)
    alone.update(*data())
    for rank, held in enumerate((41, 259)):
        value, left = torch.load(tmp_path / f"{rank}.pt")
        assert value == alone.compute()
        assert left == held  # each goes on with its own samples


def test_labels_are_declared_as_in_a_single_estimate(metric_class):
    t, _ = data()
    cents = (100 * t[:, 0]).round().long()
    metric = metric_class("gaussian", continuous="y")
    metric.update(t, cents)
    expected = ip.mutual_information(t, cents, estimator="gaussian", continuous="y").value
    assert metric.compute().item() == pytest.approx(expected, abs=1e-6)
    ignoring = metric_class(OPTIONS, ignore_index=-100)
    ignoring.update(t, torch.where(torch.arange(300) < 30, -100, t[:, 0] > 0))
    assert ignoring.compute().item() == pytest.approx(
        ip.mutual_information(t[30:], t[30:, 0] > 0, estimator=OPTIONS).value, abs=1e-6
    )
