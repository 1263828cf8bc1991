"""infoplane run: what is not said on the command line is as the file has it."""

import json

from typer.testing import CliRunner

from infoplane.cli import app

TEXT = """
[data]
name = "szt"
[network]
sizes = [12, 4, 1]
[training]
epochs = 1
copies = 2
init = "independent"
device = "cpu"
"""


def test_a_files_own_start_and_device_hold_unless_others_are_given(tmp_path):
    (tmp_path / "mine.toml").write_text(TEXT)
    for name, words, expected in (("own", [], "independent"), ("other", ["--init", "shared"], "shared")):
        command = ["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / name), "--plot", "none", *words]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        settings = json.loads((tmp_path / name / "run.json").read_text())["settings"]
        assert (settings["init"], settings["device"]) == (expected, "cpu")
