"""The columns of a trajectory and of its scalars: the one table that readers, writers, pages and plots follow.

A new column is one line here, at the end of its table, and whoever fills it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnKind = Literal["text", "whole", "number", "flags"]
ColumnRole = Literal["place", "quantity", "doubt", "fact"]


@dataclass(frozen=True)
class Column:
    """One column: its name, what its cells hold, and a line of words for the documentation.

    Args:
        name: as in rows, tables and files.
        kind: ``text``, ``whole`` (a number of 64 bits), ``number`` (a float64), or ``flags`` (several texts).
        role: ``place``, what a row speaks of; ``quantity``, what was measured there; ``doubt``, the ends of an interval
            and the value on shuffled data; ``fact``, what else is known.
        words: what a cell says.
        axis: where several rows of a step differ, its place among the axes of an array of many dimensions.
        in_units: whether the number is in the unit that the row's column ``units`` names.
        may_be_empty: whether a measurement may leave a cell empty, "not computed".
    """

    name: str
    kind: ColumnKind
    role: ColumnRole
    words: str
    axis: int | None = None
    in_units: bool = False
    may_be_empty: bool = False


def _information(name: str, role: ColumnRole, words: str) -> Column:
    return Column(name, "number", role, words, in_units=True, may_be_empty=True)


#: The columns of a trajectory, in this order.
TRAJECTORY = (
    Column("step", "whole", "place", "optimiser steps before the measurement", axis=6),
    Column("split", "text", "place", "the rows of the data: `all`, `train`, `test`, or another name", axis=0),
    Column("layer", "text", "place", "the layer's name in the model", axis=5),
    Column("layer_index", "whole", "place", "the layer's place among the measured ones, from 0"),
    Column("copy", "whole", "place", "the copy of the family; -1 where the row speaks of the whole family", axis=4),
    Column("family", "text", "place", "how copies became one number: `single`, `sampled`, `exact`, `per-copy`", axis=3),
    Column("estimator", "text", "place", "the estimator, with the options that tell it from others", axis=2),
    Column("label", "text", "place", "the label set; `y` where there is one", axis=1),
    _information("i_xt", "quantity", "I(X;T), the information of the layer about the input"),
    _information("i_xt_low", "doubt", "the lower end of its interval"),
    _information("i_xt_high", "doubt", "the upper end of its interval"),
    _information("i_xt_null", "doubt", "the same estimate on shuffled inputs"),
    _information("i_ty", "quantity", "I(T;Y), the information of the layer about the label"),
    _information("i_ty_low", "doubt", "the lower end of its interval"),
    _information("i_ty_high", "doubt", "the upper end of its interval"),
    _information("i_ty_null", "doubt", "the same estimate on shuffled labels"),
    _information("h_t", "quantity", "H(T), the entropy of the layer"),
    _information("h_t_given_x", "quantity", "H(T|X), the entropy of the layer given the input"),
    Column("n", "whole", "fact", "samples"),
    Column("units", "text", "place", "`bits` or `nats`"),
    Column("flags", "flags", "fact", "reasons for doubt, joined with `;`", may_be_empty=True),
    Column("i_xt_interval", "text", "fact", "what the ends beside I(X;T) are: `population 95 %`...", may_be_empty=True),
    Column("i_ty_interval", "text", "fact", "what the ends beside I(T;Y) are: `population 95 %`...", may_be_empty=True),
    Column("p_xt", "number", "doubt", "the p-value of I(X;T): the share of shuffles that reach it", may_be_empty=True),
    Column("p_ty", "number", "doubt", "the p-value of I(T;Y): the share of shuffles that reach it", may_be_empty=True),
)

#: The columns that files of earlier versions lack.
LATER = ("i_xt_interval", "i_ty_interval", "p_xt", "p_ty")

#: The columns of the scalars beside a trajectory, in this order.
SCALARS = (
    Column("step", "whole", "place", "optimiser steps before the number was taken"),
    Column("split", "text", "place", "the rows of the data; empty where the number speaks of none", may_be_empty=True),
    Column("name", "text", "place", "`loss`, `accuracy`, `gradient_mean`, ..."),
    Column("layer", "text", "place", "the layer's name; empty where the number speaks of none", may_be_empty=True),
    Column("copy", "whole", "place", "the copy of the family; -1 where the number speaks of all"),
    Column("value", "number", "quantity", "the number"),
)

#: The names of a trajectory's columns.
COLUMNS = tuple(column.name for column in TRAJECTORY)
#: The names of the scalars' columns.
SCALAR_COLUMNS = tuple(column.name for column in SCALARS)

#: What the cells of a column hold, for both tables: a name means the same in both.
KINDS: dict[str, ColumnKind] = {column.name: column.kind for column in (*TRAJECTORY, *SCALARS)}

#: What tells the rows of a trajectory apart, as axes of an array, in the order of the axes.
AXES = tuple(
    column.name for column in sorted(TRAJECTORY, key=lambda column: column.axis or 0) if column.axis is not None
)
#: What is measured: information and entropies, without the ends of intervals and the values on shuffled data.
QUANTITIES = tuple(column.name for column in TRAJECTORY if column.role == "quantity")
#: The numbers that a row has beside its place.
NUMBERS = tuple(column.name for column in TRAJECTORY if column.kind in ("number", "whole") and column.role != "place")
