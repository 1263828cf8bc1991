"""A training of several processes: one of them measures, all of them know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import distributed

from infoplane.errors import InputError

Found = TypeVar("Found")


def on_first_process(measure: Callable[[], Found], model: Any) -> Found:
    """What ``measure()`` gives on the first process, on all of them; every process of the training has to call this.

    Raises:
        InputError: ``model`` is sharded, so that one process alone cannot run it.
    """
    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return measure()
    sharded = [name for name, parameter in model.named_parameters() if hasattr(parameter, "placements")]
    if sharded:
        raise InputError(
            f"{sharded[0]} is sharded over the processes, so one of them cannot measure alone: call plane.measure(...) "
            "on every process, in a loop or a callback of your own"
        )
    found = [measure() if distributed.get_rank() == 0 else None]
    distributed.broadcast_object_list(found)
    return found[0]  # type: ignore[return-value]
