"""What a forward pass writes into a network, in evaluation mode, is gone after a measurement."""

from __future__ import annotations

import copy
import random
from collections import deque

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver

import infoplane as ip
from infoplane.errors import InputError, RecordingError

X = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(60) % 2


@pytest.fixture(autouse=True)
def _fixed_random_state():
    torch.manual_seed(0)


class Writing(nn.Module):
    """A line, and whatever `write` does to the module in each forward pass; `start` gives it its state."""

    def __init__(self, start, write):
        super().__init__()
        self.line, self.write = nn.Linear(6, 3), write
        start(self)

    def forward(self, x: Tensor) -> Tensor:
        self.write(self, x)
        return self.line(x)


def add_in_place(module, x):
    module.seen += len(x)


def replace_buffer(module, x):
    module.seen = module.seen + len(x)


def grow(module, x):
    module.seen.resize_(3).fill_(len(x))


def hidden_write(module, x):
    module.seen.data.add_(1)


def batch_statistics(module, x):
    nn.functional.batch_norm(x, module.mean, module.variance, training=True)


def keep_new(module, x):
    module.membrane = x.sum() if module.membrane is None else module.membrane + x.sum()


def new_attribute(module, x):
    module.calls = getattr(module, "calls", 0) + 1


def write_attribute(module, x):
    module.membrane.add_(1)


def append(module, x):
    module.history.append(x)
    module.cache["last"][0] += 1


def draw(module, x):
    torch.rand(3, generator=module.torchs)
    module.numpys.random()
    module.pythons.random()


def with_buffer(module):
    module.register_buffer("seen", torch.zeros(()))


def with_statistics(module):
    module.register_buffer("mean", torch.zeros(6))
    module.register_buffer("variance", torch.ones(6))


def with_attributes(module):
    module.membrane, module.history, module.cache = None, deque([1]), {"last": [np.zeros(2)]}
    module.torchs, module.numpys, module.pythons = torch.Generator(), np.random.default_rng(0), random.Random(0)


def with_membrane(module):
    module.membrane = torch.zeros(2)


def state(module: nn.Module) -> str:
    """All that it keeps, to the last digit."""
    own = {name: value for name, value in vars(module).items() if name not in vars(nn.Module())}
    drawn = [
        copy.deepcopy(value) if not isinstance(value, torch.Generator) else value.get_state().tolist()
        for value in own.values()
    ]
    drawn = [value.random() if isinstance(value, np.random.Generator | random.Random) else value for value in drawn]
    tensors = {name: (tensor.tolist(), tensor._version) for name, tensor in module.named_buffers()}
    return repr((list(own), drawn, tensors, list(module.state_dict())))


@pytest.mark.parametrize(
    ("start", "write"),
    [
        (with_buffer, add_in_place),
        (with_buffer, replace_buffer),
        (with_buffer, grow),
        (with_buffer, hidden_write),
        (with_statistics, batch_statistics),
        (with_attributes, keep_new),
        (with_attributes, new_attribute),
        (with_attributes, append),
        (with_attributes, draw),
        (with_membrane, write_attribute),
    ],
)
def test_what_a_module_writes_into_itself_is_gone_afterwards(start, write):
    model = Writing(start, write)
    before = state(model)
    ip.InformationPlane(X, Y).measure(model, 0)
    ip.record(model, X, batch_size=7)
    ip.layers(model, X)
    assert state(model) == before


def test_inside_a_measurement_the_state_goes_on_from_batch_to_batch():
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return x + self.calls

    model = Counted()
    recorded = ip.record(model, torch.zeros(4, 1), "(model)", batch_size=2)["(model)"]
    assert recorded[:, 0].tolist() == [1, 1, 2, 2]
    assert int(model.calls) == 0


class Quantising(nn.Module):
    """Torch's own fake quantisation, whose observer goes on in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.line, self.head = nn.Linear(6, 8), nn.Linear(8, 2)
        self.quantise = FakeQuantize(
            MovingAverageMinMaxObserver, quant_min=0, quant_max=255, dtype=torch.quint8, averaging_constant=0.3
        )

    def forward(self, x):
        return self.head(self.quantise(torch.tanh(self.line(x))))


@pytest.mark.parametrize("between", [False, True])
def test_training_with_fake_quantisation_is_bitwise_the_same(between):
    results = []
    for measured in (False, True):
        torch.manual_seed(1)
        model = Quantising()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        plane = ip.InformationPlane(3 * X, Y)
        for step in range(4):
            optimizer.zero_grad()
            if measured and not between:
                plane.measure(model, step)
            loss = nn.functional.cross_entropy(model(X[step * 15 : step * 15 + 15]), Y[:15])
            if measured and between:  # the backward pass still needs what the forward pass saw
                plane.measure(model, step)
            loss.backward()
            optimizer.step()
        results.append(list(model.state_dict().values()))
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_an_embedding_that_torch_rescales_is_not_rescaled_by_measuring():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(9, 4, max_norm=0.1), nn.Linear(4, 9, bias=False)
            self.head.weight = self.table.weight

        def forward(self, x):
            return self.head(self.table(x).mean(1))

    model, words = Words(), torch.randint(9, (60, 3))
    before = model.table.weight.detach().clone()
    recorded = ip.record(model, words)
    assert torch.equal(model.table.weight, before)
    assert model.head.weight is model.table.weight
    with torch.no_grad():
        assert torch.equal(model(words), recorded["head"])


def test_a_parameter_that_the_forward_pass_writes_is_an_error_that_names_it():
    def normalise(module, x):
        with torch.no_grad():
            module.line.weight /= module.line.weight.norm()

    model = Writing(lambda module: None, normalise)
    with pytest.raises(RecordingError, match=r"wrote into 'weight' of layer 'line', .*register_buffer"):
        ip.InformationPlane(X, Y).measure(model, 0)
    assert ip.InformationPlane(X, Y).measure(Writing(lambda module: None, lambda module, x: None), 0)


def test_a_family_of_a_network_without_numbers_is_refused():
    for device in (None, "cpu"):
        with pytest.raises(InputError, match='on the device "meta" and has no numbers: make it on a real device'):
            ip.Family(nn.Linear(4, 3, device="meta"), 2, device=device)


def test_a_lazy_network_is_refused_at_every_entrance():
    for measure in (
        lambda model: ip.record(model, X),
        lambda model: ip.layers(model, X),
        lambda model: ip.InformationPlane(X, Y).measure(model, 0),
        lambda model: ip.InformationPlane(X, Y).measure([model, copy.deepcopy(model)], 0),
        lambda model: ip.Family(model, 2),
    ):
        model, numbers = nn.Sequential(nn.LazyLinear(4), nn.Tanh()), torch.get_rng_state()
        with pytest.raises(InputError, match=r"lazy parameters without a shape .* run it once on a batch"):
            measure(model)
        assert type(model[0]) is nn.LazyLinear
        assert torch.equal(torch.get_rng_state(), numbers)
