"""What every picture does around its lines: read the table, place axes, name lines and doubts, and be saved."""

from __future__ import annotations

import functools
import io
import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from infoplane.errors import InputError
from infoplane.flags import Flag
from infoplane.io.files import atomic_write
from infoplane.plotting.ceilings import Ceiling, ceilings_among
from infoplane.plotting.sources import as_table, of_layers
from infoplane.plotting.style import AS_TYPED, MARKERS, Theme, layer_colours, log_spaced, shown_name, theme_named
from infoplane.plotting.tracks import Panel, Track, layer_names, panels, the_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: The columns that can be drawn, and their names on an axis.
QUANTITIES = {"i_xt": "I(X;T)", "i_ty": "I(T;Y)", "h_t": "H(T)", "h_t_given_x": "H(T|X)"}
_AXIS = {"i_xt": "x", "i_ty": "y"}  # of the information plane, on which the ceilings of a quantity lie
_LEFT = 0.85  # inches from the left edge of a picture to its axes, its title and its notes
_LEAST = 0.8  # inches of axes in which a path can be seen
_LETTER, _LINE = 0.068, 0.15  # inches of a letter and of a line of a note
_ENTRIES = 22  # of a legend, one below the other beside a panel

# ------------------------------------------------------------------ the table


@dataclass(frozen=True, eq=False)
class Frame:
    """A table made ready for drawing: its panels and layers, its unit, what is known beside it, theme and title."""

    panels: list[Panel]
    layers: list[str]
    units: str
    facts: Mapping[str, Any]
    theme: Theme
    title: str | None

    @classmethod
    def of(
        cls, source: Any, *, facts: Mapping[str, Any] | None, theme: str, title: str | None,
        together: bool = False, layers: str | Sequence[str] | None = None,
    ) -> Frame:  # fmt: skip
        """Read what :func:`as_table` takes; with ``together`` the splits share panels; ``layers``: only some.

        Raises:
            InputError: no row, a missing column, rows with different units.
            UnknownNameError: no such theme, no such layer.
        """
        table, known = as_table(source)
        table = of_layers(table, layers)
        units = the_units(table)
        drawn = panels(table, together=together)
        return cls(drawn, layer_names(table), units, {**known, **(facts or {})}, theme_named(theme), title)

    @property
    def tracks(self) -> list[Track]:
        """Those of the whole, of all panels."""
        return [track for panel in self.panels for track in panel.whole]

    @property
    def every_track(self) -> list[Track]:
        """Those of the repeats too."""
        return [track for panel in self.panels for track in (*panel.whole, *panel.single)]

    def label(self, quantity: str) -> str:
        """What stands at an axis."""
        return f"{QUANTITIES[quantity]} [{self.units}]"

    def bounds(self, quantity: str, *, along: Literal["x", "y"] = "y") -> list[Ceiling]:
        """The ceilings of one quantity, along the axis on which a picture draws it."""
        return bounds_of(quantity, ceilings_among(self.facts, units=self.units, wanted=True), along=along)

    def finite(self, quantity: str, *, repeats: bool = False) -> np.ndarray:
        """All values of a quantity that are numbers.

        Raises:
            InputError: there are none.
        """
        values = np.concatenate([track.numbers[quantity] for track in (self.every_track if repeats else self.tracks)])
        values = values[np.isfinite(values)]
        if not len(values):
            raise InputError(f"no row of the table has {quantity}, so there is nothing to draw: measure it, or draw "
                             "another quantity")  # fmt: skip
        return values

    def measurements(self) -> list[str | None]:
        """The measurement models in words, each once."""
        return list(dict.fromkeys(panel.measured(self.facts) for panel in self.panels))

    def reasons(self) -> list[Flag]:
        """Why points are in doubt, all reasons of all panels."""
        return sorted(set().union(*(panel.reasons for panel in self.panels)))

    def notes(self) -> list[str]:
        """What is hollow and what a band is."""
        bands = dict.fromkeys(words for panel in self.panels if (words := panel.band_in_words()))
        return [*hollow_in_words(self.reasons()), *bands]

    @contextmanager
    def page(self) -> Iterator[Figure]:
        """A new figure to draw on under the theme's settings; at the end it gets its title."""
        with new_page(self.theme, self.title) as figure:
            yield figure


def hollow_in_words(reasons: Sequence[Flag]) -> list[str]:
    """What a hollow point is, by the names of the reasons; nothing where no point is hollow."""
    return [f"hollow: in doubt ({', '.join(reasons)})"] if reasons else []


def footnotes(reasons: Iterable[Flag]) -> list[str]:
    """What each reason means: its words up to the advice, for which a picture has no room."""
    return [f"{flag}: {flag.words.partition(': ')[0]}" for flag in reasons]


def bounds_of(quantity: str, ceilings: Sequence[Ceiling], *, along: Literal["x", "y"]) -> list[Ceiling]:
    """Those of the ceilings that bound one quantity, along the axis on which it is drawn."""
    return [replace(bound, axis=along) for bound in ceilings if bound.axis == _AXIS.get(quantity)]


# ------------------------------------------------------------------ the page


@contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Matplotlib's own defaults with the theme's colours, for as long as a picture is drawn."""
    import matplotlib

    ink = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), theme.ink)
    edge = {"axes.edgecolor": theme.ceiling, "axes.facecolor": theme.page, "grid.color": theme.grid}
    settings: dict[str, Any] = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a picture looks the same whatever style the user's program has set
        matplotlib.rcParams.update(ink | edge | settings)
        yield


@contextmanager
def new_page(theme: Theme, title: str | None) -> Iterator[Figure]:
    """A new figure to draw on under the theme's settings; at the end it gets its title."""
    with drawing(theme):
        figure = new_figure(theme)
        yield figure
        write_title(figure, title)


def new_figure(theme: Theme) -> Figure:
    """A figure without a window, which a notebook shows when it is the last value of a cell."""
    from matplotlib.figure import Figure

    figure = Figure(facecolor=theme.page)
    figure.__dict__["_repr_png_"] = functools.partial(picture, figure)
    return figure


class Margins(NamedTuple):
    """Inches around the axes."""

    right: float
    top: float
    left: float = _LEFT
    bottom: float = 1.05


def page_margins(names: Iterable[str], *, title: str | None, legend: bool) -> Margins:
    """Room at the right for a legend of the names or a colour bar, and at the top for the titles."""
    shown = [len(shown_name(name)) for name in names]
    # a column of a legend has a marker, and the space beside it
    right = 0.3 + columns_of(shown) * (0.45 + 0.085 * max(shown)) if legend else 1.1
    return Margins(right, 0.8 if title else 0.45)


def grid_of_axes(
    figure: Figure, *, count: int, per_row: int, size: tuple[float, float], margins: Margins,
    share: Literal["both", "rows", "lines"] = "both", gaps: tuple[float, float] = (0.25, 0.45),
    below: Sequence[str] = (),
) -> list[Axes]:  # fmt: skip
    """``count`` axes of ``size`` inches, ``gaps`` inches beside and below each other, with a grid each.

    The paragraphs ``below`` get room at the lower edge, for :func:`write_notes`.

    They share both their limits (``both``), those of x with all and those of y with their row (``rows``), or only
    those of y with their row (``lines``).
    """
    columns = min(count, per_row)
    rows = -(-count // columns)
    width = margins.left + columns * size[0] + (columns - 1) * gaps[0] + margins.right
    height = margins.bottom + _LINE * len(_in_lines(below, width)) + rows * size[1] + (rows - 1) * gaps[1] + margins.top
    figure.set_size_inches(width, height)
    axes: list[Axes] = []
    for number in range(count):
        row, column = divmod(number, columns)
        x = margins.left + column * (size[0] + gaps[0])
        y = height - margins.top - size[1] - row * (size[1] + gaps[1])
        place = (x / width, y / height, size[0] / width, size[1] / height)
        first = axes[0] if axes else None
        beside = first if share == "both" else axes[row * columns] if column else None
        ax = figure.add_axes(place, sharex=None if share == "lines" else first, sharey=beside)
        ax.tick_params(labelleft=column == 0, labelbottom=share == "lines" or number + columns >= count)
        ax.grid(True, linewidth=0.6, zorder=0)
        axes.append(ax)
    return axes


def size_within(
    figsize: tuple[float, float], *, count: int, per_row: int, margins: Margins, gaps: tuple[float, float],
    below: Sequence[str] = (),
) -> tuple[float, float]:  # fmt: skip
    """The inches of each axes with which :func:`grid_of_axes` makes a figure of ``figsize`` inches.

    Raises:
        InputError: too little room for axes.
    """
    columns = min(count, per_row)
    rows = -(-count // columns)
    notes = _LINE * len(_in_lines(below, figsize[0]))
    across = (figsize[0] - margins.left - margins.right - (columns - 1) * gaps[0]) / columns
    upwards = (figsize[1] - margins.bottom - notes - margins.top - (rows - 1) * gaps[1]) / rows
    if across < _LEAST or upwards < _LEAST:
        need = (figsize[0] + columns * max(0.0, _LEAST - across), figsize[1] + rows * max(0.0, _LEAST - upwards))
        raise InputError(
            f"figsize={figsize!r} leaves no room for {count} panel(s): give at least "
            f"({need[0]:.1f}, {need[1]:.1f}) inches"
        )
    return across, upwards


def scale_steps(ax: Axes, each: Sequence[np.ndarray], *, how: str = "auto") -> None:
    """The axis of the steps, for all panels: a little wider than the steps, logarithmic where they are log spaced."""
    steps = np.concatenate(each)
    low, high = steps.min(), max(steps.max(), steps.min() + 1)
    positive = steps[steps > 0]
    if len(positive) and (how == "log" or (how == "auto" and log_spaced(each[0]))):
        first = float(positive.min())
        ax.set_xscale("symlog", linthresh=first)  # a logarithm that has a place for step 0
        ax.set_xlim(low - 0.25 * first if low < first else low / 1.25, 1.25 * high)
    else:
        ax.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))


# ------------------------------------------------------------------ lines


@dataclass(frozen=True)
class Pen:
    """How one line is drawn: its colour, which of the markers, how wide the line, how large and how many markers."""

    number: int
    colour: Any
    theme: Theme
    width: float = 1.4
    size: float = 26.0
    edge: float = 1.0
    most: int = 12

    @property
    def marker(self) -> str:
        return MARKERS[self.number % len(MARKERS)]

    def draw(self, ax: Axes, x: np.ndarray, values: np.ndarray, *, doubted: np.ndarray) -> None:
        """A line with markers at some of its points, hollow where they are in doubt."""
        if not len(x):
            return
        ax.plot(x, values, color=self.colour, linewidth=self.width, zorder=3)
        at = np.unique(np.linspace(0, len(x) - 1, self.most).round().astype(int))
        face = [self.theme.page if doubt else self.colour for doubt in doubted[at]]
        style: dict[str, Any] = {"s": self.size, "marker": self.marker, "linewidths": self.edge, "zorder": 4}
        ax.scatter(x[at], values[at], facecolors=face, edgecolors=[self.colour], **style)

    def draw_null(self, ax: Axes, x: np.ndarray, null: np.ndarray | None) -> None:
        """The value on shuffled samples, dotted, where there is one."""
        if null is not None and np.isfinite(null).any():
            ax.plot(x, null, color=self.colour, linewidth=1.0, linestyle=":", zorder=2)

    def draw_band(self, ax: Axes, x: np.ndarray, ends: tuple[np.ndarray, np.ndarray] | None, alpha: float) -> None:
        """What lies between the ends of the intervals, where there are some."""
        if ends is not None:
            ax.fill_between(x, *ends, color=self.colour, alpha=alpha, linewidth=0, zorder=2)

    def handle(self) -> Any:
        """What stands for the line in a legend."""
        from matplotlib.lines import Line2D

        return Line2D([], [], color=self.colour, marker=self.marker)


# ------------------------------------------------------------------ words


def write_title(figure: Figure, title: str | None) -> None:
    """The title of the whole picture, above the left margin of the axes."""
    if title:
        width, height = figure.get_size_inches()
        style: dict[str, Any] = {"fontsize": 13, "fontweight": "bold", "va": "top", **AS_TYPED}
        figure.text(_LEFT / width, 1 - 0.16 / height, title, **style)


def write_notes(figure: Figure, paragraphs: Iterable[str], *, left: float = _LEFT, bottom: float = 0.1) -> float:
    """Paragraphs below all panels, in lines that fit into the picture; the inches from its lower edge to above them."""
    width, height = figure.get_size_inches()
    lines = _in_lines(paragraphs, width, left=left)
    if lines:
        figure.text(left / width, bottom / height, "\n".join(lines), fontsize=8.5, **AS_TYPED)  # it grows upwards
    return _LINE * len(lines)


def _in_lines(paragraphs: Iterable[str], width: float, *, left: float = _LEFT) -> list[str]:
    letters = int((width - left - 0.05) / _LETTER)
    return [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, letters, break_on_hyphens=False)]


def say_not_computed(ax: Axes, theme: Theme) -> None:
    """Words in the middle of a panel without a number."""
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": theme.ceiling, "fontsize": 9}
    ax.text(0.5, 0.5, "not computed", transform=ax.transAxes, **style)


def legend(where: Any, entries: Iterable[tuple[str, Any]], *, size: float = 8.5, **box: Any) -> None:
    """A legend of texts and what stands for them, on axes or on a figure; every text comes out as typed."""
    texts, handles = zip(*entries, strict=True)
    labels = list(map(str, range(len(texts))))  # the texts are set below, since a legend drops those that begin with _
    written = where.legend(handles=list(handles), labels=labels, frameon=False, fontsize=size, **box)
    for text, shown in zip(texts, written.get_texts(), strict=True):
        shown.set(text=text, **AS_TYPED)


def beside(ax: Any) -> dict[str, Any]:
    """Where a legend stands at the right of a panel, for :func:`legend`."""
    place, width = ax.get_position(), ax.figure.get_size_inches()[0]
    return {"loc": "upper left", "bbox_to_anchor": (place.x1 + 0.1 / width, place.y1)}


def layer_legend(where: Any, layers: Mapping[int, tuple[str, Any]], theme: Theme, **box: Any) -> None:
    """A legend of layers (number -> name and colour) with their markers."""
    entries = [(shown_name(name), Pen(number, colour, theme).handle()) for number, (name, colour) in layers.items()]
    legend(where, entries, size=9, ncols=columns_of(entries), columnspacing=1.0, **box)


def columns_of(entries: Sized) -> int:
    """How many columns a legend of so many layers has beside a panel."""
    return -(-len(entries) // _ENTRIES)


def layers_of(tracks: Sequence[Track], theme: Theme) -> dict[int, tuple[str, Any]]:
    """Number of a layer -> its name and its colour, in the order of the network."""
    names = {track.number: track.layer for track in tracks}
    colours = layer_colours(max(names) + 1, theme)
    return {number: (names[number], colours[number]) for number in sorted(names)}


# ------------------------------------------------------------------ the file


def picture(figure: Figure, *, form: str = "png", dpi: int = 150) -> bytes:
    """The figure as the bytes of a png, svg or pdf file; the same figure gives the same bytes.

    Raises:
        InputError: another form.
    """
    import matplotlib

    dateless: dict[str, dict[str, Any]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}
    if form not in dateless:
        raise InputError(f"a picture cannot be saved as {form!r}: use one of {', '.join(dateless)}")
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
