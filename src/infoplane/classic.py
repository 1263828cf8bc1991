"""The original report's names and signatures on top of this library: its notebook runs with one import line changed.

Defaults are the correct thing; ``as_published=True`` brings back what the report's own code did where that differs:
every prediction is compared with every label, and ``fit`` stops at its first look. Documentation: "The report
re-examined".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from infoplane import plotting
from infoplane.errors import InputError, UnknownNameError
from infoplane.estimators import as_activations
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import Variable, as_array, check_lengths, input_ids, label_ids
from infoplane.plane.plane import InformationPlane
from infoplane.recording.placement import device_of, floating_dtype
from infoplane.training import keywords as training
from infoplane.training.options import Plot
from infoplane.training.result import Result
from infoplane.trajectory.stopping import InformationStopping

_THIRTY, _FIFTY = np.linspace(-1, 1, 30), np.linspace(-1, 1, 50)
_MSE = nn.MSELoss()

FamilyKind = Literal["sampled", "exact", "per-copy"]


@final
class ReshapeLayer(nn.Module):
    """Gives its input another shape; one size of ``new_shape`` may be -1.

    >>> ReshapeLayer((-1, 9))(torch.zeros(4, 1, 3, 3)).shape
    torch.Size([4, 9])
    """

    def __init__(self, new_shape: Sequence[int]) -> None:
        super().__init__()
        self.new_shape = tuple(new_shape)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(self.new_shape)

    def extra_repr(self) -> str:
        return str(self.new_shape)


@final
class BufferedSequential(nn.Module):
    """Layers one after another; after each call ``buffer`` lists the outputs of those marked True in ``buffer_or_not``.

    The input is a tensor or an array (samples, ...), whole numbers too. The buffered outputs are copies outside the
    graph of gradients. ``n_buffers`` is their number. InputError where there is not one mark a layer, or none True.

    >>> network = BufferedSequential([nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1), nn.Tanh()], [False, True] * 2)
    >>> network(np.ones((100, 12), dtype=int)).shape, [tuple(t.shape) for t in network.buffer]
    (torch.Size([100, 1]), [(100, 5), (100, 1)])
    """

    def __init__(self, layers: Sequence[nn.Module], buffer_or_not: Sequence[bool]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.buffer_or_not = [bool(mark) for mark in buffer_or_not]
        if len(self.buffer_or_not) != len(self.layers) or not any(self.buffer_or_not):
            raise InputError(
                f"buffer_or_not is {self.buffer_or_not} for {len(self.layers)} layers: give one mark a layer, True for "
                "those to look at, at least one, e.g. [False, True] * 2"
            )
        self.buffer: list[Tensor] = []

    @property
    def n_buffers(self) -> int:
        return sum(self.buffer_or_not)

    @property
    def buffered(self) -> list[str]:
        """The names, in ``layers``, of the layers marked True."""
        return [str(number) for number, mark in enumerate(self.buffer_or_not) if mark]

    def forward(self, x: Any) -> Tensor:
        tensor = x if isinstance(x, Tensor) else torch.from_numpy(as_array(x))
        tensor = tensor.to(device_of(self), floating_dtype(self) or torch.get_default_dtype())
        self.buffer = []
        for layer, mark in zip(self.layers, self.buffer_or_not, strict=True):
            tensor = layer(tensor)
            if mark:
                self.buffer.append(tensor.detach().clone())
        return tensor


@final
class ZivInformationPlane:
    """The simple estimator: I(X;T) and I(T;Y) of a layer in bits, by the original's rule for cutting into bins.

    ``X`` (samples, ...) numbers, ``Y`` (samples,), (samples, 1) or one-hot labels, ``bins`` the edges. What the rule
    does, and where it misleads, is said at ``infoplane.estimators.counting.rules.Report``. Activations with NaN or
    infinity are a NonFiniteError; ``nonfinite="keep"`` counts them as the original did, as values beyond the last edge.
    InputError where numbers of samples differ.

    >>> plane = ZivInformationPlane(np.arange(4), [0, 0, 1, 1])
    >>> [round(value, 6) for value in plane.mutual_information(np.array([[-0.9], [-0.5], [0.5], [0.9]]))]
    [2.0, 1.0]
    """

    def __init__(self, X: Any, Y: Any, bins: Any = _THIRTY, *, nonfinite: str = "error") -> None:
        self.X, self.Y = X, Y
        self.estimator = Binned(bins, nonfinite=nonfinite)
        self._inputs, self._labels = input_ids(X), label_ids(Y)
        check_lengths(X=self._inputs.n, Y=self._labels.n)
        self._draws = torch.Generator().manual_seed(0)

    def mutual_information(self, layer_output: Any) -> tuple[float, float]:
        """(I(X;T), I(T;Y)) in bits of ``layer_output`` (samples, ...), one row for each sample of X."""
        t = as_activations(layer_output)
        check_lengths(layer_output=len(t), X=self._inputs.n)
        symbols = self.estimator.prepare(t)
        x, y = Variable(self._inputs.to(t.device)), Variable(self._labels.to(t.device))
        return self.estimator.about_input(symbols, x).value, self.estimator.about_label(symbols, y).value

    def _fresh_seed(self) -> int:
        """A seed for the next draw of copies, from a stream that nothing else uses."""
        return int(torch.randint(2**62, (), generator=self._draws))


def mutual_information_for_network_family(
    infoplane: ZivInformationPlane, buffered_networks: Sequence[BufferedSequential], *, family: FamilyKind = "sampled"
) -> list[tuple[float, float]]:
    """The extended estimator: (I(X;T), I(T;Y)) in bits for each buffered layer of copies of one network.

    ``family="sampled"`` is the report's procedure: each sample goes through one copy drawn at random, and the entropy
    of the drawn rows is given as I(X;T). That counts which copy it was as information about X, by up to log2(copies)
    bits; ``"exact"`` does not, and ``"per-copy"`` is the mean of the simple estimator (see
    ``infoplane.InformationPlane``). The draws come from a stream of the plane's own, so that measuring never changes a
    training. Networks are measured in evaluation mode, and their buffers stay as they are.

    >>> import copy
    >>> layers = [nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1), nn.Tanh()]
    >>> networks = [copy.deepcopy(BufferedSequential(layers, [False, True] * 2)) for _ in range(2)]
    >>> X = np.random.default_rng(0).integers(-1, 4, (100, 12))
    >>> plane = ZivInformationPlane(X, X[:, 0] > 1)
    >>> len(mutual_information_for_network_family(plane, networks))
    2
    """
    if family not in ("sampled", "exact", "per-copy"):
        raise UnknownNameError("family", family, ("sampled", "exact", "per-copy"))
    if not len(buffered_networks):
        raise InputError("buffered_networks is empty: give at least one BufferedSequential")
    plane = InformationPlane(
        infoplane.X, infoplane.Y, layers=buffered_networks[0].buffered, estimators=infoplane.estimator,
        family=family, seed=infoplane._fresh_seed(),
    )  # fmt: skip
    rows = plane.measure([network.layers for network in buffered_networks], step=0)
    return [(row["i_xt"], row["i_ty"]) for row in rows]


def experiment(  # noqa: PLR0913 (the report's signature)
    base_network: BufferedSequential, X: Any, y: Any, epochs: int = 100, lr: float = 0.2, batch_size: int = 101,
    network_copies: int = 1, plot: Plot = "dynamic", activation_bins: Any = _FIFTY, *,
    as_published: bool = False, family: FamilyKind | None = None, seed: int = 0, **options: Any,
) -> list[BufferedSequential]:  # fmt: skip
    """Train copies of a network by stochastic gradient descent, measure each after every step, and give them back.

    ``y``: targets and labels in one, (samples,), (samples, 1) or one-hot (samples, classes). An epoch is one step on
    ``batch_size`` samples. ``plot``: ``"dynamic"`` shows a point for each layer and step while training, coloured by
    layer and the more opaque the later, ``"once"`` a line a layer at the end, None nothing. ``family`` says how copies
    become one number, if None ``"exact"``; ``options`` are those of ``infoplane.experiment``, which also gives the
    numbers behind the picture. ``as_published=True``: ``published_loss`` (for a ``y`` of shape (samples,) the
    published code, too, compares element by element) and ``family="sampled"``. Errors as of ``infoplane.experiment``.

    >>> network = BufferedSequential([nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1), nn.Tanh()], [False, True] * 2)
    >>> X = np.random.default_rng(0).integers(-1, 4, (200, 12))
    >>> [type(one).__name__ for one in experiment(network, X, X[:, 0] > 1, epochs=3, network_copies=2, plot=None)]
    ['BufferedSequential', 'BufferedSequential']
    """
    look: dict[str, Any] = {"color": "layer", "kind": "lines" if plot == "once" else "points"}
    settings = {
        "epochs": epochs, "learning_rate": lr, "batch_size": batch_size, "copies": network_copies, "plot": plot,
        "loss": _loss(_MSE, y, as_published), "family": family or ("sampled" if as_published else "exact"),
        "layers": base_network.buffered, "estimators": Binned(activation_bins), "seed": seed, "device": None,
        "picture": look,
    }  # fmt: skip
    result = training.experiment(base_network.layers, X, _targets(y), **{**settings, **options})
    if plot == "once" and len(result.trajectory):
        plotting.LiveFigure(facts=result.trajectory.meta, **look).close(result.trajectory.to_pandas)
    return [BufferedSequential(list(layers.children()), base_network.buffer_or_not) for layers in result.networks]


def fit(  # noqa: PLR0913 (the report's signature)
    network: BufferedSequential, X: Any, y: Any, epochs: int = 10, epoch_length: int = 10, mi_tol: float = 0.1,
    beta: float = 1, lr: float = 0.2, batch_size: int = 101, activation_bins: Any = _FIFTY,
    loss: Callable[..., Tensor] = _MSE, *, as_published: bool = False, seed: int = 0, **options: Any,
) -> Result:  # fmt: skip
    """Train a network itself until I(T;Y) - beta I(X;T) of its last buffered layer says stop.

    The criterion looks after every ``epoch_length`` steps, at most ``epochs`` times, and stops where a look does not
    exceed the best one before by more than ``mi_tol`` bits. As that quantity falls while most networks learn, another
    rule, ``stopping=``, is often better; it is one of the ``options``, which are those of ``infoplane.fit``. The
    result's ``decision`` says why it stopped, and after how many ``steps``. ``as_published=True``: the published rule,
    which stops at its first look for every beta of 1 or more, and ``loss`` of every prediction against every label.
    Errors as of ``infoplane.fit``.

    >>> network = BufferedSequential([nn.Linear(12, 5), nn.Tanh(), nn.Linear(5, 1), nn.Tanh()], [False, True] * 2)
    >>> X = np.random.default_rng(0).integers(-1, 4, (200, 12))
    >>> fit(network, X, X[:, 0] > 1, as_published=True).steps
    10
    """
    rule: Literal["report", "improvement"] = "report" if as_published else "improvement"
    settings = {
        "stopping": InformationStopping(beta=beta, min_delta=mi_tol, rule=rule), "epochs": epochs,
        "epoch_length": epoch_length, "learning_rate": lr, "batch_size": batch_size,
        "loss": _loss(loss, y, as_published), "layers": network.buffered, "estimators": Binned(activation_bins),
        "seed": seed,
    }  # fmt: skip
    return training.fit(network.layers, X, _targets(y), **{**settings, **options})


def published_loss(prediction: Tensor, target: Tensor, *, loss: Callable[..., Tensor] = mse_loss) -> Tensor:
    """Every prediction of a batch against every label of it: what the report's code minimised, by a slip of shapes.

    It indexes its labels as ``y[rows, np.newaxis]``, so that predictions (batch, units) meet labels (batch, 1, units),
    and torch broadcasts both to (batch, batch, units). The minimum is the mean label for every input.

    >>> float(published_loss(torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [-1.0]])))
    2.0
    """
    return loss(*torch.broadcast_tensors(prediction, target[:, None]))


def _loss(loss: Callable[..., Tensor], y: Any, as_published: bool) -> Callable[..., Tensor]:
    return partial(published_loss, loss=loss) if as_published and as_array(y).ndim > 1 else loss


def _targets(y: Any) -> np.ndarray:
    """``y`` as numbers (samples, units)."""
    array = as_array(y)
    if array.dtype.kind not in "biuf":
        raise InputError(f"y holds {array.dtype}, not numbers: encode it as 0/1, -1/+1 or one-hot")
    return array.reshape(len(array), -1).astype(np.float32)
