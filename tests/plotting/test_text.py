"""The plane in characters: where letters stand, how wide it is, and what a terminal is spared."""

import re

import pytest

from infoplane.errors import InputError
from infoplane.flags import FLAGS, LIGHTS, in_doubt
from infoplane.plotting import text_plane
from infoplane.trajectory.trajectory import Trajectory, concat


def one(layers=("fc1",), **more):
    return Trajectory(
        {"step": s, "layer": layer, "layer_index": n, "i_xt": 4.0 * s + n, "i_ty": s / 2, "units": "bits"} | more
        for s in (0, 1) for n, layer in enumerate(layers)
    ).to_pandas()  # fmt: skip


def test_a_letter_stands_at_the_end_of_the_path():
    lines = text_plane(one(), width=40, height=8).splitlines()
    assert lines[0] == "I(T;Y) [bits]"
    assert lines[1].endswith("a")
    assert len(lines[1]) == 40
    assert lines[1].startswith("    0.5 │")
    assert lines[8][9] != " "  # the start, at the origin
    assert lines[10].split() == ["0", "I(X;T)", "[bits]", "4"]
    assert lines[11] == "a fc1 4.00, 0.50"


@pytest.mark.parametrize("width", [32, 61, 120])
@pytest.mark.parametrize("braille", [True, False])
def test_no_line_is_wider_than_the_terminal(make, width, braille):
    text = text_plane(make(families=("exact",)).to_pandas(), width=width, height=12, braille=braille)
    assert max(map(len, text.splitlines()[1:])) <= width
    if not braille:
        assert text.isascii()


def test_negative_values_are_inside():
    text = text_plane(one(i_ty=-0.25), width=40, height=8)
    assert text.splitlines()[8].startswith("  -0.25 │")


def test_colours_only_where_they_are_wanted():
    plain, coloured = (text_plane(one(("a", "b")), color=color) for color in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert {"34", "33"} <= set(re.findall(r"\x1b\[(\d+)m", coloured))


def test_names_cannot_reach_the_terminal():
    text = text_plane(one(("\x1b[31m$x_1$", "<b>")))
    assert "\x1b" not in text
    assert "[31m$x_1$ 4.00" in text


def test_one_plane_below_the_other_for_every_way_of_measuring(make):
    text = text_plane(concat([make(split="train"), make(split="test", flags="red")]).to_pandas())
    first, second = text.split("\n\n")
    assert (first.splitlines()[0][:5], second.splitlines()[0][:4]) == ("train", "test")
    assert "(in doubt)" in second
    assert "(in doubt)" not in first


@pytest.mark.parametrize("name", FLAGS)
def test_the_words_of_a_flag_in_doubt_stand_below(make, name):
    flags = [name] if in_doubt([name]) else ["red", name]
    lines = text_plane(make(layers=("fc1",), flags=flags).to_pandas(), width=60)
    assert "(in doubt)" in lines
    assert FLAGS["red" if name in LIGHTS else name].words in " ".join(lines.split())
    assert max(map(len, lines.splitlines())) <= 60


def test_what_cannot_be_drawn_says_why():
    with pytest.raises(InputError, match="31 columns and 20 lines are too few"):
        text_plane(one(), width=31)
    with pytest.raises(InputError, match="no row of the table has both"):
        text_plane(one(i_ty=None))
