import numpy as np
import pytest

from infoplane.errors import UnknownNameError
from infoplane.plotting.style import (
    MARKERS,
    THEMES,
    layer_colours,
    log_spaced,
    shown_name,
    step_colours,
    step_norm,
    theme_named,
)

#: What remains of linear red, green and blue without one kind of cone: Machado, Oliveira, Fernandes (2009),
#: IEEE Transactions on Visualization and Computer Graphics 15, 1291, table 1, severity 1.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TO_XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]


def cielab(colour, eye):
    """Lightness and the two opponent colours (CIE 1976, white D65) that an eye sees."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    xyz = TO_XYZ @ np.clip(np.array(SEEN[eye]) @ linear, 0, 1) / (0.95047, 1, 1.08883)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("name", THEMES)
def test_colours_differ_for_every_eye(name, eye):
    layers = [cielab(colour, eye) for colour in THEMES[name].layers]
    nearest = min(np.linalg.norm(one - other) for i, one in enumerate(layers) for other in layers[:i])
    assert nearest > 15  # 2.3 is a just noticeable difference
    lightness = [cielab(colour, eye)[0] for colour in step_colours(THEMES[name])(np.linspace(0, 1, 64))]
    assert np.all(np.diff(lightness) > 0)  # later is lighter, in black and white too


def test_markers_differ_without_any_colour():
    from matplotlib.markers import MarkerStyle

    shapes = {MarkerStyle(mark).get_path().vertices.tobytes() + bytes(str(MarkerStyle(mark).get_transform()), "ascii")
              for mark in MARKERS}  # fmt: skip
    assert len(shapes) == len(MARKERS) == 10


def luminance(colour):
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_writing_is_legible_and_every_layer_is_seen(name):
    theme = THEMES[name]
    assert contrast(theme.ink, theme.page) >= 7
    assert contrast(theme.ceiling, theme.page) >= 4.5
    assert all(contrast(colour, theme.page) >= 1.9 for colour in theme.layers)


def test_as_many_colours_as_layers_all_different():
    for count in (1, 7, 8, 40):
        colours = [
            tuple(np.round(c, 6)) if not isinstance(c, str) else c for c in layer_colours(count, THEMES["light"])
        ]
        assert len(set(colours)) == count


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (range(1001), False),
        (range(0, 10001, 50), False),
        ([0, 1, 2, 4, 8, 16, 32, 64], True),
        (sorted({0, *np.geomspace(1, 3000, 40).round()}), True),
        ([0, 1, 10], False),
        ([5], False),
        ([*range(0, 1000, 10), 1003], False),
    ],
)
def test_log_spaced_steps_are_told_from_even_ones(steps, expected):
    assert log_spaced(np.array(list(steps), dtype=float)) is expected


def test_steps_become_shares_and_step_zero_the_first():
    assert step_norm(np.array([0.0, 5.0, 10.0]))(5) == 0.5
    log = step_norm(np.array([0.0, 1, 2, 4, 8, 16, 32, 64]))
    assert [float(log(step)) for step in (0, 1, 8, 64)] == pytest.approx([0, 0, 0.5, 1])
    assert step_norm(np.array([7.0]))(7) == 0


def test_names_come_out_as_typed_but_for_control_characters_and_length():
    assert shown_name("$x_1$ <b> 🙂") == "$x_1$ <b> 🙂"
    assert shown_name("a\x1b[31m\nb") == "a[31mb"
    long = shown_name("encoder." * 20)
    assert (len(long), long[:8], long[-8:]) == (32, "encoder.", "encoder.")


def test_a_theme_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UnknownNameError, match=r"'drak'.*dark"):
        theme_named("drak")
