"""What is known of the phases of every layer: a table that prints itself, and draws itself on the curves."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from infoplane import plotting
from infoplane.io.files import clean
from infoplane.trajectory.trajectory import Trajectory

if TYPE_CHECKING:
    import pandas
    from rich.table import Table

#: What a loss has to survive before it is called compression.
CHECKS = ("half the bins", "double the bins", "fixed range", "per-layer range", "corrected")


@dataclass(frozen=True)
class Mean:
    """A mean over repeats with Student's 95 % interval, None where there are fewer than two of them."""

    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, values: np.ndarray) -> Mean:
        if len(values) < 2:
            return cls(float(values[0]))
        from scipy.stats import t

        middle, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
        reach = error * float(t.isf(0.025, len(values) - 1))
        return cls(middle, middle - reach, middle + reach)


@dataclass(frozen=True)
class Change:
    """How I(X;T) went: at the first step, the peak of the mean curve, and the last; gain and loss of the repeats."""

    repeats: int
    first: int
    peak: int
    last: int
    values: tuple[float, float, float]
    gained: Mean
    lost: Mean

    @classmethod
    def of(cls, steps: Sequence[int], values: np.ndarray) -> Change:
        """From values (repeats, steps): each repeat is read at the peak of the others' mean, where there are others."""
        repeats, mean = len(values), values.mean(axis=0)
        others = (values.sum(axis=0) - values) / (repeats - 1) if repeats > 1 else values
        peaks = values[np.arange(repeats), others.argmax(axis=1)]
        peak = int(mean.argmax())
        return cls(
            repeats,
            int(steps[0]),
            int(steps[peak]),
            int(steps[-1]),
            (float(mean[0]), float(mean[peak]), float(mean[-1])),
            Mean.of(peaks - values[:, 0]),
            Mean.of(peaks - values[:, -1]),
        )


@dataclass(frozen=True)
class Phase:
    """The phases of one layer under one way of measuring.

    ``checks``: whether the loss shows under each of ``CHECKS``, None where that was not measured. ``doubted``: the
    number at the peak is in doubt (:func:`infoplane.flags.in_doubt`). ``noise_from``: the step where the gradient's
    signal-to-noise ratio falls below 1, the first step where it never was above; ``noise_fall``: the step after the
    ratio's largest fall; None where unknown or never.
    """

    split: str
    label: str
    family: str
    layer: str
    estimator: str
    layer_index: int
    change: Change
    loses: bool
    checks: Mapping[str, bool | None]
    doubted: bool
    noise_from: int | None
    noise_fall: int | None

    @property
    def peak(self) -> int:
        """The step of the largest I(X;T)."""
        return self.change.peak

    @property
    def gained(self) -> Mean:
        """I(X;T) at the peak less that of the first step."""
        return self.change.gained

    @property
    def lost(self) -> Mean:
        """I(X;T) at the peak less that of the last step."""
        return self.change.lost

    @property
    def verdict(self) -> str:
        """``no loss``, ``compression``, ``failed: ...`` or ``not checked: ...``."""
        if not self.loses:
            return "no loss"
        failed = [name for name in CHECKS if self.checks[name] is False]
        unknown = [name for name in CHECKS if self.checks[name] is None]
        reasons = [f"failed: {', '.join(failed)}"] if failed else []
        reasons += [f"not checked: {', '.join(unknown)}"] if unknown else []
        return "; ".join(reasons) or "compression"


@final
class Phases:
    """The phases of all layers, the first layer first; iterate over it, ``print`` it, ``.to_pandas()``, ``.plot()``."""

    def __init__(self, rows: Sequence[Phase], units: str, trajectory: Trajectory) -> None:
        self.rows, self.units, self.trajectory = tuple(rows), units, trajectory

    def __iter__(self) -> Iterator[Phase]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, layer: str) -> Phase:
        """The first row of a layer."""
        from infoplane.errors import UnknownNameError

        for row in self.rows:
            if row.layer == layer:
                return row
        raise UnknownNameError("layer", layer, [str(row.layer) for row in self.rows])

    def to_pandas(self) -> pandas.DataFrame:
        """One row a layer; gains and losses in ``units``; a check is true, false or missing."""
        import pandas

        return pandas.DataFrame([_flat(row, self.units) for row in self.rows])

    def plot(self, **options: Any) -> Any:
        """I(X;T) of every layer under all estimators, with the marks, by :func:`infoplane.plotting.phases`."""
        return plotting.phases(
            self.trajectory.to_pandas(), self.to_pandas(), **({"facts": self.trajectory.meta} | options)
        )

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Names of the columns and cells as a person reads them."""
        varying = [name for name in ("split", "label", "family") if len({getattr(row, name) for row in self.rows}) > 1]
        heads = [*varying, "layer", "peak at step", f"gained [{self.units}]", f"lost [{self.units}]", "verdict",
                 "noise from step", "largest fall"]  # fmt: skip
        cells = [
            [
                *(str(getattr(row, name)) for name in varying),
                str(row.layer),
                f"{row.peak}{' (in doubt)' if row.doubted else ''}",
                _in_digits(row.gained),
                _in_digits(row.lost),
                row.verdict,
                "" if row.noise_from is None else str(row.noise_from),
                "" if row.noise_fall is None else str(row.noise_fall),
            ]
            for row in self.rows
        ]
        used = [at for at in range(len(heads)) if at < len(heads) - 2 or any(line[at] for line in cells)]
        return [heads[at] for at in used], [[line[at] for at in used] for line in cells]

    def note(self) -> str:
        """What was looked at."""
        estimators = ", ".join(dict.fromkeys(str(row.estimator) for row in self.rows))
        repeats = max((row.change.repeats for row in self.rows), default=0)
        return f"I(X;T) by {estimators}, " + (f"means of {repeats} repeats" if repeats > 1 else "one curve a layer")

    def __str__(self) -> str:
        heads, cells = self.table()
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        lines = ["  ".join(map(str.ljust, map(clean, line), widths)).rstrip() for line in (heads, *cells)]
        return "\n".join([*lines, clean(self.note())])

    def __rich__(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        heads, cells = self.table()
        table = Table(caption=Text(clean(self.note())), caption_justify="left")
        for name in heads:
            table.add_column(Text(name))
        for line in cells:
            table.add_row(*(Text(clean(cell)) for cell in line))
        return table

    def _repr_html_(self) -> str:
        heads, cells = self.table()
        head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in line)}</tr>" for line in cells)
        caption = html.escape(self.note())
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _in_digits(mean: Mean) -> str:
    interval = "" if mean.low is None or mean.high is None else f" [{mean.low:.2f}, {mean.high:.2f}]"
    return f"{mean.value:.2f}{interval}"


def _flat(row: Phase, units: str) -> dict[str, Any]:
    change = row.change
    return {
        **{name: getattr(row, name) for name in ("split", "layer", "layer_index", "family", "estimator", "label")},
        "repeats": change.repeats,
        **{f"{name}_step": getattr(change, name) for name in ("first", "peak", "last")},
        **dict(zip(("i_xt_first", "i_xt_peak", "i_xt_last"), change.values, strict=True)),
        **{f"{what}{end}": getattr(getattr(change, what), at) for what in ("gained", "lost")
           for end, at in (("", "value"), ("_low", "low"), ("_high", "high"))},
        "units": units,
        "loses": row.loses,
        **{name.replace(" ", "_").replace("-", "_"): row.checks[name] for name in CHECKS},
        "verdict": row.verdict,
        "doubted": row.doubted,
        "noise_from": row.noise_from,
        "noise_fall": row.noise_fall,
    }  # fmt: skip
