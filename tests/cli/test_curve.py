"""infoplane curve, as a user types it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli
from infoplane.companions.curves import Curves
from infoplane.errors import InputError, RunError
from infoplane.io.files import sealed

RNG = np.random.default_rng(0)
Y = np.arange(200) % 3
T = RNG.normal(size=(200, 2)) + Y[:, None]


@pytest.fixture
def place(tmp_path, monkeypatch):
    np.savez(tmp_path / "layers.npz", fc1=T, fc2=T[:, :1], y=Y, x=np.arange(200))
    np.savez(tmp_path / "layer.npz", t=T, y=Y)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(cli.app, ["curve", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_layers_at_equal_rate(place):
    text = run("layers.npz", "--t", "fc1,fc2", "--rate", "1")
    assert "I(T;Y) [bits] where I(X;T) is 1 bits" in text
    expected = ip.information_curve(T, Y).at_rate(1)
    assert any(f"{expected.value:.3f}" in line for line in text.splitlines() if line.split()[:1] == ["fc1"])
    assert "not 9: choose snr=" in run("layers.npz", "--t", "fc2", "--rate", "9", "--snr", "0 dB,10")


def test_a_table_a_picture_and_saved_curves(place):
    text = run("layer.npz", "--snr", "0 dB,4", "--table", "--out", "curves.json", "--units", "nats")
    assert "i_xt_given_y" in text
    assert "wrote curves.json" in text
    assert Curves.load("curves.json")["t"] == ip.information_curve(T, Y, snr=["0 dB", 4], units="nats")
    run("curves.json", "--out", "curves.png", "--rate", "1")
    run("curves.json", "--out", "profile.svg", "--profile", "--rate", "1")
    run("layer.npz", "--out", "curves.csv")
    assert (place / "curves.png").stat().st_size > 5000
    assert (place / "profile.svg").exists()
    assert (place / "curves.csv").read_text().startswith("layer,copy,snr,")


def test_the_networks_of_a_finished_run(place):
    ip.experiments.load("warm-up").run(epochs=2, copies=2, out="run")
    text = run("run", "--rate", "0.5", "--snr", "0 dB,3 dB,6 dB")
    assert [line.split()[:2] for line in text.splitlines()[2:]] == [["1", "0"], ["1", "1"], ["3", "0"], ["3", "1"]]
    ip.experiments.load("warm-up").run(epochs=2, out="other")
    (place / "other" / "manifest.json").unlink()
    path = place / "other" / "run.json"
    path.write_bytes(sealed(json.loads(path.read_text()) | {"state": "interrupted"}))
    with pytest.raises(RunError, match="--resume"):
        run("other")


def test_what_cannot_be_is_named(place):
    with pytest.raises(InputError, match="snr='ten'"):
        run("layer.npz", "--snr", "ten")
