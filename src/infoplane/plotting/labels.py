"""Names beside the ends of paths, placed so that they cover neither each other nor, where possible, the paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from infoplane.plotting.style import Theme, behind_text, shown_name, write_near

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = 9.0  # of the letters, in points
_RADII = (8.0, 16.0, 26.0, 38.0, 52.0, 68.0, 86.0)  # from the end of the path to the name, in points
_ANGLES = np.arange(16) * np.pi / 8


def along(path: np.ndarray, *, count: int = 300) -> np.ndarray:
    """(count, 2): points along a path of any number of points, close together also where the path's own are not."""
    if len(path) < 2:
        return path
    at = np.linspace(0, len(path) - 1, count)
    return np.stack([np.interp(at, np.arange(len(path)), path[:, axis]) for axis in (0, 1)], axis=1)


def label_ends(ax: Axes, names: list[str], ends: np.ndarray, *, paths: np.ndarray, theme: Theme) -> None:
    """Write each name near its end; ``ends`` is (names, 2) and ``paths`` (points, 2), in the units of the axes.

    Texts that ``ax`` holds already stay free. The limits and the place of ``ax`` have to be final.
    """
    points_per_pixel = 72 / ax.figure.dpi
    anchors = ax.transData.transform(ends) * points_per_pixel  # (names, 2), in points
    avoid = ax.transData.transform(paths) * points_per_pixel
    frame = np.asarray(ax.get_window_extent().extents) * points_per_pixel
    written = [np.asarray(text.get_window_extent().extents) * points_per_pixel for text in ax.texts]
    placed = np.array([*([x - 5, y - 5, x + 5, y + 5] for x, y in anchors), *written])  # left, bottom, right, top
    for name, end, anchor in zip(names, ends, anchors, strict=True):
        text = shown_name(name)
        half = np.array([0.31 * _SIZE * len(text) + 4, 0.62 * _SIZE])
        radius, offset = _best_place(anchor, half, placed=placed, avoid=avoid, frame=frame)
        placed = np.vstack([placed, np.concatenate([anchor + offset - half, anchor + offset + half])])
        _write(ax, text, end, offset, leader=radius > _RADII[0], theme=theme)


def _best_place(
    anchor: np.ndarray, half: np.ndarray, *, placed: np.ndarray, avoid: np.ndarray, frame: np.ndarray
) -> tuple[float, np.ndarray]:
    """The cheapest of all radii and angles: (radius, offset of the name's middle from the anchor), in points."""
    radii, angles = (grid.ravel() for grid in np.meshgrid(_RADII, _ANGLES, indexing="ij"))
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (places, 2)
    offsets = (radii[:, None] + half) * directions
    low, high = anchor + offsets - half, anchor + offsets + half
    shared = np.minimum(high[:, None], placed[:, 2:]) - np.maximum(low[:, None], placed[:, :2])  # (places, boxes, 2)
    overlap = np.prod(np.clip(shared, 0, None), axis=2).sum(axis=1)
    outside = np.clip(frame[:2] - low, 0, None).sum(axis=1) + np.clip(high - frame[2:], 0, None).sum(axis=1)
    inside = ((avoid[None] > low[:, None]) & (avoid[None] < high[:, None])).all(axis=2)  # (places, points)
    covered = inside.mean(axis=1) if len(avoid) else np.zeros(len(radii))
    cost = 100 * overlap + 50 * outside + 2000 * covered + radii
    best = int(np.argmin(cost))
    return float(radii[best]), offsets[best]


def _write(ax: Axes, text: str, end: np.ndarray, offset: np.ndarray, *, leader: bool, theme: Theme) -> None:
    arrow = {"arrowstyle": "-", "color": theme.ceiling, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}
    style = {"fontsize": _SIZE, "color": theme.ink, "zorder": 6, "bbox": behind_text(theme)}
    write_near(ax, text, (float(end[0]), float(end[1])), (float(offset[0]), float(offset[1])), ha="center", va="center",
               arrowprops=arrow if leader else None, **style)  # fmt: skip
