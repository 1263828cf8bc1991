"""Information curves as a picture: what is drawn, what is left out and said, and what is refused."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import infoplane as ip
from infoplane import plotting
from infoplane.errors import InputError


@pytest.fixture(scope="module")
def curves():
    random = np.random.default_rng(0)
    y = random.integers(2, size=400)
    near, far = (random.normal(size=(400, 3)) + np.outer(shift * y, [1, 0, 0]) for shift in (0.5, 4.0))
    return {"fc1": ip.information_curve(near, y), "fc$2$": ip.information_curve(far, y)}


def names(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_line_for_each_layer_and_the_levels_left_out(curves):
    figure = plotting.information_curves(curves, title="Two layers")
    ax = figure.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("I(X;T) [bits]", "I(T;Y) [bits]")
    assert ax.get_title(loc="left") == "Two layers"
    assert any(name.startswith("fc1 (") and name.endswith("of 13 levels red)") for name in names(ax))
    assert any(name.startswith("fc$2$") for name in names(ax))


def test_only_points_that_are_not_red_are_drawn(curves):
    ax = plotting.information_curves({"far": curves["fc$2$"]}).axes[0]
    table = curves["fc$2$"].to_pandas()
    trusted = table[(table["i_xt_light"] != "red") & (table["i_ty_light"] != "red")]
    drawn = next(line for line in ax.lines if len(line.get_xdata()) == len(trusted))
    np.testing.assert_allclose(drawn.get_xdata(), trusted["i_xt"])
    assert len(trusted) < len(table)


def test_axes_of_the_user_keep_their_size(curves):
    figure = Figure(figsize=(3, 2))
    ax = figure.add_subplot()
    assert plotting.information_curves(curves, ax=ax) is figure
    assert tuple(figure.get_size_inches()) == (3, 2)


def test_what_cannot_be_drawn_is_named(curves):
    random = np.random.default_rng(0)
    t, y = random.normal(size=(60, 50)), random.integers(2, size=60)
    with pytest.raises(InputError, match="no curves"):
        plotting.information_curves({})
    with pytest.raises(InputError, match="bits and nats"):
        plotting.information_curves({**curves, "other": ip.information_curve(t, y, snr=[0.1, 0.2], units="nats")})
    with pytest.raises(InputError, match="every point is red"):
        plotting.information_curves({"t": ip.information_curve(t, y, snr=[1e3, 1e4])})
    with pytest.raises(InputError, match="no label set 'odd'"):
        plotting.information_curves(curves, label="odd")
    with pytest.raises(InputError, match="give y"):
        plotting.information_curves({"t": ip.information_curve(t)})
