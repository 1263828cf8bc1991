"""The information plane in characters, for a terminal: paths in dots, a letter at the end of every layer's path."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from infoplane.errors import InputError
from infoplane.plotting.labels import along
from infoplane.plotting.style import shown_name
from infoplane.plotting.tracks import Panel, Track, panels, the_units

if TYPE_CHECKING:
    import pandas

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_COLOURS = (34, 33, 32, 35, 36, 31)  # of a terminal, a layer each
_BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # the dot of each row and column
_MARGIN, _SMALLEST = 8, (32, 6)  # columns left of the axis; the smallest plane, columns and lines


def text_plane(
    table: pandas.DataFrame, *, width: int = 80, height: int = 20, color: bool = False, braille: bool = True
) -> str:
    """The information plane as lines of text: one plane for every way of measuring, one below the other.

    I(X;T) to the right, I(T;Y) upwards, from 0 to the largest value (or from the smallest, if negative). Each layer
    has a letter, which stands where the layer is at the last step, and its path from the first step in dots.

    Args:
        table: the table of ``Trajectory.to_pandas()``; information in its column ``units``.
        width: columns of the terminal.
        height: lines of one plane.
        color: paths in the colours of a terminal, by escape codes.
        braille: eight dots a character; else one full stop, for terminals without unicode.

    Raises:
        InputError: no row with both values, rows with different units, or too little room.

    Example:
        >>> from infoplane.trajectory.trajectory import Trajectory
        >>> rows = [{"step": s, "layer": "fc1", "i_xt": 3.0 - s, "i_ty": s / 2, "units": "bits"} for s in (0, 1)]
        >>> print(text_plane(Trajectory(rows).to_pandas(), width=40, height=6).splitlines()[-1])
        a fc1 2.00, 0.50
    """
    if width < _SMALLEST[0] or height < _SMALLEST[1]:
        raise InputError(
            f"{width} columns and {height} lines are too few: a plane needs {_SMALLEST[0]} and {_SMALLEST[1]}"
        )
    drawn, units = panels(table), the_units(table)
    points = np.concatenate([track.xy for panel in drawn for track in panel.whole])
    if not len(points):
        raise InputError("no row of the table has both i_xt and i_ty, so there is no point to draw: measure both")
    low, high = np.minimum(points.min(0), 0), np.maximum(points.max(0), 0)
    reach = low, np.where(high > low, high, low + 1)
    size = (width - _MARGIN - 1, height)
    return "\n\n".join(_lines_of(panel, units, reach, size=size, color=color, braille=braille) for panel in drawn)


def _lines_of(
    panel: Panel, units: str, reach: tuple[np.ndarray, np.ndarray], *, size: tuple[int, int], color: bool, braille: bool
) -> str:
    columns, lines = size
    fine = np.array([2, 4] if braille else [1, 1])
    bits = np.zeros((lines, columns), dtype=int)
    marks, owner = {}, np.full((lines, columns), -1)
    drawn = [track for track in panel.whole if len(track.xy)]
    for track in drawn:
        share = (along(track.xy, count=20 * columns) - reach[0]) / (reach[1] - reach[0])
        at = np.round(share * (np.array([columns, lines]) * fine - 1)).astype(int)  # dots from the left, from below
        column, line = at[:, 0] // fine[0], lines - 1 - at[:, 1] // fine[1]
        dots = _BRAILLE[3 - at[:, 1] % 4, at[:, 0] % 2] if braille else np.ones(len(at), dtype=int)
        np.bitwise_or.at(bits, (line, column), dots)
        owner[line, column] = track.number
        marks[int(line[-1]), int(column[-1])] = track.number
    rows = []
    for line in range(lines):
        cells = [_cell(bits[line, c], marks.get((line, c)), owner[line, c], color=color, braille=braille)
                 for c in range(columns)]  # fmt: skip
        value = {0: reach[1][1], lines - 1: reach[0][1]}.get(line)
        rows.append(f"{'' if value is None else f'{value:.3g}':>{_MARGIN - 1}} {'|' if not braille else '│'}"
                    + "".join(cells).rstrip())  # fmt: skip
    left, right = f"{reach[0][0]:.3g}", f"{reach[1][0]:.3g}"
    base = " " * _MARGIN + ("└" + "─" * columns if braille else "+" + "-" * columns)
    axis = " " * (_MARGIN + 1) + left + f"I(X;T) [{units}]".center(columns - len(left) - len(right)) + right
    head = [panel.title] if panel.title else []
    return "\n".join(
        [*head, f"I(T;Y) [{units}]", *rows, base, axis, *_names(drawn, color=color), *_doubts(panel, columns)]
    )


def _cell(dots: int, mark: int | None, owner: int, *, color: bool, braille: bool) -> str:
    if not dots:
        return " "
    text = _letter(mark) if mark is not None else chr(0x2800 + dots) if braille else "."
    number = owner if mark is None else mark
    return f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{text}\x1b[0m" if color else text


def _letter(number: int) -> str:
    return _LETTERS[number % len(_LETTERS)]


def _doubts(panel: Panel, columns: int) -> list[str]:
    """The words of the flags for which layers are in doubt."""
    notes = [f"in doubt, {flag}: {flag.words}" for flag in sorted(panel.reasons)]
    return [line for note in notes for line in textwrap.wrap(note, columns + _MARGIN, break_on_hyphens=False)]


def _names(tracks: list[Track], *, color: bool) -> list[str]:
    """A line for every layer: its letter, its name as typed, and where it is at the last step."""
    lines = []
    for track in tracks:
        x, y = track.xy[-1]
        letter = _cell(1, track.number, track.number, color=color, braille=False)
        doubt = " (in doubt)" if track.doubted[-1] else ""
        lines.append(f"{letter} {shown_name(track.layer)} {x:.2f}, {y:.2f}{doubt}")
    return lines
