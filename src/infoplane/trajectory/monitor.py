"""An expression of information quantities and the newest rows of a trajectory -> one number to watch."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infoplane.errors import InputError, UnknownNameError

Rows = Sequence[Mapping[str, Any]]
Monitor = str | Callable[[list[dict[str, Any]]], float]

_SPELLINGS = (
    (re.compile(r"I\(\s*(X\s*;\s*T|T\s*;\s*X)\s*\)"), " i_xt "),
    (re.compile(r"I\(\s*(T\s*;\s*Y|Y\s*;\s*T)\s*\)"), " i_ty "),
    (re.compile(r"H\(\s*T\s*\|\s*X\s*\)"), " h_t_given_x "),
    (re.compile(r"H\(\s*T\s*\)"), " h_t "),
)
_NAMES = ("beta", "h_t", "h_t_given_x", "i_ty", "i_xt")
_OPERATIONS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_LONGEST = 200  # characters of an expression
_PREFERRED = ("exact", "per-copy", "single", "sampled")


def parse_monitor(text: str) -> ast.expr:
    """The checked syntax tree of a monitor's expression.

    Raises:
        InputError: not an expression of information quantities, ``beta`` and numbers.

    Example:
        >>> ast.unparse(parse_monitor("I(T;Y) - beta*I(X;T)"))
        'i_ty - beta * i_xt'
    """
    allowed = "use I(X;T), I(T;Y), H(T), H(T|X), beta, numbers, + - * / and parentheses, as in I(T;Y) - beta*I(X;T)"
    if len(text) > _LONGEST:
        raise InputError(f"the monitor has {len(text)} characters, at most {_LONGEST} can be read: {allowed}")
    plain = text
    for spelling, name in _SPELLINGS:
        plain = spelling.sub(name, plain)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise InputError(f"the monitor {text!r} cannot be read: {allowed}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in _NAMES:
            raise InputError(f"the monitor {text!r} has the unknown name {node.id!r}: {allowed}")
        number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
        sign = isinstance(node, ast.UAdd | ast.USub | ast.UnaryOp | ast.BinOp | ast.Name | ast.Load)
        if not (number or sign or type(node) in _OPERATIONS):
            raise InputError(f"the monitor {text!r} has a {type(node).__name__} in it: {allowed}")
    return tree


def monitored(
    monitor: Monitor, rows: Rows, *, beta: float, layer: str | int, kinds: Mapping[str, str | None]
) -> tuple[float | None, str]:
    """The monitored value of the newest rows, or None and the reason why there is none.

    Args:
        monitor: an expression, or a function, which gets all rows of the newest step.
        layer: ``"last"``, a name, or a position.
        kinds: the wanted split, label, family and estimator, or None: then the preferred family, the first other.

    Raises:
        InputError: no rows, or none of the wanted layer, family, estimator, split or label.
    """
    if not rows:
        raise InputError("there are no rows to look at: measure before the criterion is asked")
    newest = [dict(row) for row in rows if row.get("step") == rows[-1].get("step")]
    if callable(monitor):
        return _finite(monitor(newest), "the monitor")
    chosen = _of_layer(newest, layer)
    for column, wanted in kinds.items():
        chosen = _of_kind(chosen, column, wanted)
    chosen = [row for row in chosen if row.get("copy") in (-1, None)] or chosen
    known: dict[str, float | None] = {"beta": beta}
    for column in ("i_xt", "i_ty", "h_t", "h_t_given_x"):
        values = [row.get(column) for row in chosen]
        known[column] = None if None in values else sum(map(float, values)) / len(values)  # type: ignore[arg-type]
    tree = parse_monitor(monitor)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and known[node.id] is None:
            return None, f"{node.id} was not computed"
    try:
        return _finite(_value(tree, known), monitor)
    except ZeroDivisionError:
        return None, f"{monitor} divides by zero"


def _value(node: ast.expr, known: Mapping[str, float | None]) -> float:
    """The value of a checked tree."""
    if isinstance(node, ast.BinOp):
        return _OPERATIONS[type(node.op)](_value(node.left, known), _value(node.right, known))
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, known)
        return -value if isinstance(node.op, ast.USub) else value
    return float(known[node.id] if isinstance(node, ast.Name) else node.value)  # type: ignore[arg-type, attr-defined]


def _finite(value: float | None, what: str) -> tuple[float | None, str]:
    if value is None or not math.isfinite(value):
        return None, f"{what} is {value}"
    return float(value), ""


def _of_layer(rows: list[dict[str, Any]], layer: str | int) -> list[dict[str, Any]]:
    """The rows of the last layer, or of the one with this name or position."""
    names = list(dict.fromkeys(row.get("layer") for row in sorted(rows, key=lambda row: row.get("layer_index") or 0)))
    if isinstance(layer, int):
        if not -len(names) <= layer < len(names):
            raise InputError(f"layer is {layer}: there are {len(names)} layers, from 0 to {len(names) - 1}")
        name = names[layer]
    else:
        name = names[-1] if layer == "last" else layer
    if name not in names:
        raise UnknownNameError("layer", name, map(str, names))
    return [row for row in rows if row.get("layer") == name]


def _of_kind(rows: list[dict[str, Any]], column: str, wanted: str | None) -> list[dict[str, Any]]:
    """The rows with the wanted value of a column, else with the preferred family or the first value that comes."""
    there = list(dict.fromkeys(row.get(column) for row in rows))
    if wanted is not None and wanted not in there:
        raise UnknownNameError(column, wanted, map(str, there))
    preferred = [name for name in _PREFERRED if column == "family" and name in there]
    kind = wanted if wanted is not None else (preferred or there)[0]
    return [row for row in rows if row.get(column) == kind]
