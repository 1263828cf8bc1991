"""What the pictures of several claims share: two panels, and the course of a quantity over seeds."""

from __future__ import annotations

from typing import Any

import numpy as np

from infoplane.plotting.style import theme_named

#: Colours that are told apart by colour-blind readers too.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = theme_named("light").layers
LAYER_COLOURS = (SKY, BLUE, GREEN, ORANGE, VERMILION, PURPLE)  #: of layers 1 to 6


def panels(*titles: str, height: float = 4.0) -> tuple[Any, Any]:
    """A figure and its axes side by side, one a title."""
    import matplotlib.pyplot as plt

    figure, (axes,) = plt.subplots(
        1, len(titles), figsize=(4.8 * len(titles), height), layout="constrained", squeeze=False
    )
    for one, title in zip(axes, titles, strict=True):
        one.set_title(title, fontsize=10)
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def course(axes: Any, epochs: Any, values: Any, label: str, colour: str, style: str = "-") -> None:
    """Median over seeds as a line and the middle 80 % of them as a band; ``values`` (checkpoints, seeds).

    On a logarithmic axis of epochs, with epoch 0 drawn at 0.5.
    """
    at = np.maximum(epochs, 0.5)
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
    axes.fill_between(at, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(at, middle, style, color=colour, label=label, linewidth=1.8)
    axes.set(xscale="log", xlabel="epoch (0 drawn at 0.5)")


def legend(figure: Any, axes: Any, columns: int) -> None:
    """One legend below all panels, each name once."""
    found: dict[str, Any] = {}
    for one in axes:
        handles, labels = one.get_legend_handles_labels()
        found.update(zip(labels, handles, strict=True))
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns, fontsize=8, frameon=False)
