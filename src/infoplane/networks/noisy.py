"""Networks with Gaussian noise in their forward pass, and the many paths that an input takes through one.

With T_l = f(T_{l-1}) + N(0, s^2) the information I(X;T_l) is finite and moves while the network learns. Given one path
through the layers before, T_l is a normal distribution around the layer's output before its own noise; given x alone it
is a mixture of these, one for each path (sample propagation; Goldfeld et al. 2019, arXiv:1810.05728). So

    I(X;T_l) = h(mixture over all inputs and paths) - mean over x of h(mixture over the paths of x)

which the estimator ``noisy`` computes from the outputs before noise, (samples * paths, units), with the same x for all
paths of a sample.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from infoplane.checks import real_number, whole_number
from infoplane.errors import InputError
from infoplane.randomness import seeded
from infoplane.recording.evaluation import evaluation
from infoplane.recording.placement import as_input, device_of, floating_dtype, takes_indices
from infoplane.recording.select import Layers, is_activation, layer_outputs, select, unwrap

SUFFIX = "-noise"  # of the name of a layer of noise, after the name of the layer before it
ROWS_AT_ONCE = 65536  # samples times paths in one forward pass


@final
class GaussianNoise(nn.Module):
    """Adds N(0, ``noise``^2) to every value, in training and in evaluation: the noise is a part of the network.

    Raises:
        InputError: ``noise`` is no standard deviation of at least 0.

    Example:
        >>> import torch
        >>> GaussianNoise(0.5)(torch.zeros(3, 2)).shape
        torch.Size([3, 2])
    """

    def __init__(self, noise: float) -> None:
        super().__init__()
        self.noise = real_number("noise", noise, least=0, example=0.1)

    def forward(self, values: Tensor) -> Tensor:
        return values + self.noise * torch.randn_like(values)

    def extra_repr(self) -> str:
        return f"noise={self.noise:g}"


def with_noise(network: nn.Sequential, noise: float, *, after: Sequence[str] | None = None) -> nn.Sequential:
    """A copy of a network with Gaussian noise after some of its layers.

    ``noise`` is its standard deviation; ``after`` names layers, None being all activations. Layers keep their names,
    with their outputs before the noise; the noise after layer "1" is the layer "1-noise". It comes from torch's global
    random state, as dropout's does.

    Raises:
        InputError: an unknown name, or a network that is no ``nn.Sequential``.

    Example:
        >>> from infoplane.networks import mlp
        >>> list(dict(with_noise(mlp([12, 5, 2]), 0.1).named_children()))
        ['0', '1', '1-noise', '2']
    """
    if not isinstance(network, nn.Sequential):
        raise InputError(
            f"with_noise takes a torch.nn.Sequential, got {type(network).__name__}: put "
            "infoplane.networks.noisy.GaussianNoise(noise) into its forward pass"
        )
    children = dict(network.named_children())
    names = [name for name, layer in children.items() if is_activation(layer)] if after is None else list(after)
    unknown = [name for name in names if name not in children]
    if unknown or not names:
        raise InputError(f"no layer {', '.join(map(repr, unknown))} to add noise after: name some of {list(children)}")
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in children.items():
        layers[name] = copy.deepcopy(layer)
        if name in names:
            layers[name + SUFFIX] = GaussianNoise(noise)
    noisy = nn.Sequential(layers)
    noisy.training = network.training
    return noisy


def sample_paths(
    model: nn.Module, x: Any, layers: Layers = None, *, paths: int = 16, seed: int = 0
) -> dict[str, Tensor]:
    """Outputs of chosen layers on several independent paths of each input through a network with noise.

    ``x`` (samples, ...); ``layers`` as in ``infoplane.record``. Returns name -> (samples, paths, ...), before the
    layers' own noise, in evaluation mode; the same for the same ``seed``, which leaves the random state as it was.

    Raises:
        InputError: ``paths`` is no whole number of at least 1.
        UnknownNameError: no such layer.

    Example:
        >>> import torch
        >>> from infoplane.networks import mlp
        >>> from infoplane.estimators import estimator
        >>> from infoplane.estimators.counting import samples
        >>> network, x = with_noise(mlp([12, 5, 2]), 0.1), torch.randn(100, 12)
        >>> t = sample_paths(network, x, "1", paths=4)["1"]
        >>> t.shape
        torch.Size([100, 4, 5])
        >>> noisy = estimator("noisy", noise=0.1)
        >>> same_x = samples.Variable(samples.number(torch.arange(100).repeat_interleave(4)))
        >>> 0 < noisy.about_input(noisy.prepare(t.flatten(0, 1)), same_x).value <= 6.65
        True
    """
    paths = whole_number("paths", paths, least=1, example=16)
    model = unwrap(model)
    selection = select(model, layers)
    x = as_input(x, floating_dtype(model), device_of(model), indices=takes_indices(model))
    batches: list[dict[str, Tensor]] = []
    with evaluation(model), seeded(seed, x.device):
        for batch in x.split(max(1, ROWS_AT_ONCE // paths)):
            rows = batch.repeat_interleave(paths, dim=0)  # (samples * paths, ...)
            batches.append(layer_outputs(model, selection, len(rows), _call(model, rows)))
    return {name: torch.cat([t[name] for t in batches]).unflatten(0, (len(x), paths)) for name in batches[0]}


def _call(model: nn.Module, rows: Tensor) -> Any:
    return lambda: model(rows)
