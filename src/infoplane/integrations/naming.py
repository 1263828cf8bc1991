"""Rows of a trajectory -> numbers under the names that every adapter uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_QUANTITIES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)"}
_KINDS = ("split", "label", "estimator", "family", "copy")


def values(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The newest rows as named numbers, in the unit of the rows: ``info/I(X;T)/<layer>`` and ``info/I(T;Y)/<layer>``.

    Where the rows differ in split, label, estimator, family or copy, the name continues with each that differs, in this
    order: ``info/I(T;Y)/fc1/test/soft``. What was not computed has no name. Every adapter uses these names.

    Example:
        >>> values([{"layer": "fc1", "i_xt": 3.0, "i_ty": 0.5}])
        {'info/I(X;T)/fc1': 3.0, 'info/I(T;Y)/fc1': 0.5}
    """
    rows = list(rows)
    differing = [column for column in _KINDS if len({row.get(column) for row in rows}) > 1]
    return {
        "/".join(["info", quantity, str(row["layer"]), *(str(row.get(name)) for name in differing)]): float(row[column])
        for row in rows
        for column, quantity in _QUANTITIES.items()
        if row.get(column) is not None
    }


def plain(named: Mapping[str, float]) -> dict[str, float]:
    """The same numbers under names of letters, digits and ``_ - . /`` only, as MLflow wants them.

    Example:
        >>> plain({"info/I(X;T)/fc1": 3.0})
        {'info/I_X_T_/fc1': 3.0}
    """
    return {re.sub(r"[^\w./-]", "_", name, flags=re.ASCII): value for name, value in named.items()}
