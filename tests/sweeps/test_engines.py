"""Every engine, started for real, does the same sweep with the same table; and a process that is killed costs a run."""

import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.io.files import read_json
from infoplane.runs.lock import is_locked

CASES = [(0.1, 0), (0.3, 0), (0.3, 1)]
TABLES = {
    "name": "small",
    "experiment": "warm-up",
    "training": {"epochs": 250, "checkpoint_every": 0.2},
    "sweep": {"list": [{"learning_rate": rate, "seed": seed} for rate, seed in CASES]},
    "slurm": {"cluster": "local"},
}
LONG = {"experiment": "warm-up", "training": {"epochs": 10**6}, "sweep": {"grid": {"learning_rate": [0.1, 0.3]}}}


@pytest.fixture(scope="module")
def expected():
    """The sweep by hand: one run after the other in this process."""
    tables = []
    for rate, seed in CASES:
        result = ip.experiments.load("warm-up").run(epochs=250, learning_rate=rate, seed=seed)
        tables.append(result.trajectory.to_pandas().assign(learning_rate=rate, seed=seed))
    return pd.concat(tables, ignore_index=True)


def check(done, expected, attempts=(1, 1, 1)):
    table, trajectories = done.to_pandas(), done.trajectories()
    assert table["state"].tolist() == ["finished"] * 3, done.failures()
    assert table["error"].isna().all()
    assert tuple(sorted(table["attempts"])) == attempts
    pd.testing.assert_frame_equal(trajectories[expected.columns], expected)


def test_loky(tmp_path, expected):
    check(ip.sweep(TABLES, out=tmp_path, workers=2), expected)


@pytest.mark.extra
@pytest.mark.slow
def test_dask_on_a_cluster_that_is_there(tmp_path, expected):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        check(ip.sweep(TABLES, out=tmp_path, engine="dask", scheduler=cluster.scheduler_address), expected)


@pytest.mark.extra
@pytest.mark.slow
def test_jobs_of_submitit_in_processes_of_this_machine(tmp_path, expected):
    pytest.importorskip("submitit")
    check(ip.sweep(TABLES, out=tmp_path, engine="slurm", workers=2), expected)


@pytest.mark.extra
def test_slurm_without_a_cluster_says_so(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch"):
        ip.sweep({**TABLES, "slurm": {}}, out=tmp_path / "out", engine="slurm")
    with pytest.raises(InputError, match="slurm"):
        ip.sweep({**TABLES, "slurm": {"cluster": "local", "minutes": 3}}, out=tmp_path / "out", engine="slurm")


def test_engines_that_do_not_fit_are_named(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'dask'"):
        ip.sweep(TABLES, out=tmp_path, engine="dusk")
    with pytest.raises(InputError, match="no scheduler"):
        ip.sweep(TABLES, out=tmp_path, scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(("engine", "package"), [("dask", "distributed"), ("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch, engine, package):
    for name in [name for name in sys.modules if name.partition(".")[0] in (package, "dask")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(InputError, match=r"pip install infoplane\[scale\]"):
        ip.sweep(TABLES, out=tmp_path, engine=engine)


# ---------------------------------------------------------------- death


def kill_when_running(folder, generation, killed):
    """Once a run is on its way, kill -9 on its process, or on the one that started that."""
    until = time.monotonic() + 300  # a busy machine takes minutes to start Ray
    while time.monotonic() < until and not killed:
        time.sleep(0.01)
        for file in folder.glob("*/run.json"):
            record = read_json(file)
            if record["state"] == "running":
                pid = record["pid"] if generation == "process" else parent(record["pid"])
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return


def parent(pid):
    return int(subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, check=True).stdout)


@pytest.fixture
def killer(tmp_path):
    """Kills the first process that does a run, or the worker that it belongs to; which one it was."""
    threads = []

    def start(generation):
        killed = []
        threads.append(threading.Thread(target=kill_when_running, args=(tmp_path, generation, killed)))
        threads[0].start()
        return killed

    yield start
    for thread in threads:  # none where the test was left out
        thread.join()


def test_a_killed_sweep_leaves_no_process_behind(tmp_path):
    """Neither its workers nor the processes of their runs train on, and no lock of theirs is left."""
    code = f"import infoplane as ip; ip.sweep({LONG!r}, out={str(tmp_path)!r}, workers=2)"
    sweep = subprocess.Popen([sys.executable, "-c", f"if __name__ == '__main__': {code}"])
    until = time.monotonic() + 120
    while len(running := [read_json(file)["pid"] for file in tmp_path.glob("*/run.json")]) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    family = {pid for child in running for pid in (child, parent(child))}
    assert len(family) == 4
    sweep.kill()
    sweep.wait()
    while any(map(alive, family)):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not any(is_locked(file.parent) for file in tmp_path.glob("*/run.json"))


def alive(pid):
    """Whether a process runs; one that ended and that nobody waits for does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False).stdout
    return bool(state) and not state.startswith(b"Z")


@pytest.mark.slow
def test_a_killed_process_costs_its_run_and_not_the_sweep(tmp_path, expected, killer):
    killed = killer("process")
    done = ip.sweep(TABLES, out=tmp_path, workers=2)
    assert killed
    check(done, expected, attempts=(1, 1, 2))


@pytest.mark.slow
def test_a_killed_worker_costs_what_was_on_its_way_and_not_the_sweep(tmp_path, expected, killer):
    killed = killer("worker")
    done = ip.sweep(TABLES, out=tmp_path, workers=2)
    assert killed
    check(done, expected)  # a worker that goes away is no attempt of a run


@pytest.mark.extra
@pytest.mark.slow
@pytest.mark.parametrize(("engine", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_on_a_cluster_of_its_own_a_killed_process_costs_its_run(tmp_path, expected, killer, engine, package):
    pytest.importorskip(package)
    killed, handler = killer("process"), signal.getsignal(signal.SIGTERM)
    done = ip.sweep(TABLES, out=tmp_path, workers=2, engine=engine)
    assert killed
    assert signal.getsignal(signal.SIGTERM) is handler
    check(done, expected, attempts=(1, 1, 2))
