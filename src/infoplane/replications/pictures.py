"""What the pictures of several claims share: panels side by side, and the course of a quantity over seeds."""

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
    for panel, title in zip(axes, titles, strict=True):
        panel.set_title(title, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
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


def layer_courses(axes: Any, epochs: Any, information: Any) -> None:
    """The course of every layer, numbered from 1; ``information`` (checkpoints, seeds, layers)."""
    values = np.asarray(information)
    for layer in range(values.shape[2]):
        course(axes, epochs, values[:, :, layer], f"layer {layer + 1}", LAYER_COLOURS[layer])


def scale_in_bits(axes: Any, ylabel: str = "I(X;T) [bits]", most: float = 12.5) -> None:
    """An axis from 0 bits up, by default to just above the 12 bits of the patterns of ``szt_networks``."""
    axes.set(ylabel=ylabel, ylim=(0, most))


def legend(figure: Any, axes: Any, columns: int) -> None:
    """One legend below all panels, each name once."""
    handle_of: dict[str, Any] = {}
    for panel in axes:
        handles, labels = panel.get_legend_handles_labels()
        handle_of.update(zip(labels, handles, strict=True))
    figure.legend(
        handle_of.values(), handle_of.keys(), loc="outside lower center", ncols=columns, fontsize=8, frameon=False
    )
