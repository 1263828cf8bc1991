"""A network while it is measured: evaluation mode, no gradients, nothing compiled, and no trace of it afterwards."""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from infoplane.randomness import preserved_python_and_numpy
from infoplane.recording.placement import device_of, need_shapes
from infoplane.recording.traces import working_on_copies

# Modes, hooks and random states belong to the process: of four threads that measured one network, 13 % got another
# one's numbers, and the network was left in evaluation mode. The lock goes to whoever holds it again, for wrappers.
_one_at_a_time = threading.RLock()


_NAMES_SHOWN = 3


@contextmanager
def evaluation(*models: nn.Module) -> Iterator[None]:
    """Inside: no gradients, every module in evaluation mode, no autocast, and the uncompiled code runs.

    One thread is inside at a time, the others wait; what saves a random state has to be entered after it.

    Afterwards every module's mode, buffers and attributes (`working_on_copies`), the random states of Python and numpy,
    and the shards of fully_shard are what they were, also after an exception. Torch's random state is the caller's to
    keep, as it differs by device.

    Raises:
        InputError: a network with lazy parameters that never ran.
        RecordingError: the forward pass wrote into a parameter.
    """
    modules = list(dict.fromkeys(module for model in models for module in model.modules()))
    with ExitStack() as stack:
        stack.enter_context(_one_at_a_time)
        need_shapes(modules)
        training = [module for module in modules if module.training]
        # tensors of the inference mode could be put out, which no critic can be trained on
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        # compiled code does not see hooks that came later, or is compiled anew for them
        if "torch._dynamo" in sys.modules:  # else nothing can be compiled
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        devices = {"cpu", *(place.type for model in models if (place := device_of(model)) is not None)} - {"meta"}
        for device in devices:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # entered before the shards: left after them
        stack.enter_context(working_on_copies(models, sharded=any(map(is_sharded, models))))
        for model in models:
            stack.enter_context(_same_shards(model))
        stack.enter_context(preserved_python_and_numpy())
        try:
            # not model.eval(): what it does beside may be the user's own, and could not be undone
            for module in training:
                module.training = False
            yield
        finally:
            for module in training:
                module.training = True


def warn_of_batch_statistics(model: nn.Module, samples: int, batch: int) -> None:
    """Warn where a sample's activations depend on which others are read with it, and not all are read at once."""
    if samples <= batch:
        return
    mixing = [
        name or "(model)"
        for name, module in model.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is None
    ]
    if mixing:
        warnings.warn(
            f"{', '.join(map(repr, mixing[:_NAMES_SHOWN]))} normalise over the samples of a batch in evaluation mode, "
            f"too, as they keep no running statistics, and {samples} samples are read {batch} at a time: what is "
            f"measured depends on their order; give batch_size={samples}",
            stacklevel=4,
        )


def is_sharded(model: nn.Module) -> bool:
    """Whether torch.distributed.fsdp.fully_shard was applied to the network or to a part of it."""
    return bool(_sharded_modules(model))


def _sharded_modules(model: nn.Module) -> list[nn.Module]:
    fsdp = sys.modules.get("torch.distributed.fsdp")  # slow to import, and there wherever it was used
    return [] if fsdp is None else [module for module in model.modules() if isinstance(module, fsdp.FSDPModule)]


@contextmanager
def _same_shards(model: nn.Module) -> Iterator[None]:
    """Modules whose parameters are sharded before are sharded afterwards.

    A forward pass leaves the outermost module whole until the next backward pass. Without one, an optimiser step would
    change the shards, and the next forward pass would still see the whole parameters of before.
    """
    sharded = [module for module in _sharded_modules(model) if all(hasattr(p, "to_local") for p in module.parameters())]
    try:
        yield
    finally:
        for module in sharded:
            module.reshard()  # type: ignore[operator]
