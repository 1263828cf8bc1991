"""What a reader sees: medians and bands over seeds, a line a layer, each name once."""

import numpy as np
import pytest

from infoplane.replications.pictures import LAYER_COLOURS, course, layer_courses, legend, panels, scale_in_bits


@pytest.fixture
def two_panels():
    import matplotlib.pyplot as plt

    figure, axes = panels("left", "right")
    yield figure, axes
    plt.close(figure)


def test_a_course_is_the_median_and_epoch_0_can_be_drawn(two_panels):
    _, (axes, _) = two_panels
    values = np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 5.0]])  # (checkpoints, seeds)
    course(axes, [0, 10], values, "layer 1", "C0")
    (line,) = axes.get_lines()
    assert line.get_xdata().tolist() == [0.5, 10]
    assert line.get_ydata().tolist() == [2, 4]
    assert axes.get_xscale() == "log"
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((1.2, 5.2))  # the 10 % and 90 % quantiles of the first row


def test_layers_have_numbers_and_colours_of_their_own(two_panels):
    _, (axes, _) = two_panels
    layer_courses(axes, [0, 1], np.arange(12.0).reshape(2, 2, 3))
    lines = axes.get_lines()
    assert [line.get_label() for line in lines] == ["layer 1", "layer 2", "layer 3"]
    assert [line.get_color() for line in lines] == list(LAYER_COLOURS[:3])
    assert lines[2].get_ydata().tolist() == [3.5, 9.5]


def test_titles_a_scale_in_bits_and_each_name_once(two_panels):
    figure, axes = two_panels
    for panel in axes:
        course(panel, [0, 1], [[1.0], [2.0]], "tanh", "C0")
        scale_in_bits(panel)
    course(axes[1], [0, 1], [[1.0], [2.0]], "relu", "C1")
    legend(figure, axes, 2)
    assert [panel.get_title() for panel in axes] == ["left", "right"]
    assert {(panel.get_ylabel(), panel.get_ylim()) for panel in axes} == {("I(X;T) [bits]", (0, 12.5))}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["tanh", "relu"]
