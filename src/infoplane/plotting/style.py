"""How every picture looks: colours for a light and a dark page, names as typed, sizes, and pictures as bytes."""

from __future__ import annotations

import functools
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from infoplane.errors import InputError, UnknownNameError
from infoplane.io.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

#: What keeps a text as it was typed: no formulas between dollar signs.
AS_TYPED: dict[str, Any] = {"parse_math": False, "usetex": False}

#: One marker a layer, told apart without colours.
MARKERS = "os^DvPX*<>"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")  # what a picture file cannot hold
_LONGEST_NAME = 32


@dataclass(frozen=True)
class Theme:
    """The colours of a page. ``layers`` is the Okabe-Ito set; ``steps`` the part of a colour map that is legible."""

    page: str
    ink: str
    grid: str
    ceiling: str
    layers: tuple[str, ...]
    steps: tuple[str, float, float]


_OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
THEMES = {
    "light": Theme("#ffffff", "#22262b", "#e6e8eb", "#6b7280", (*_OKABE_ITO, "#000000"), ("viridis", 0.0, 0.93)),
    "dark": Theme("#14171c", "#e8eaed", "#2b3038", "#9aa3af", (*_OKABE_ITO, "#F0E442"), ("viridis", 0.18, 1.0)),
}


def theme_named(name: str) -> Theme:
    """A theme by its name."""
    if name not in THEMES:
        raise UnknownNameError("theme", name, THEMES)
    return THEMES[name]


def behind_text(theme: Theme) -> dict[str, Any]:
    """A veil that keeps a name legible on top of a path; an outline would turn its letters into shapes in an svg."""
    return {"facecolor": theme.page, "edgecolor": "none", "alpha": 0.7, "pad": 0.6}


def shown_name(name: object) -> str:
    """A name as typed, without control characters, a long one with its middle left out."""
    text = _CONTROL.sub("", str(name))
    half = _LONGEST_NAME // 2
    return text if len(text) <= _LONGEST_NAME else f"{text[: half - 1]}…{text[-half:]}"


def layer_colours(count: int, theme: Theme) -> list[Any]:
    """One colour a layer: the Okabe-Ito set as far as it reaches, beyond that steps of the colour map."""
    if count <= len(theme.layers):
        return list(theme.layers[:count])
    return list(step_colours(theme)(np.linspace(0, 1, count)))


def step_colours(theme: Theme) -> Colormap:
    """The colour map of the steps."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    name, low, high = theme.steps
    return ListedColormap(matplotlib.colormaps[name](np.linspace(low, high, 256)))


def log_spaced(steps: np.ndarray) -> bool:
    """Whether the distances between steps grow with the steps themselves."""
    positive = np.unique(steps[steps > 0])
    if len(positive) < 4:
        return False
    gaps = np.diff(positive)
    return bool(positive[-1] / positive[0] >= 20 and gaps.max() / gaps.min() >= 5 and np.argmax(gaps) > len(gaps) / 2)


def step_norm(steps: np.ndarray) -> Normalize:
    """Steps -> 0 to 1, by their logarithm where they are log spaced; step 0 then takes the first colour."""
    from matplotlib.colors import LogNorm, Normalize

    if log_spaced(steps):
        return LogNorm(float(steps[steps > 0].min()), float(steps.max()), clip=True)
    return Normalize(float(steps.min()), float(max(steps.max(), steps.min() + 1)))


@contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Matplotlib's own defaults with the theme's colours, for as long as a picture is drawn."""
    import matplotlib

    ink = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), theme.ink)
    edge = {"axes.edgecolor": theme.ceiling, "axes.facecolor": theme.page, "grid.color": theme.grid}
    settings: dict[str, Any] = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(ink | edge | settings)
        yield


def new_figure(theme: Theme) -> Figure:
    """A figure without a window, which a notebook shows when it is the last value of a cell."""
    from matplotlib.figure import Figure

    figure = Figure(facecolor=theme.page)
    figure.__dict__["_repr_png_"] = functools.partial(picture, figure)
    return figure


def page_margins(layers: Iterable[str], *, title: str | None, legend: bool) -> tuple[float, float]:
    """Inches at the right, for a legend of the layers or a colour bar, and at the top, for the titles."""
    right = 0.75 + 0.085 * max(len(shown_name(name)) for name in layers) if legend else 1.1
    return right, 0.8 if title else 0.45


def write_title(figure: Figure, title: str | None) -> None:
    """The title of the whole picture, above the left margin of the axes."""
    if title:
        width, height = figure.get_size_inches()
        style: dict[str, Any] = {"fontsize": 13, "fontweight": "bold", "va": "top", **AS_TYPED}
        figure.text(0.85 / width, 1 - 0.16 / height, title, **style)


def layer_legend(
    where: Any, layers: Mapping[int, tuple[str, Any]], *, loc: str, at: tuple[float, float] | None = None
) -> None:
    """A legend, on axes or a figure, of layers (number -> name and colour) with their markers, every name as typed."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, marker=MARKERS[number % len(MARKERS)], label=str(number))
        for number, (_, colour) in layers.items()
    ]
    legend = where.legend(handles=handles, loc=loc, bbox_to_anchor=at, frameon=False, fontsize=9)
    for text, (name, _) in zip(legend.get_texts(), layers.values(), strict=True):
        text.set(text=shown_name(name), **AS_TYPED)  # set here, since a legend drops labels that begin with _


def grid_of_axes(
    figure: Figure,
    *,
    count: int,
    per_row: int,
    size: tuple[float, float],
    margins: tuple[float, float],
    share: Literal["both", "rows"] = "both",
    between: float | None = None,
) -> list[Axes]:
    """``count`` axes of ``size`` inches with fixed margins, of which those at the right and at the top are given.

    They share both their limits, or those of x with all and those of y with their row only. ``between``: inches from
    one row to the next.
    """
    columns = min(count, per_row)
    rows = -(-count // columns)
    left, bottom, (right, top), gap = 0.85, 1.05, margins, 0.25
    between = (0.45 if share == "both" else 0.2) if between is None else between
    width = left + columns * size[0] + (columns - 1) * gap + right
    height = bottom + rows * size[1] + (rows - 1) * between + top
    figure.set_size_inches(width, height)
    made: list[Axes] = []
    for number in range(count):
        row, column = divmod(number, columns)
        x = left + column * (size[0] + gap)
        y = height - top - size[1] - row * (size[1] + between)
        beside = made[0] if made and share == "both" else made[row * columns] if column else None
        place = (x / width, y / height, size[0] / width, size[1] / height)
        ax = figure.add_axes(place, sharex=made[0] if made else None, sharey=beside)
        ax.tick_params(labelleft=column == 0, labelbottom=number + columns >= count)
        made.append(ax)
    return made


def picture(figure: Figure, *, form: str = "png", dpi: int = 150) -> bytes:
    """The figure as the bytes of a png, svg or pdf file; the same figure gives the same bytes.

    Raises:
        InputError: another form.
    """
    import matplotlib

    dateless: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if form not in dateless:
        raise InputError(f"pictures of the form {form!r} are not made: use one of {', '.join(dateless)}")
    content = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "infoplane", "text.usetex": False}):
        figure.savefig(content, format=form, dpi=dpi, metadata=dateless[form])
    return content.getvalue()


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int = 150) -> None:
    """Write the figure to a ``.png``, ``.svg`` or ``.pdf`` file, whole or not at all.

    Raises:
        InputError: another ending.
        RunError: the file cannot be written.
    """
    atomic_write(path, picture(figure, form=Path(path).suffix.removeprefix("."), dpi=dpi))
