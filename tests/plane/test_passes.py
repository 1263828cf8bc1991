"""A module, a list and a family give the same rows of the same layers in the same batches."""

import pytest
import torch

import infoplane as ip
from infoplane.errors import InputError, RecordingError
from infoplane.plane.passes import Pass, copies_of, names_of, read
from infoplane.recording.inputs import Inputs


@pytest.fixture
def family():
    return ip.Family(ip.networks.warm_up, 2, init="independent", seed=3)


def shown(model, x, **what):
    """Layer, number of the call and rows (members, samples, units), in the order in which they came."""
    seen = []

    def take(key, rows, output):
        assert output is rows  # these are rows already
        seen.append((key, rows.clone()))

    read(Pass(model, Inputs(x), **{"layers": ["1", "3"], "batch": 4, **what}), take)
    return seen


def test_all_show_the_same(family):
    x = torch.randn(10, 12)
    as_family, as_list = shown(family, x), shown(family.modules(), x)
    assert [key for key, _ in as_family] == [(name, 0, "") for _ in range(3) for name in ("1", "3")]
    assert [rows.shape[1] for _, rows in as_family] == [4, 4, 4, 4, 2, 2]
    assert [key for key, _ in as_family] == [key for key, _ in as_list]
    for member, module in enumerate(family.modules()):
        for (_, of_family), (_, of_list), (_, alone) in zip(as_family, as_list, shown(module, x), strict=True):
            assert torch.allclose(of_family[member], alone[0], atol=1e-6)
            assert torch.equal(of_list[member], alone[0])


def test_drawn_copies_are_one_member(family):
    x, draws = torch.randn(10, 12), torch.tensor([0, 1] * 5)
    whole, drawn = shown(family, x), shown(family, x, draws=draws)
    for number, ((_, every), (_, rows)) in enumerate(zip(whole, drawn, strict=True)):
        start, samples = 4 * (number // 2), torch.arange(every.shape[1])
        assert torch.allclose(rows[0], every[draws[start : start + len(samples)], samples], atol=1e-6)


def test_the_calls_of_a_module_are_numbered():
    act = torch.nn.Tanh()
    model = torch.nn.Sequential(torch.nn.Linear(12, 3), act, torch.nn.Linear(3, 3), act)
    keys = [key for key, _ in shown(model, torch.randn(4, 12), layers=None)]
    assert keys == [("0", 0, ""), ("1", 0, ""), ("2", 0, ""), ("1", 1, "")]
    assert list(names_of(keys).values()) == ["0", "1#0", "2", "1#1"]


def test_two_layers_of_one_name_are_refused():
    with pytest.raises(RecordingError, match=r"two layers would be called 'conv\[0\]'"):
        names_of([("conv", 0, "[0]"), ("conv[0]", 0, "")])


def test_what_the_output_was_comes_beside_its_rows():
    seen = {}
    images = Inputs(torch.randn(3, 1, 4, 4))
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten())
    read(Pass(network, images, pool="channel"), lambda key, rows, output: seen.update({key: (rows, output)}))
    assert {key: tuple(rows.shape) for key, (rows, _) in seen.items()} == {
        ("0", 0, "[0]"): (1, 3, 4),
        ("0", 0, "[1]"): (1, 3, 4),
    }
    assert {tuple(output.shape) for _, output in seen.values()} == {(1, 3, 2, 2, 2)}


def test_the_first_samples_keep_their_tokens():
    tokens = torch.tensor([[True, False], [True, True], [False, True]])
    whole = Pass(torch.nn.Identity(), Inputs(torch.zeros(3, 2, 1)), pool="token", tokens=tokens)
    few = whole.of_first(2)
    assert (len(few.inputs), few.batch, few.tokens.tolist()) == (2, 2, tokens[:2].tolist())


def test_how_many_copies_there_are(family):
    assert [copies_of(model) for model in (family, family.modules(), torch.nn.Tanh())] == [2, 2, 1]
    module = torch.nn.Linear(1, 1)
    with pytest.raises(InputError, match="share their parameters"):
        copies_of([module, module])
