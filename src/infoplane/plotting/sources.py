"""A trajectory, its table, its rows, or several runs by name -> one table to draw, and the facts beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from infoplane.columns import TRAJECTORY
from infoplane.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    import pandas


def as_table(source: Any) -> tuple[pandas.DataFrame, Mapping[str, Any]]:
    """The table of a trajectory, of rows, or of named runs; and what is known beside it.

    Args:
        source: a ``Trajectory``, the table of ``Trajectory.to_pandas()``, a list of rows, or a table of these by name,
            ``{"plain": ..., "dropout": ...}``. Named runs stand in the column ``split``, with the names of their own
            splits behind theirs; of what is known, that stays on which all agree.

    Raises:
        InputError: something else, or no run at all.
    """
    import pandas

    if isinstance(source, pandas.DataFrame):
        return source, {}
    if hasattr(source, "to_pandas") and hasattr(source, "meta"):
        return source.to_pandas(), source.meta
    if isinstance(source, Mapping):
        if not source:
            raise InputError("no run is named: give at least one, {'plain': trajectory}")
        each = {str(name): as_table(run) for name, run in source.items()}
        tables = [table.assign(split=_named(name, table)) for name, (table, _) in each.items()]
        first, *others = (facts for _, facts in each.values())
        same = {key: value for key, value in first.items() if all(facts.get(key) == value for facts in others)}
        return pandas.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True), same
    if isinstance(source, Sequence) and all(isinstance(row, Mapping) for row in source):
        table = pandas.DataFrame(list(source), columns=[column.name for column in TRAJECTORY])
        table = table.astype({column.name: object for column in TRAJECTORY if column.kind in ("text", "flags")})
        flags = [";".join(each) if isinstance(each, tuple) else each for each in table["flags"]]
        return table.assign(flags=flags), {}
    raise InputError(
        f"a {type(source).__name__} cannot be drawn: give a trajectory, its table trajectory.to_pandas(), or runs by "
        "name, {'plain': trajectory, 'dropout': other}"
    )


def _named(name: str, table: pandas.DataFrame) -> pandas.Series:
    splits = table["split"].fillna("all")
    return splits.map(lambda split: name if split == "all" else f"{name}, {split}")


def of_layers(table: pandas.DataFrame, layers: str | Sequence[str] | None) -> pandas.DataFrame:
    """The rows of some layers, by name or by glob; None: of all.

    Raises:
        UnknownNameError: a name or glob that fits none.
    """
    if layers is None:
        return table
    globs, names = [layers] if isinstance(layers, str) else list(layers), list(table["layer"].unique())
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in names):
            raise UnknownNameError("layer", glob, names)
    return table[[any(fnmatchcase(name, glob) for glob in globs) for name in table["layer"]]]
