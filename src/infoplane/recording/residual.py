"""The residual stream of a transformer: which modules put it out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from infoplane.errors import InputError


def residual_stream(model: nn.Module, paths: Mapping[str, str]) -> list[str]:
    """Names of the embedding, where one module puts it out, and of every block: the stream after each.

    Blocks are the children of the outermost, then longest, ``nn.ModuleList`` or ``nn.Sequential`` whose children are of
    one class and hold modules. The embedding is the one outermost module with parameters outside them whose class is
    called "...Embedding...", or, where several are added up, a module "drop" beside them. ``paths`` has the modules'
    paths by name.

    Raises:
        InputError: the network has no such blocks.
    """
    modules = {name: model.get_submodule(path) for name, path in paths.items()}
    lists = {name: module for name, module in modules.items() if _is_stack(module)}
    if not lists:
        raise InputError(
            "layers='residual' needs a list of blocks of one class, and this network has none: give names or globs, "
            "for example layers='encoder.layer.?'"
        )
    stack = min(lists, key=lambda name: (name.count("."), -len(list(lists[name].children()))))
    parent = stack.rpartition(".")[0]
    blocks = [f"{stack}.{number}" if stack in paths else number for number, _ in lists[stack].named_children()]
    embeddings: list[str] = []
    for name, module in modules.items():
        inside = any(name.startswith(f"{other}.") for other in (*embeddings, stack))
        if "Embedding" in type(module).__name__ and not inside and next(module.parameters(), None) is not None:
            embeddings.append(name)
    if len(embeddings) > 1:  # of tokens and of places, added up outside of both
        dropped = f"{parent}.drop" if parent else "drop"
        embeddings = [dropped] if dropped in modules else []
    return [*embeddings, *blocks]


def _is_stack(module: nn.Module) -> bool:
    children = list(module.children())
    return (
        isinstance(module, nn.ModuleList | nn.Sequential)
        and len(children) > (0 if isinstance(module, nn.ModuleList) else 1)
        and len({type(child) for child in children}) == 1
        and next(children[0].children(), None) is not None
    )
