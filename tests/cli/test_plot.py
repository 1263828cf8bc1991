"""infoplane plot on run directories: every kind of picture, in characters, and what it refuses."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane.cli import app
from infoplane.errors import InputError, UnknownNameError
from infoplane.trajectory.trajectory import Trajectory


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two splits and two bin rules, with scalars and a name that is up to something."""
    trajectory = Trajectory(
        {"step": s, "split": split, "layer": layer, "layer_index": n, "copy": -1, "family": "single", "label": "y",
         "estimator": estimator, "i_xt": 4.0 + s - n, "i_ty": s / 4, "units": "bits", "n": 100}
        for s in (0, 1, 2) for split in ("train", "test") for n, layer in enumerate(("fc1", "\x1b[31m$x$"))
        for estimator in ("binned(8 bins)", "binned(16 bins)")
    )  # fmt: skip
    for step in (1, 2):
        trajectory.scalars.add(step, "loss", 1 / step)
    place = tmp_path_factory.mktemp("runs") / "run"
    trajectory.save(place)
    return place


def plot(folder, *options):
    return CliRunner().invoke(app, ["plot", str(folder), *options])


@pytest.mark.parametrize("kind", ["plane", "curves", "profile", "phases", "comparison"])
def test_every_kind_is_drawn_into_the_run(folder, kind):
    done = plot(folder, "--kind", kind, "--theme", "dark")
    assert done.exit_code == 0
    assert done.output == f"wrote {folder / kind}.png\n"
    assert (folder / f"{kind}.png").read_bytes().startswith(b"\x89PNG")


def test_splits_are_chosen_and_put_together(folder, tmp_path):
    sizes = []
    for options in ((), ("--split", "test"), ("--together",)):
        assert plot(folder, "--out", str(tmp_path / "a.svg"), *options).exit_code == 0
        sizes.append((tmp_path / "a.svg").read_text().count("I(X;T) [bits"))
    assert sizes == [4, 2, 2]  # panels


def test_the_plane_and_the_phases_in_characters(folder):
    done = plot(folder, "--text", "--split", "train")
    assert done.exit_code == 0
    assert done.output.count("I(T;Y) [bits]") == 2
    assert "[31m$x$ 5.00, 0.50" in done.output
    assert "\x1b" not in done.output
    table = plot(folder, "--text", "--kind", "phases").output.splitlines()
    assert table[0].split()[:2] == ["split", "layer"]
    assert len(table) == 1 + 2 * 2 + 1


def test_through_a_pipe_there_is_no_colour(folder):
    command = [sys.executable, "-m", "infoplane.cli", "plot", str(folder), "--text"]
    for encoding, mark in (("utf-8", "│"), ("ascii", "|")):
        environment = {"PYTHONIOENCODING": encoding, "COLUMNS": "60", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
        text = done.stdout.decode(encoding)
        assert mark in text
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 60


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (("--kind", "plan"), UnknownNameError, "unknown kind of picture 'plan': did you mean 'plane'"),
        (("--kind", "curves", "--text"), InputError, "--text draws no curves: use --kind plane or"),
        (("--split", "tset"), UnknownNameError, "unknown split 'tset': did you mean 'test'"),
    ],
)
def test_what_it_refuses(folder, options, error, message):
    done = plot(folder, *options)
    assert isinstance(done.exception, error)
    assert message in str(done.exception)


def test_a_lone_table_is_enough(folder, tmp_path):
    (tmp_path / "trajectory.csv").write_bytes((folder / "trajectory.csv").read_bytes())
    assert plot(tmp_path / "trajectory.csv", "--kind", "phases").output == f"wrote {tmp_path / 'phases.png'}\n"
    assert len(ip.Trajectory.load(tmp_path / "trajectory.csv")) == 24
