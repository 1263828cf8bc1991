"""The layers of any module: chooses them by name, and copies what they put out during one forward pass.

Hooks are attached for the length of one call only. What they see is copied at once, so that an in-place operation
that follows a layer cannot change it.
"""

from __future__ import annotations

import fnmatch
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError, UnknownNameError

Layer = str | nn.Module
Layers = Layer | Sequence[Layer] | None

#: The name of the network as a whole.
WHOLE_MODEL = "(model)"

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_ACTIVATION_CLASSES = {
    "FastGELU", "GELUActivation", "NewGELU", "NewGELUActivation", "QuickGELU", "QuickGELUActivation",
    "QuantisedActivation", "QuantisedReLU", "SiLUActivation", "Sine", "Snake", "Swish",
}  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """Chosen layers: their paths inside a network by name, and which of them were asked for by their own name.

    A layer in `required` that does not run, or puts out no tensor of one row a sample, is an error; any other is left
    out. `told` holds the warnings already given.
    """

    paths: Mapping[str, str]
    required: frozenset[str] = frozenset()
    told: set[str] = field(default_factory=set)

    def tell(self, message: str) -> None:
        if message not in self.told:
            self.told.add(message)
            warnings.warn(message, stacklevel=2)


def unwrap(model: nn.Module) -> nn.Module:
    """The network inside torch.compile, DataParallel and DistributedDataParallel."""
    inner = model.module if isinstance(model, _WRAPPERS) else getattr(model, "_orig_mod", None)
    return unwrap(inner) if isinstance(inner, nn.Module) else model


def is_activation(module: nn.Module) -> bool:
    """Whether a module is a nonlinearity: one of torch's, or one without parameters that is named like one."""
    if any(base.__module__ == "torch.nn.modules.activation" for base in type(module).__mro__):
        return True
    bare = next(module.parameters(), None) is None and next(module.children(), None) is None
    return bare and type(module).__name__ in _ACTIVATION_CLASSES


def _is_recorded_by_default(module: nn.Module) -> bool:
    """Whether a module is an activation, or has parameters and no modules inside."""
    has_parameters = next(module.parameters(), None) is not None
    return is_activation(module) or (has_parameters and next(module.children(), None) is None)


def select(model: nn.Module, layers: Layers) -> Selection:
    """Find layers of an unwrapped model: names, globs over names, modules, a list of these, or None.

    None stands for activations, and for modules with parameters and no modules inside.
    """
    paths = _paths(model)
    if layers is None:
        chosen = {name: paths[name] for name in _once(model, paths, paths)}
        modules = {name: model.get_submodule(path) for name, path in chosen.items()}
        return Selection({name: path for name, path in chosen.items() if _is_recorded_by_default(modules[name])})
    names: dict[str, bool] = {}  # and whether asked for by its own name
    for layer in [layers] if isinstance(layers, str | nn.Module) else list(layers):
        exact = _exact(model, layer, paths)
        if exact is not None:
            names[exact] = True
            continue
        matches = _once(model, fnmatch.filter(paths, str(layer)), paths)
        if not matches:
            raise UnknownNameError("layer", layer, paths)
        names = {**dict.fromkeys(matches, False), **names}
    if not names:
        raise InputError("layers is empty: give layer names, or None for all activations and layers with parameters")
    return Selection({name: paths[name] for name in names}, frozenset(name for name in names if names[name]))


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Inside, no gradients, every module in evaluation mode and nothing compiled; all training flags restored after."""
    modules = list(model.modules())
    training = [module for module in modules if module.training]
    compiled = any(
        getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod") for module in modules
    )
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        if compiled:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            for module in training:
                module.training = False
            yield
        finally:
            for module in training:
                module.training = True


def layer_outputs(
    model: nn.Module, selection: Selection, samples: int, call: Callable[[], object]
) -> dict[str, Tensor]:
    """Copies of what the selected layers of `model` put out during `call`, in the order in which they ran."""
    calls: list[tuple[str, Tensor]] = []

    def keep_as(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            tensor = _recordable(name, output, samples, selection)
            if tensor is not None:
                calls.append((name, tensor.detach().clone()))

        return keep

    hooks = []
    try:
        for name, path in selection.paths.items():
            hooks.append(model.get_submodule(path).register_forward_hook(keep_as(name)))
        call()
    finally:
        for hook in hooks:
            hook.remove()
    ran = {name for name, _ in calls}
    for name, path in selection.paths.items():
        if name in selection.required and name not in ran:
            raise RecordingError(_never_ran(model, name, path))
    if not calls:
        raise RecordingError("none of the selected layers ran: select modules that the model calls in its forward pass")
    return _numbered(calls)


def _numbered(calls: list[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Outputs by name; those of a layer that ran several times as "name#0", "name#1", ..."""
    times = Counter(name for name, _ in calls)
    seen: Counter[str] = Counter()
    outputs = {}
    for name, tensor in calls:
        outputs[name if times[name] == 1 else f"{name}#{seen[name]}"] = tensor
        seen[name] += 1
    return outputs


def _recordable(name: str, output: Any, samples: int, selection: Selection) -> Tensor | None:
    """The tensor to keep of a layer's output; None, with a warning, for a layer to be left out."""
    found = _first_tensor(output)
    kind = type(output).__name__
    if found is None:
        problem = f"layer {name!r} put out a {kind} without a tensor"
    elif found[1].ndim == 0 or len(found[1]) != samples:
        problem = f"layer {name!r} put out shape {tuple(found[1].shape)} for {samples} samples, not one row a sample"
    else:
        if found[0]:
            selection.tell(f"layer {name!r} put out a {kind}: its first tensor, {found[0]}, is recorded")
        return found[1]
    if name in selection.required:
        raise RecordingError(f"{problem}: select another layer, or change it to put out (samples, ...)")
    selection.tell(f"{problem}: it is left out")
    return None


def _first_tensor(output: Any) -> tuple[str, Tensor] | None:
    """The first tensor in nested tuples, lists and mappings, with the way to it."""
    if isinstance(output, Tensor):
        return "", output
    items: list[tuple[object, Any]] = []
    if isinstance(output, Mapping):
        items = list(output.items())
    elif isinstance(output, tuple | list):
        items = list(enumerate(output))
    for key, item in items:
        found = _first_tensor(item)
        if found is not None:
            return f"[{key!r}]{found[0]}", found[1]
    return None


def _paths(model: nn.Module) -> dict[str, str]:
    """Paths of all modules by the names users know: without the steps that torch.compile and DataParallel add."""
    paths = {}
    wrapped: set[str] = set()
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, _WRAPPERS):
            wrapped.add(f"{path}.module")
        elif isinstance(getattr(module, "_orig_mod", None), nn.Module):
            wrapped.add(f"{path}._orig_mod")
        steps = path.split(".")
        prefixes = [".".join(steps[: k + 1]) for k in range(len(steps))]
        name = ".".join(step for step, prefix in zip(steps, prefixes, strict=True) if prefix not in wrapped)
        paths[name or WHOLE_MODEL] = path
    return paths


def _once(model: nn.Module, names: Iterable[str], paths: Mapping[str, str]) -> list[str]:
    """The names of different modules: a module with several names keeps the first."""
    first = {id(model.get_submodule(paths[name])): name for name in reversed(list(names))}
    return [name for name in names if name in first.values()]


def _exact(model: nn.Module, layer: Layer, paths: Mapping[str, str]) -> str | None:
    """The name of the one layer that a module or a name stands for; None for what may be a glob."""
    if isinstance(layer, nn.Module):
        layer = unwrap(layer)
        for name, path in paths.items():
            if model.get_submodule(path) is layer:
                return name
        raise InputError(f"the layer {type(layer).__name__} is no part of this model: give one of its names")
    if not isinstance(layer, str):
        raise InputError(
            f"layer {layer!r} is a {type(layer).__name__}: give a name, a glob such as 'conv*' or a module"
        )
    while layer not in paths and layer.startswith(("module.", "_orig_mod.")):
        layer = layer.partition(".")[2]
    return layer if layer in paths else None


def _never_ran(model: nn.Module, name: str, path: str) -> str:
    parent = path
    while parent:
        parent = parent.rpartition(".")[0]
        if type(model.get_submodule(parent)).forward is not nn.Module.forward:
            break
    names = {path: name for name, path in _paths(model).items()}
    return (
        f"layer {name!r} was selected but never ran. Its parent uses it functionally or not at all; "
        f"select {names[parent]!r}, or call the layer as a module."
    )
