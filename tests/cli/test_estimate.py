"""infoplane estimate, as a user types it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli

RNG = np.random.default_rng(0)
Y = np.arange(300) % 3
T = RNG.normal(size=(300, 2)) + Y[:, None]


@pytest.fixture
def place(tmp_path, monkeypatch):
    np.savez(tmp_path / "both.npz", t=T, y=Y)
    np.save(tmp_path / "layer.npy", T)
    (tmp_path / "labels.csv").write_text("label\n" + "".join(f"class {y}\n" for y in Y))
    torch.save({"layer": torch.from_numpy(T), "digit": torch.from_numpy(Y)}, tmp_path / "both.pt")
    lines = "".join(f"{a},{b},c{y}\n" for (a, b), y in zip(T, Y, strict=True))
    (tmp_path / "table.csv").write_text("t0,t1,y\n" + lines)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(cli.app, ["estimate", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def rows(*arguments):
    return json.loads(run(*arguments, "--json"), parse_constant=pytest.fail)["rows"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("both.npz",),
        ("both.pt",),
        ("both.pt", "--t", "layer", "--y", "digit"),
        ("layer.npy", "--labels", "labels.csv"),
        ("layer.npy", "--labels", "both.npz", "--y", "y"),
        ("table.csv",),
    ],
)
def test_all_files_give_the_same_number(place, arguments):
    (row,) = rows(*arguments)
    assert row["i_ty"] == ip.mutual_information(T, Y).value
    assert (row["n"], row["kind"], row["units"]) == (300, "plug-in", "bits")


def test_several_estimators_and_bins(place):
    found = rows("both.npz", "--estimator", "binned,gaussian", "--bins", "fixed, 8", "--units", "nats")
    assert [row["measurement"] for row in found] == [
        "30 bins on [-1, 1]",
        "8 bins from minimum to maximum of the layer",
        "jointly Gaussian",
    ]
    assert found[2]["i_ty"] == ip.mutual_information(T, Y, estimator="gaussian", units="nats").value


def test_null_and_p_value(place):
    (row,) = rows("both.npz", "--estimator", "gaussian", "--shuffles", "9")
    assert row["p_value"] == 0.1
    assert row["i_ty_null"] < 0.1 < row["i_ty"]


def test_the_input_and_a_continuous_label(place):
    np.savez("three.npz", t=T, y=T[:, 0] + 0.1, x=T)
    (row,) = rows("three.npz", "--estimator", "gaussian")
    assert row["i_xt"] > row["i_ty"] > 1
    assert rows("three.npz", "--y-bins", "4")[0]["i_ty"] > 1


def test_comparing_prints_every_row_and_draws_a_picture(place):
    output = run("both.npz", "--compare", "--out", "picture.png")
    assert output.splitlines()[0].strip() == "both.npz, t = t (300, 2), y = y (300,)"
    for word in ("binned", "ksg", "mixed-ksg", "H(Y) = 1.585 bits", "Spread of the published bin rules"):
        assert word in output
    assert (place / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert "wrote picture.png" in output


def test_no_number_is_cut_in_a_narrow_window(place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    (row,) = rows("both.npz", "--estimator", "usable", "--shuffles", "3")
    output = run("both.npz", "--estimator", "usable", "--shuffles", "3")
    assert f"{row['i_ty']:.3f} [{row['i_ty_low']:.3f}, {row['i_ty_high']:.3f}]" in output
    assert f"{row['i_ty_null']:.3f}" in output


def test_json_is_strict_and_alone(place):
    found = json.loads(run("both.npz", "--estimator", "quantised,kde", "--json"), parse_constant=pytest.fail)
    assert found["rows"][0]["i_ty"] is None
    assert "evenly spaced" in found["rows"][0]["note"]
    assert (found["file"], found["t"], found["y"], found["units"]) == ("both.npz", "t", "y", "bits")
    assert set(found["spread"]) == {"published bin rules", "bin rules", "plug-ins"}


def test_names_are_printed_without_control_characters(place):
    np.savez("odd.npz", **{"t\x1b[31m": T, "y": Y})
    assert "\x1b[31m" not in run("odd.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.npz",), "cannot read none.npz"),
        (("layer.npy",), "There are 'layer': name --t and --y, or the file that holds the labels with --labels"),
        (("both.npz", "--t", "tt"), "unknown array 'tt'"),
        (("both.npz", "--estimator", "bined"), "did you mean 'binned'"),
        (("both.npz", "--bins", "wide"), "unknown bin rule 'wide'"),
        (("both.npz", "--bins", "8", "--estimator", "kde"), "--bins 8 is for the estimator binned"),
        (("both.npz", "--bins", "8", "--compare"), "leave out --estimator and --bins"),
        (("both.npz", "--units", "bit"), "did you mean 'bits'"),
        (("both.npz", "--estimator", "quantised"), "evenly spaced"),
        (("both.npz", "--out", "picture.bmp"), "bmp"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(place, monkeypatch, capsys, arguments, message):
    before = sorted(place.iterdir())
    monkeypatch.setattr(sys, "argv", ["infoplane", "estimate", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    error = capsys.readouterr().err
    assert caught.value.code == 2
    assert error.startswith("infoplane: ")
    assert error.count("\n") == 1
    assert message in error
    assert sorted(place.iterdir()) == before


def test_as_a_process(place):
    command = [sys.executable, "-m", "infoplane.cli", "estimate", "both.npz", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["rows"][0]["estimator"] == "binned"
    assert result.stderr == ""


def test_rows_that_are_not_finite_are_left_out_on_demand(place, capsys, monkeypatch):
    t = np.random.default_rng(0).normal(size=(100, 2))
    y = t[:, 0] > 0
    t[5, 1] = np.nan
    np.savez("spoilt.npz", t=t, y=y)
    (row,) = rows("spoilt.npz", "--estimator", "kde", "--nonfinite", "drop-row")
    assert row["n"] == 99
    monkeypatch.setattr(sys, "argv", ["infoplane", "estimate", "spoilt.npz"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "Set --nonfinite drop-row or --nonfinite own-cell to continue" in capsys.readouterr().err


def test_labels_are_declared_and_dropped_on_the_command_line(place):
    cents = np.round(100 * T[:, 0] + 30 * RNG.normal(size=300)).astype(int)
    np.savez(place / "cents.npz", t=T, y=cents, kept=np.where(cents % 5 == 0, -100, Y))
    (row,) = rows("cents.npz", "--estimator", "gaussian", "--y", "y", "--continuous", "y")
    assert row["i_ty"] == ip.mutual_information(T, cents, estimator="gaussian", continuous="y").value
    assert "y is taken for numbers, declared" in run("cents.npz", "--y", "y", "--estimator", "ksg", "--continuous", "y")
    (row,) = rows("cents.npz", "--y", "kept", "--ignore-index", "-100")
    assert row["n"] == int((cents % 5 != 0).sum())
    (row,) = rows("both.npz", "--discrete", "t,y", "--estimator", "binned", "--bins", "distinct")
    assert row["i_ty"] == pytest.approx(np.log2(3))
