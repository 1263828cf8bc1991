"""Names of runs and of their files: the same on every system, and never a way out of the folder."""

import os
import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError, RunError
from infoplane.runs.names import check_name, default_path, file_in


@pytest.mark.parametrize("name", ["a", "7", "six-layer.2", "A_b-c.d", "console", "nullable.txt", "x" * 128])
def test_usual_names_are_accepted(tmp_path, name):
    assert check_name(name) == name
    assert file_in(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", ".hidden", "-f", "a b", "ü", "CON", "nul.txt", "Com1.csv", "end.", "x" * 129]
)
def test_a_name_that_no_system_or_not_every_system_takes_is_refused(tmp_path, name):
    for use in (check_name, lambda name: file_in(tmp_path, name)):
        with pytest.raises(InputError, match="cannot be a file name: use 1 to 128 letters"):
            use(name)


def test_a_refused_name_cannot_write_on_the_terminal():
    with pytest.raises(InputError) as caught:
        check_name("a\x1b]0;title\x07")
    assert "\x1b" not in str(caught.value)


@settings(derandomize=True, deadline=None)
@given(st.text(max_size=8))
def test_a_name_that_is_accepted_stays_in_its_folder(name):
    try:
        check_name(name)
    except InputError:
        return
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", name)
    assert os.path.basename(os.path.normpath(os.path.join("runs", name))) == name


def test_a_link_that_leads_out_is_no_file_of_the_run(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "inside.csv").symlink_to(run / "trajectory.csv")
    (run / "outside.csv").symlink_to(tmp_path / "trajectory.csv")
    assert file_in(run, "inside.csv") == run / "inside.csv"
    with pytest.raises(RunError, match=r"outside\.csv is a link that leads out"):
        file_in(run, "outside.csv")


def test_the_default_path_holds_experiment_and_time_and_is_new(tmp_path):
    now = datetime(2031, 12, 5, 9, 8, 7)
    first = default_path("six-layer", root=tmp_path, now=now)
    assert first == tmp_path / "six-layer-20311205-090807"
    first.mkdir()
    assert default_path("six-layer", root=tmp_path, now=now) == tmp_path / "six-layer-20311205-090807-2"
    (tmp_path / "six-layer-20311205-090807-2").mkdir()
    assert default_path("six-layer", root=tmp_path, now=now) == tmp_path / "six-layer-20311205-090807-3"


def test_an_experiment_whose_name_is_no_file_name_has_no_default_path():
    with pytest.raises(InputError, match="cannot be a file name"):
        default_path("../up")
