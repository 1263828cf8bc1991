"""Family: J copies of one network, trained as one and measured without leaving a trace on their training."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from infoplane.checks import whole_number
from infoplane.errors import InfoplaneError, InputError
from infoplane.family.batched import BatchedEngine
from infoplane.family.choice import ENGINES, choose_engine, make_engine
from infoplane.family.engine import FamilyEngine, fill
from infoplane.family.losses import Loss, LossFunction, resolve_loss
from infoplane.family.members import Initialisation, ModelOrFunction, copy_members, make_members, network_from
from infoplane.family.optimizers import (
    OptimizerFactory,
    load_optimizer_tensors,
    optimizer_for,
    optimizer_tensors,
    resolve_optimizer,
    why_not_stacked,
)
from infoplane.family.state import need_same_shapes, part_of
from infoplane.randomness import Streams
from infoplane.recording.placement import (
    DEFAULT_BATCH,
    as_input,
    as_tensor,
    floating_dtype,
    resolve_device,
    takes_indices,
)
from infoplane.recording.select import WHOLE_MODEL, Layers, Selection, select

T = TypeVar("T")


class Family:
    """J copies of one network.

    Args:
        model: a module, which is copied and never changed, or a function without arguments that makes one.
        copies: number of copies J, at least 1.
        init: "shared", all copies start at the model's parameters; "independent", every copy is initialised anew by its
            `reset_parameters()` methods, or by the function, under a random stream of its own.
        seed: whole number from 0 up. Start and batches of a copy depend on the seed and the copy's number only.
        engine: "auto", "modules" (one after another), "vmap" or "batched" (perceptrons only); `engine_reason` says why.
        device: None (where the model is), "auto", "cpu", "cuda", "mps".

    Raises:
        InputError: a value that does not fit.
        UnknownNameError: no such engine, or no such ``init``.

    Example:
        >>> import torch
        >>> from infoplane.networks import six_layer
        >>> family = Family(six_layer, copies=5, init="independent", seed=1)
        >>> family.compile("mse", learning_rate=0.2)
        >>> x, y = torch.randn(1000, 12), torch.ones(1000, 1)
        >>> rows = family.draw(1000, 101)
        >>> family.step(x[rows], y[rows]).shape
        torch.Size([5])
        >>> {name: tuple(t.shape) for name, t in family.activations(x, ["9", "11"]).items()}
        {'9': (5, 1000, 3), '11': (5, 1000, 1)}
    """

    def __init__(
        self,
        model: ModelOrFunction,
        copies: int = 1,
        *,
        init: Initialisation = "shared",
        seed: int = 0,
        engine: str = "auto",
        device: str | torch.device | None = None,
    ) -> None:
        copies = whole_number("copies", copies, least=1, example=5)
        seed = whole_number("seed", seed, least=0, example=0)
        if not callable(model):
            raise InputError(f"model is a {type(model).__name__}: give a torch module, or a function that makes one")
        original = model if isinstance(model, nn.Module) else network_from(model, seed)
        place = resolve_device(device, original)
        self._start(make_members(model, copies, init, seed, place), seed, engine, place)

    @classmethod
    def from_modules(
        cls,
        networks: Sequence[nn.Module],
        *,
        seed: int = 0,
        engine: str = "auto",
        device: str | torch.device | None = None,
    ) -> Family:
        """A family of existing networks of the same structure, which are copied.

        Raises:
            InputError: no networks, networks of several structures, or networks that share parameters.
        """
        networks = list(networks)
        if not networks:
            raise InputError("networks is empty: give at least one network")
        place = resolve_device(device, networks[0])
        family = cls.__new__(cls)
        family._start(copy_members(networks, place), whole_number("seed", seed, least=0, example=0), engine, place)
        return family

    def _start(self, members: list[nn.Module], seed: int, engine: str, device: torch.device) -> None:
        self._template = copy.deepcopy(members[0])
        self._asked = engine
        self._loss: Loss | None = None
        self._optimizer: OptimizerFactory | None = None
        self._trained = False
        self._selections: dict[object, Selection] = {}
        self._indices = takes_indices(self._template)
        self.copies = len(members)
        self.device = device
        self.dtype = floating_dtype(self._template) or torch.get_default_dtype()
        self._streams = Streams(seed, self.copies, device)
        self.engine, self.engine_reason = choose_engine(self._template, self.copies, engine, None)
        self._engine = make_engine(self.engine, members, self._streams, device)

    def __repr__(self) -> str:
        return f"Family(copies={self.copies}, engine={self.engine!r}, device={str(self.device)!r})"

    def compile(
        self, loss: str | LossFunction, optimizer: str | OptimizerFactory = "sgd", learning_rate: float = 0.2
    ) -> None:
        """Choose what is minimised, and how; a fresh optimiser each time.

        `loss` is "mse", "cross-entropy" or a function (prediction, target) -> scalar of ONE copy. `optimizer` is
        "sgd", "adam" (both with `learning_rate`) or a function of one copy's parameters that gives a torch optimizer.
        Optimisers not known to be elementwise make the copies train one after another.

        Raises:
            InputError: no loss, no optimizer, or a learning rate that is not positive.
            UnknownNameError: no such loss or optimizer.
        """
        resolved, factory = resolve_loss(loss), resolve_optimizer(optimizer, learning_rate)
        problem = why_not_stacked(optimizer_for(factory, self._template), self._template)
        self._loss, self._optimizer = resolved, factory
        self._use(*choose_engine(self._template, self.copies, self._asked, problem))
        self._engine.compile(resolved, factory)

    def draw(self, n: int, batch_size: int) -> Tensor:
        """Row numbers for the next batch of every copy, without replacement, from its own stream: (members, batch)."""
        return self._streams.draw(n, batch_size)

    def step(self, x: Any, y: Any) -> Tensor:
        """One optimiser step of every copy, in training mode, on its own batch.

        x and y are (members, batch, ...). Returns the losses before the step, (members,), where the tensors are.

        Raises:
            InputError: no loss is chosen yet, or shapes that do not fit.
        """
        if self._loss is None:
            raise InputError('the family has no loss yet: call compile("mse") or another loss before step')
        x, y = as_input(x, self.dtype, self.device, indices=self._indices), self.targets(y)
        if x.ndim < 2 or y.ndim < 2 or x.shape[:2] != y.shape[:2] or len(x) != self.copies:
            raise InputError(
                f"x has shape {tuple(x.shape)} and y {tuple(y.shape)}: both need ({self.copies} members, batch, ...), "
                "e.g. x[rows] and y[rows] with rows = family.draw(len(x), batch_size)"
            )
        losses = self._run(lambda engine: engine.step(x, y))
        self._trained = True
        return losses

    def targets(self, y: Any) -> Tensor:
        """y where the copies are; numbers with a fraction in the type that they compute with."""
        target = as_tensor(y, "y")
        return target.to(self.device, self.dtype) if target.is_floating_point() else target.to(self.device)

    def activations(self, x: Any, layers: Layers = None, *, lend: bool = False) -> dict[str, Tensor]:
        """Outputs of layers for x (samples, ...) in every copy, in evaluation mode: (members, samples, ...) by name.

        `layers` are names, globs over names, or None for activations and layers with parameters. No random stream,
        buffer or flag changes. With `lend` the tensors may lie in memory that the next such call overwrites: faster
        for whoever looks at them and lets go.

        Raises:
            UnknownNameError: no such layer.
            RecordingError: a layer that was asked for by name never ran.
        """
        x, selection = self.inputs(x), self._selection(layers)
        lend = lend and len(x) <= DEFAULT_BATCH

        def evaluate(part: Tensor) -> dict[str, Tensor]:
            return self._run(lambda engine: engine.evaluate(part, selection, lend=lend))

        return _joined([evaluate(part) for part in x.split(DEFAULT_BATCH)], axis=1)

    def sampled_activations(self, x: Any, layers: Layers, draws: Tensor) -> dict[str, Tensor]:
        """As `activations`, but row i goes through copy draws[i] only: (samples, ...) by name."""
        x, selection = self.inputs(x), self._selection(layers)
        draws = self._draws(draws, len(x))

        def evaluate(part: Tensor, share: Tensor) -> dict[str, Tensor]:
            return self._run(lambda engine: engine.evaluate_sampled(part, selection, share))

        return _joined(list(map(evaluate, x.split(DEFAULT_BATCH), draws.split(DEFAULT_BATCH))), axis=0)

    def remembered(self) -> Tensor | None:
        """The weights as they are now, in few bytes, for ``at``; None where the engine cannot be asked for the past."""
        engine = self._engine
        return engine.remembered() if isinstance(engine, BatchedEngine) and self.device.type == "cpu" else None

    def at(self, moments: Sequence[Tensor]) -> Family:
        """The copies at several remembered moments, one after the other, as one family; for looking at its layers only.

        It lasts until the next such call.
        """
        if not isinstance(self._engine, BatchedEngine):
            raise InputError(f"engine {self.engine!r} cannot be asked for the past: use engine='batched'")
        past = copy.copy(self)
        past.copies, past._engine = len(moments) * self.copies, self._engine.at(moments)
        return past

    def predict(self, x: Any) -> Tensor:
        """What every copy puts out for x (samples, ...), in evaluation mode: (members, samples, ...)."""
        return self.activations(x, WHOLE_MODEL)[WHOLE_MODEL]

    def _draws(self, draws: Any, samples: int) -> Tensor:
        draws = as_tensor(draws, "draws").cpu()
        if draws.shape != (samples,) or draws.is_floating_point():
            got = f"shape {tuple(draws.shape)} and type {draws.dtype}"
        elif draws.min() < 0 or draws.max() >= self.copies:
            got = f"values from {int(draws.min())} to {int(draws.max())}"
        else:
            return draws.long()
        raise InputError(f"draws has {got}: give one copy a sample, e.g. torch.randint({self.copies}, ({samples},))")

    def inputs(self, x: Any) -> Tensor:
        """x where the copies are, in the type that they compute with."""
        return as_input(x, self.dtype, self.device, indices=self._indices)

    def _selection(self, layers: Layers) -> Selection:
        key = tuple(layers) if isinstance(layers, list) else layers
        if key not in self._selections:
            self._selections[key] = select(self._template, layers)
        return self._selections[key]

    def modules(self) -> list[nn.Module]:
        """The copies as separate modules, in training mode, with their present parameters."""
        weights = self._engine.weights()
        networks = [copy.deepcopy(self._template) for _ in range(self.copies)]
        for number, network in enumerate(networks):
            fill(network, weights, number)
        return networks

    def weights(self) -> dict[str, Tensor]:
        """Copies of all parameters and buffers by name: (members, ...)."""
        return self._engine.weights()

    def gradients(self) -> dict[str, Tensor]:
        """The gradients of the last step by parameter: (members, ...), in memory that the next step may reuse."""
        return self._engine.gradients()

    def load_weights(self, weights: Mapping[str, Tensor]) -> None:
        """Overwrite all parameters and buffers.

        Raises:
            InputError: a name or a shape does not fit; nothing is changed then.
        """
        need_same_shapes(weights, self._engine.weights(), "weights")
        self._engine.load_weights(weights)

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that training goes on from: weights, optimiser, random streams; tensors with flat names.

        The loss and the optimiser's options are not part of it: `compile` alike before `load_state_dict`.
        """
        return {
            f"engine.{self.engine}": torch.ones((), dtype=torch.uint8),
            **{f"weights.{name}": tensor for name, tensor in self._engine.weights().items()},
            **{f"optimizer.{name}": tensor for name, tensor in optimizer_tensors(self._engine.optimizers()).items()},
            **{f"streams.{name}": tensor for name, tensor in self._streams.state().items()},
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state, bit for bit where the engine, the device and the threads are the same.

        Raises:
            InputError: a state of other shapes or another number of copies, which changes nothing; or no loss is
                chosen yet.
        """
        weights, streams = part_of(state, "weights."), part_of(state, "streams.")
        need_same_shapes(weights, self._engine.weights(), "weights")
        need_same_shapes(streams, self._streams.state(), "streams")
        optimizer = part_of(state, "optimizer.")
        if optimizer and self._loss is None:
            raise InputError("the state holds an optimiser's memory: call compile(...) as before, then load it")
        engine = next(iter(part_of(state, "engine.")), "no engine")
        if engine not in ENGINES:
            raise InputError(f"the state names {engine}: give a state made by Family.state_dict()")
        self._use(engine, f"The loaded state was trained by engine {engine!r}.")
        self._engine.load_weights(weights)
        self._streams.load_state(streams)
        load_optimizer_tensors(self._engine.optimizers(), optimizer)

    def _use(self, name: str, reason: str) -> None:
        if name == self.engine:
            return
        self._engine = self._other_engine(name)
        self.engine, self.engine_reason = name, reason

    def _other_engine(self, name: str) -> FamilyEngine:
        engine = make_engine(name, self.modules(), self._streams, self.device)
        if self._loss is not None and self._optimizer is not None:
            engine.compile(self._loss, self._optimizer)
        return engine

    def _run(self, call: Callable[[FamilyEngine], T]) -> T:
        """Let the engine work; before the first step, plain modules take over from vmap where it cannot."""
        # a change of engines after a step would lose the optimiser's memory, so that only an untrained family may
        if self.engine != "vmap" or self._trained:
            return call(self._engine)
        try:
            return call(self._engine)
        except InfoplaneError:
            raise
        except Exception as error:
            modules = self._other_engine("modules")
            result = call(modules)  # a mistake in the data fails here too, with its own message
            reason = str(error).partition("\n")[0]
            self._engine, self.engine, self._asked = modules, "modules", "modules"
            self.engine_reason = f"One module after another, because torch.func.vmap cannot run this network: {reason}"
            warnings.warn(self.engine_reason, stacklevel=3)
            return result


def _joined(parts: list[dict[str, Tensor]], axis: int) -> dict[str, Tensor]:
    if len(parts) == 1:
        return parts[0]
    return {name: torch.cat([part[name] for part in parts], axis) for name in parts[0]}
