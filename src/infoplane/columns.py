"""The columns of a trajectory and of its scalars: the one table that readers, writers, pages and plots follow.

A new column is one line here, at the end of its table, and whoever fills it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnKind = Literal["text", "whole", "number", "flags"]


@dataclass(frozen=True)
class Column:
    """One column: its name, what its cells hold, and a line of words for the documentation.

    Args:
        name: as in rows, tables and files.
        kind: ``text``, ``whole`` (a 64-bit number), ``number`` (a float64), or ``flags`` (several texts).
        words: what a cell says.
        in_units: whether the number is in the unit that the row's column ``units`` names.
        may_be_empty: whether a measurement may leave a cell empty, "not computed".
    """

    name: str
    kind: ColumnKind
    words: str
    in_units: bool = False
    may_be_empty: bool = False


def _information(name: str, words: str) -> Column:
    return Column(name, "number", words, in_units=True, may_be_empty=True)


#: The columns of a trajectory, in this order.
TRAJECTORY = (
    Column("step", "whole", "optimiser steps before the measurement"),
    Column("split", "text", "the split of the data: `all`, `train`, `test`, or a name given to `splits`"),
    Column("layer", "text", "the layer's name in the model"),
    Column("layer_index", "whole", "the layer's place among the measured ones, from 0"),
    Column("copy", "whole", "the copy of the family; -1 where the row speaks of the whole family"),
    Column("family", "text", "how the copies were read: `single`, `sampled`, `exact` or `per-copy`"),
    Column("estimator", "text", "the estimator, with the options that tell it from the others"),
    Column("label", "text", "the label set"),
    _information("i_xt", "I(X;T), the information of the layer about the input"),
    _information("i_xt_low", "the lower end of its interval"),
    _information("i_xt_high", "the upper end of its interval"),
    _information("i_xt_null", "the same estimate on shuffled inputs"),
    _information("i_ty", "I(T;Y), the information of the layer about the label"),
    _information("i_ty_low", "the lower end of its interval"),
    _information("i_ty_high", "the upper end of its interval"),
    _information("i_ty_null", "the same estimate on shuffled labels"),
    _information("h_t", "H(T), the entropy of the layer"),
    _information("h_t_given_x", "H(T|X), the entropy of the layer given the input"),
    Column("n", "whole", "samples"),
    Column("units", "text", "`bits` or `nats`"),
    Column("flags", "flags", "reasons for doubt", may_be_empty=True),
)

#: The columns of the scalars beside a trajectory, in this order.
SCALARS = (
    Column("step", "whole", "optimiser steps before the number was taken"),
    Column("split", "text", "the split of the data; empty where the number speaks of none", may_be_empty=True),
    Column("name", "text", "`loss`, `accuracy`, `gradient_mean`, ..."),
    Column("layer", "text", "the layer's name; empty where the number speaks of none", may_be_empty=True),
    Column("copy", "whole", "the copy of the family; -1 where the number speaks of all"),
    Column("value", "number", "the number"),
)

#: The names of a trajectory's columns.
COLUMNS = tuple(column.name for column in TRAJECTORY)
#: The names of the scalars' columns.
SCALAR_COLUMNS = tuple(column.name for column in SCALARS)

#: What the cells of a column hold, for both tables: a name means the same in both.
KINDS: dict[str, ColumnKind] = {column.name: column.kind for column in (*TRAJECTORY, *SCALARS)}
