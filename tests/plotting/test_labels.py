import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from infoplane.plotting.labels import along, label_ends
from infoplane.plotting.style import THEMES


def labelled(ends, names, paths=None):
    ax = Figure(figsize=(6, 5)).add_axes((0.1, 0.1, 0.8, 0.8))
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    label_ends(ax, names, ends, paths=ends if paths is None else paths, theme=THEMES["light"])
    for text in ax.texts:
        text.get_window_extent()  # settles where the letters are
    return ax, [Text.get_window_extent(text) for text in ax.texts]


@settings(derandomize=True, deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.floats(0.02, 0.98), st.floats(0.02, 0.98)), min_size=1, max_size=8))
def test_names_cover_neither_each_other_nor_the_frame(points):
    ax, boxes = labelled(np.array(points), [f"layer {i}" for i in range(len(points))])
    frame = ax.get_window_extent()
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert frame.x0 - 1 <= box.x0
        assert box.x1 <= frame.x1 + 1
        assert frame.y0 - 1 <= box.y0
        assert box.y1 <= frame.y1 + 1


def test_layers_that_end_in_one_point_are_still_told_apart():
    ends = np.tile([0.97, 0.97], (6, 1))
    _, boxes = labelled(ends, [f"layer {i}" for i in range(6)])
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[:i])


def test_a_name_leaves_a_path_free_where_it_can():
    path = np.stack([np.linspace(0.5, 1, 300), np.full(300, 0.5)], axis=1)
    ax, (box,) = labelled(np.array([[0.5, 0.5]]), ["a name"], paths=path)
    pixels = ax.transData.transform(path)
    assert not any(box.contains(*pixel) for pixel in pixels)


def test_points_along_a_path_begin_and_end_with_it():
    path = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    points = along(path, count=5)
    assert points == pytest.approx(np.array([[0, 0], [0.5, 0], [1, 0], [1, 1], [1, 2]]))
    assert along(path[:1]).tolist() == [[0.0, 0.0]]
