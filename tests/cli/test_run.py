"""infoplane run: interrupted and resumed, in real processes, and what it refuses."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import infoplane as ip
from infoplane import cli
from infoplane.errors import DataFileError, InputError, RunError
from infoplane.io.files import read_json, sealed

COMMAND = [sys.executable, "-m", "infoplane.cli"]
TOML = """
name = "mine"
[data]
name = "report-simple"
samples = 200
[network]
sizes = [12, 4, 1]
activation = "tanh"
[estimator]
name = "binned"
bins = 20
[training]
epochs = 8
batch_size = 50
"""


def started(folder, *arguments):
    """A run that has written rows."""
    process = subprocess.Popen(
        [*COMMAND, "run", *arguments, "--plot", "none", "--out", "mine"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    rows = folder / "mine" / "trajectory.jsonl"  # there a little earlier than its first line
    while not (rows.exists() and rows.stat().st_size) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_says_how_to_resume_and_that_works(tmp_path, number):
    process = started(tmp_path, "warm-up", "--epochs", "1500", "--copies", "2")
    second = CliRunner().invoke(cli.app, ["run", "--resume", str(tmp_path / "mine")])
    assert isinstance(second.exception, RunError)
    assert f"run 'mine' is in use by pid {process.pid} on host" in str(second.exception)
    process.send_signal(number)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    step = int(re.fullmatch(r"(?s).*stopped at step (\d+); resume with: infoplane run --resume mine\n", error)[1])
    assert json.loads((tmp_path / "mine" / "run.json").read_text())["state"] == "interrupted"
    assert ip.Trajectory.load(tmp_path / "mine").last()[0]["step"] == step
    resumed = subprocess.run([*COMMAND, "run", "--resume", "mine"], cwd=tmp_path, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    whole = ip.experiments.load("warm-up").run(epochs=1500, copies=2, init="shared", out=tmp_path / "whole")
    assert len(whole.trajectory) > 0
    for name in ("trajectory.csv", "trajectory.jsonl"):
        assert (tmp_path / "mine" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    names = [[file.name for file in (tmp_path / run).glob("checkpoint-*")] for run in ("mine", "whole")]
    assert names[0] == names[1]  # the name holds a checksum of all weights and streams


def own_mounts():
    """Whether this system lets a process mount a file system that only itself sees."""
    return (
        shutil.which("unshare") is not None and not subprocess.run(["unshare", "-rm", "true"], check=False).returncode
    )


FULL_DISK = """
mount -t tmpfs -o size=300k none small
cd small
"$@" run warm-up --epochs 600 --copies 2 --plot none --out mine && exit 1
"$@" verify mine || exit 2
mount -o remount,size=20m none .
"$@" run --resume mine || exit 3
cp mine/trajectory.csv mine/trajectory.jsonl mine/checkpoint-* ..
"""


@pytest.mark.slow
@pytest.mark.skipif(not own_mounts(), reason="this system lets nobody but root mount a small disk")
def test_a_run_outlives_a_disk_that_is_full(tmp_path):
    (tmp_path / "small").mkdir()
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", FULL_DISK, "", *COMMAND], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "cannot write mine/trajectory.jsonl: no space left on device" in done.stderr
    assert "mine is as it was written" in done.stdout
    whole = ip.experiments.load("warm-up").run(epochs=600, copies=2, init="shared", out=tmp_path / "whole")
    assert len(whole.trajectory) > 0
    names = sorted(file.name for file in tmp_path.glob("*.*"))
    assert len(names) == 3  # two tables, and the checkpoint, whose name holds a checksum of all weights and streams
    for name in names:
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_second_ctrl_c_stops_at_once(tmp_path):
    process = started(tmp_path, "six-layer", "--epochs", "1000000")
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in error
    assert len(ip.Trajectory.load(tmp_path / "mine")) > 0


def test_a_run_of_a_toml_file_is_resumed_after_the_file_is_gone(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text(TOML)
    made = ip.experiments.load(str(tmp_path / "mine.toml"))
    made.run(out=tmp_path / "whole", progress=False)
    original = ip.Family.step

    def step(self, x, y):
        signal.raise_signal(signal.SIGINT)
        return original(self, x, y)

    with monkeypatch.context() as patch:
        patch.setattr(ip.Family, "step", step)
        assert made.run(out=tmp_path / "run", progress=False).steps == 1
    (tmp_path / "mine.toml").unlink()
    assert ip.resume(tmp_path / "run").steps == 8
    for name in ("trajectory.csv", "trajectory.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert ip.resume(tmp_path / "run").steps == 8  # finished: only read


def test_another_dataset_and_a_stopping_rule_are_resumed(tmp_path):
    stopping = ip.InformationStopping(monitor="I(T;Y)", patience=50)
    made = ip.experiments.load("warm-up").on("report-simple", samples=150)
    options = {"epochs": 4, "stopping": stopping, "progress": False, "batch_size": 50}
    first = made.run(out=tmp_path / "run", **options)
    again = ip.resume(tmp_path / "run")
    assert list(again.trajectory) == list(first.trajectory)
    assert again.decision == first.decision


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"recipe": None}, RunError, r"ip.experiment\(model, x, y, ..., out='.*', resume=True\)"),
        ({"recipe": [{"experiment": "os.system"}]}, DataFileError, "damaged"),
        ({"recipe": [{"tables": 3, "path": "x"}]}, (DataFileError, InputError), None),
        ({"recipe": [{"tables": {"data": {"file": "/etc/passwd"}}, "path": "x"}]}, InputError, "network"),
    ],
)
def test_a_record_that_was_tampered_with_runs_nothing(tmp_path, change, error, message):
    ip.experiments.load("warm-up").run(epochs=1, out=tmp_path / "run", progress=False)
    record = read_json(tmp_path / "run" / "run.json")
    (tmp_path / "run" / "run.json").write_bytes(sealed(record | change))
    with pytest.raises(error, match=message):
        ip.resume(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "which experiment?"),
        (["run", "--resume", "nowhere"], "is no run directory"),
        (["run", "six-layer", "--resume", "nowhere"], "leave out experiment"),
        (["run", "--resume", "nowhere", "--epochs", "5"], "leave out epochs"),
    ],
)
def test_mistakes_say_what_to_type(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, arguments)
    assert message in str(result.exception)
    assert list(tmp_path.iterdir()) == []


OWN_FILE = """
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
    (tmp_path / "mine.toml").write_text(OWN_FILE)
    for name, words, expected in (("own", [], "independent"), ("other", ["--init", "shared"], "shared")):
        command = ["run", str(tmp_path / "mine.toml"), "--out", str(tmp_path / name), "--plot", "none", *words]
        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 0, done.output
        settings = json.loads((tmp_path / name / "run.json").read_text())["settings"]
        assert (settings["init"], settings["device"]) == (expected, "cpu")
