"""The layers of any module: chooses them by name, and copies what they put out during one forward pass.

Hooks are attached for the length of one call only. What they see is copied at once, so that an in-place operation
that follows a layer cannot change it.
"""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from infoplane.errors import InputError, RecordingError, UnknownNameError
from infoplane.recording.outputs import Part, output_of
from infoplane.recording.residual import residual_stream

Layer = str | nn.Module | type[nn.Module]
Layers = Layer | Sequence[Layer] | Callable[[str, nn.Module], bool] | None

#: After a layer's name: not what it puts out, but what goes into it.
INPUT = "<in"

#: The name of the network as a whole.
WHOLE_MODEL = "(model)"

_PROGRAM = "torch.jit made one program of it, which calls no hooks: measure the module that it was made from"
_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_WEIGHT_HOLDERS = ("parametrizations", "_packed_params")  # modules that make weights, and see no activations
_ACTIVATION_CLASSES = {
    "FastGELU", "GELUActivation", "NewGELU", "NewGELUActivation", "QuickGELU", "QuickGELUActivation",
    "QuantisedActivation", "QuantisedReLU", "SiLUActivation", "Sine", "Snake", "Swish",
}  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """Chosen layers: their paths inside a network by name, and which of them were asked for by their own name.

    A layer in `required` that does not run, or puts out no tensor of one row a sample, is an error; any other is left
    out. `part` says which part of an output is taken, by glob where it differs between layers. `warned` holds
    the warnings already given. `time_first` layers put out (tokens, samples, units), `channels_last` ones
    (samples, ..., channels). A `quiet` selection gives no warnings: nobody asked for it.
    """

    paths: Mapping[str, str]
    required: frozenset[str] = frozenset()
    part: Part | Mapping[str, Part] = None
    warned: set[str] = field(default_factory=set)
    time_first: frozenset[str] = frozenset()
    channels_last: frozenset[str] = frozenset()
    quiet: bool = False

    def part_of(self, name: str) -> Part:
        """Which part of the output of one layer is taken."""
        if not isinstance(self.part, Mapping):
            return self.part
        return next((part for glob, part in self.part.items() if fnmatch.fnmatchcase(name, glob)), None)

    def without(self, names: Iterable[str]) -> Selection:
        """The same but for some layers."""
        left_out = set(names)
        return replace(self, paths={name: path for name, path in self.paths.items() if name not in left_out})

    def warn(self, message: str) -> None:
        """Once for every message."""
        if not self.quiet and message not in self.warned:
            self.warned.add(message)
            warnings.warn(message, stacklevel=2)


class UnreadableLayers(RecordingError):
    """Layers that nobody asked for by name and that cannot be read: in every batch the others can be, without them."""

    def __init__(self, message: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.names = frozenset(names)


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
    """Whether a module is an activation, or has weights and no modules inside but those that hold weights."""
    # of int8 modules no weight is a parameter
    has_weights = next(module.parameters(), None) is not None or hasattr(module, "_packed_params")
    holders = (nn.ParameterList, nn.ParameterDict)
    inside = [inner for name, inner in module.named_children() if name not in _WEIGHT_HOLDERS]
    return is_activation(module) or (has_weights and all(isinstance(inner, holders) for inner in inside))


def select(model: nn.Module, layers: Layers) -> Selection:
    """Find layers of an unwrapped model: names, globs, modules, their classes, a list of these, a function, or None.

    "fc2<in" is what goes into "fc2": what a functional activation before it puts out. None (or "auto") stands for
    activations, and for modules with parameters and no modules inside; "residual" for the
    residual stream of a transformer; a function (name, module) says which to take.

    Raises:
        UnknownNameError: no layer of that name, or none that a glob fits.
        InputError: what is no name, glob, class or module of this network, or takes no layer at all.
        RecordingError: the network is a program of torch.jit.
    """
    if isinstance(model, torch.jit.ScriptModule):
        which = f"layer {layers!r} was selected but never ran. " if isinstance(layers, str) else ""
        raise RecordingError(which + _PROGRAM)
    paths = _paths(model)
    names = _chosen(model, layers, paths)
    chosen = {name: paths[name.removesuffix(INPUT)] for name in names}
    required = frozenset(name for name in names if names[name])
    channels_last = frozenset(name for name, path in chosen.items() if _says_channels_last(model, path))
    return Selection(chosen, required, time_first=_time_first(model, chosen), channels_last=channels_last)


def _chosen(model: nn.Module, layers: Layers, paths: Mapping[str, str]) -> dict[str, bool]:
    """Names of the layers that are taken, and whether each was asked for by its own name."""
    if layers is None or (isinstance(layers, str) and layers == "auto" and layers not in paths):
        once = _once(model, paths, paths)
        return {name: False for name in once if _is_recorded_by_default(model.get_submodule(paths[name]))}
    if callable(layers) and not isinstance(layers, nn.Module | type):
        _check_function(layers)
        taken = [name for name in _once(model, paths, paths) if layers(name, model.get_submodule(paths[name]))]
        if not taken:
            raise InputError(f"the function given as layers took none of: {', '.join(paths)}")
        return dict.fromkeys(taken, False)
    if not isinstance(layers, str | nn.Module | type | Iterable):
        raise InputError(
            f"layers={layers!r} is a {type(layers).__name__}: give names, globs such as 'conv*', modules or their "
            "classes, a list of these, or a function (name, module) -> bool"
        )
    names: dict[str, bool] = {}
    for layer in [layers] if isinstance(layers, str | nn.Module | type) else list(layers):
        names = _with_layer(names, model, layer, paths)
    if not names:
        raise InputError("layers is empty: give layer names, or None for all activations and layers with parameters")
    return names


def _with_layer(names: dict[str, bool], model: nn.Module, layer: Any, paths: Mapping[str, str]) -> dict[str, bool]:
    """The names, and those that one more entry of `layers` stands for."""
    if isinstance(layer, str) and layer == "residual" and layer not in paths:
        return names | dict.fromkeys(residual_stream(model, paths), True)
    if isinstance(layer, str) and layer.endswith(INPUT) and layer not in paths:
        return names | {
            f"{name}{INPUT}": own for name, own in _with_layer({}, model, layer.removesuffix(INPUT), paths).items()
        }
    if isinstance(layer, type) and issubclass(layer, nn.Module):
        matches = [name for name in _once(model, paths, paths) if isinstance(model.get_submodule(paths[name]), layer)]
        if not matches:
            kinds = sorted({type(module).__name__ for module in model.modules()})
            raise InputError(f"no layer is a {layer.__name__}: there are {', '.join(kinds)}")
        return {**dict.fromkeys(matches, False), **names}
    exact = _exact(model, layer, paths)
    if exact is not None:
        return names | {exact: True}
    matches = _once(model, fnmatch.filter(paths, str(layer)), paths)
    if not matches:
        raise UnknownNameError("layer", layer, paths)
    return {**dict.fromkeys(matches, False), **names}


def _check_function(function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind("name", "module")
    except TypeError as error:
        raise InputError(
            f"the function given as layers must take (name, module), and not {inspect.signature(function)}: "
            "for example layers=lambda name, module: 'conv' in name"
        ) from error
    except ValueError:  # one that does not say what it takes
        return


def _time_first(model: nn.Module, chosen: Mapping[str, str]) -> frozenset[str]:
    """The layers that put out (tokens, samples, units): recurrent, attention and transformer layers that say so.

    What is inside a transformer's layer has its order. A stack says it by its layers.
    """
    turned = tuple(path for path, module in model.named_modules(remove_duplicate=False) if _says_time_first(module))
    if not turned:
        return frozenset()
    above = tuple(f"{path}." for path in turned if path)
    everything = "" in turned
    return frozenset(name for name, path in chosen.items() if everything or path in turned or path.startswith(above))


def _says_time_first(module: nn.Module) -> bool:
    own = getattr(module, "batch_first", None)
    if own is None and isinstance(module, nn.TransformerEncoder | nn.TransformerDecoder):
        module = next(iter(module.layers), module)
    if own is None and isinstance(attention := getattr(module, "self_attn", None), nn.MultiheadAttention):
        own = attention.batch_first
    return own is False


def _says_channels_last(model: nn.Module, path: str) -> bool:
    """As layers of Keras do, or their whole model; and what works on the last size, as in ConvNeXt and Swin."""
    module = model.get_submodule(path)
    order = getattr(module, "data_format", None) or getattr(model, "data_format", None)
    normed = getattr(module, "normalized_shape", ()) if isinstance(module, nn.LayerNorm | nn.RMSNorm) else ()
    return order == "channels_last" or isinstance(module, nn.Linear) or len(normed) == 1


#: What becomes of an output (samples, ...): name, number of the call, tensor, and lengths of packed sequences.
Keep = Callable[[str, int, Tensor, Tensor | None], Any]


def copied(_name: str, _number: int, tensor: Tensor, _lengths: Tensor | None) -> Tensor:
    """A copy, which no later operation changes in place."""
    return tensor.clone()


def layer_outputs(
    model: nn.Module, selection: Selection, samples: int, call: Callable[[], object], keep: Keep = copied
) -> dict[str, Any]:
    """What `keep` makes of the outputs of the selected layers during `call`, in the order in which they ran.

    `keep` is called inside the hook, before any later operation; by default it copies.

    Raises:
        RecordingError: a required layer never ran or put out no row a sample, or no layer ran at all.
    """
    calls: list[tuple[str, Any]] = []
    times: Counter[str] = Counter()

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, _inputs: Any, output: Any) -> None:
            recordable = _recordable(name, module, output, samples, selection)
            if recordable is not None:
                tensor, lengths = recordable
                with _naming(name, tensor, selection):
                    kept = keep(name, times[name], tensor.detach(), lengths)
                calls.append((name, kept))
                times[name] += 1

        return hook

    with contextlib.ExitStack() as undo:
        for name, path in selection.paths.items():
            module = model.get_submodule(path)
            if not isinstance(module, torch.jit.ScriptModule):  # which can have no hooks
                listen = _listen_before if name.endswith(INPUT) else _listen
                undo.callback(listen(module, hook_of(name)))
        call()
    for name, path in selection.paths.items():
        if name in selection.required and not times[name]:
            raise RecordingError(_never_ran(model, name, path))
    if not calls:
        raise RecordingError("none of the selected layers ran: select modules that the model calls in its forward pass")
    return numbered(calls)


@contextlib.contextmanager
def _naming(name: str, tensor: Tensor, selection: Selection) -> Iterator[None]:
    """An error where an unreadable layer was asked for; else `UnreadableLayers`, so that it can be left out."""
    try:
        yield
    except UnreadableLayers as error:
        if name in selection.required:
            raise RecordingError(str(error)) from error
        raise
    except InputError as error:
        if name in selection.required or not tensor.is_complex():  # complex numbers are what no estimator takes
            raise
        raise UnreadableLayers(f"layer {name!r}: {error}", [name]) from error


def _listen(module: nn.Module, hook: Callable[[nn.Module, Any, Any], None]) -> Callable[[], None]:
    """Call ``hook`` with whatever a module puts out; returns what ends it.

    A hook makes torch's encoder layers leave their fused path, which is faster and rounds otherwise: of these the
    method ``forward`` is covered instead.
    """
    fused = type(module).forward is nn.TransformerEncoderLayer.forward and "forward" not in vars(module)
    if not fused or module._compiled_call_impl is not None:
        return module.register_forward_hook(hook).remove
    own = module.forward

    @functools.wraps(own)
    def forward(*inputs: Any, **options: Any) -> Any:
        output = own(*inputs, **options)
        hook(module, inputs, output)
        return output

    module.forward = forward
    return functools.partial(delattr, module, "forward")


def _listen_before(module: nn.Module, hook: Callable[[nn.Module, Any, Any], None]) -> Callable[[], None]:
    """Call ``hook`` with the first thing that goes into a module; returns what ends it."""

    def before(module: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> None:
        hook(module, inputs, next(iter((*inputs, *options.values())), None))

    return module.register_forward_pre_hook(before, with_kwargs=True).remove


def numbered(calls: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """By name, in order; what belongs to a layer that ran several times as "name#0", "name#1", ..."""
    times = Counter(name for name, _ in calls)
    seen: Counter[str] = Counter()
    by_name = {}
    for name, kept in calls:
        by_name[name if times[name] == 1 else f"{name}#{seen[name]}"] = kept
        seen[name] += 1
    return by_name


def _recordable(
    name: str, module: nn.Module, output: Any, samples: int, selection: Selection
) -> tuple[Tensor, Tensor | None] | None:
    """The tensor of a layer's output, and lengths of packed sequences; None, with a warning, for one to be left out."""
    time_first = name in selection.time_first
    chosen = output_of(module, output, samples, selection.part_of(name), time_first=time_first)
    if chosen.tensor is not None:
        if chosen.way:
            kind = type(output).__name__
            selection.warn(f"layer {name!r} put out a {kind}: its first tensor, {chosen.way}, is recorded")
        return chosen.tensor, chosen.lengths
    if name in selection.required:
        raise RecordingError(
            f"layer {name!r} {chosen.problem}: select another layer, or change it to put out (samples, ...)"
        )
    selection.warn(f"layer {name!r} {chosen.problem}: it is left out")
    return None


def _paths(model: nn.Module) -> dict[str, str]:
    """Paths of all modules by the names users know: without the steps that torch.compile and DataParallel add."""
    paths = {}
    wrapped: set[str] = set()
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, _WRAPPERS):
            wrapped.add(f"{path}.module")
        elif "_orig_mod" in module._modules:
            wrapped.add(f"{path}._orig_mod")
        if not any(f".{holder}." in f".{path}." for holder in _WEIGHT_HOLDERS):
            paths[(_without(path, wrapped) if wrapped else path) or WHOLE_MODEL] = path
    return paths


def _without(path: str, wrapped: set[str]) -> str:
    """A path without those of its steps that end a path in ``wrapped``."""
    steps = path.split(".")
    return ".".join(step for at, step in enumerate(steps) if ".".join(steps[: at + 1]) not in wrapped)


def _once(model: nn.Module, names: Iterable[str], paths: Mapping[str, str]) -> list[str]:
    """The names of different modules: a module with several names keeps the first."""
    # from the last to the first, so that the first name is the one that stays
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
    # names as the wrapped model's own named_modules() has them
    while layer not in paths and layer.startswith(("module.", "_orig_mod.")):
        layer = layer.partition(".")[2]
    return layer if layer in paths else None


def _never_ran(model: nn.Module, name: str, path: str) -> str:
    if isinstance(model.get_submodule(path), torch.jit.ScriptModule):
        return f"layer {name!r} was selected but never ran. {_PROGRAM}"
    # the nearest module above that has a forward pass of its own: it uses the layer's parameters without calling it
    parent = path
    while parent:
        parent = parent.rpartition(".")[0]
        if inspect.getattr_static(model.get_submodule(parent), "forward") is not nn.Module.forward:
            break
    names = {path: name for name, path in _paths(model).items()}
    return (
        f"layer {name!r} was selected but never ran. Its parent uses it functionally; select {names[parent]!r}. "
        "(A layer that the forward pass leaves out altogether cannot be recorded.)"
    )
