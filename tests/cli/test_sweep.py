"""infoplane sweep, as a user types it."""

import subprocess
import sys

TEXT = """
experiment = "warm-up"
[training]
epochs = 2
[[sweep.list]]
learning_rate = 0.1
[[sweep.list]]
learning_rate = 0.2
[[sweep.list]]
learning_rate = 0.3
epochs = 3
"""


def infoplane(*arguments, folder):
    command = [sys.executable, "-m", "infoplane.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_sweep_prints_its_plan_says_what_failed_and_leaves_tables_and_pictures(tmp_path):
    (tmp_path / "rates.toml").write_text(TEXT)
    plan = infoplane("sweep", "rates.toml", "--dry-run", folder=tmp_path)
    *names, last = plan.stdout.splitlines()
    assert [name.rpartition("_")[0] for name in names] == [
        "epochs-2_learning_rate-0.1",
        "epochs-2_learning_rate-0.2",
        "epochs-3_learning_rate-0.3",
    ]
    assert last == "3 runs of rates, varied: epochs, learning_rate"
    assert [file.name for file in tmp_path.iterdir()] == ["rates.toml"]
    (tmp_path / "sweeps" / "rates").mkdir(parents=True)
    (tmp_path / "sweeps" / "rates" / names[2]).write_text("a file where a run's folder has to be")
    done = infoplane("sweep", "rates.toml", "--workers", 2, "--retries", 0, folder=tmp_path)
    assert done.returncode == 1
    assert f"failed: {names[2]}: RunError" in done.stderr
    assert "2 of 3 runs finished" in done.stdout
    made = {file.name for file in (tmp_path / "sweeps" / "rates").iterdir()}
    files = {"sweep.csv", "sweep.json", "trajectories.csv", "bands.csv", "plane.png", "curves.png"}
    assert made == files | set(names)
