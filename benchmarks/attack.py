"""What an attack, or bad luck, does to files, sweeps and threads: killed and damaged runs, endless files, four threads.

    python benchmarks/attack.py

Some minutes. Works with earlier versions too, for the figures of before. The live page has a script of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

import infoplane as ip
from infoplane import runs
from infoplane.errors import InfoplaneError
from infoplane.io.arrays import read_arrays

WARM_UP = {"experiment": "warm-up", "training": {"epochs": 30}}
LONG = {"experiment": "warm-up", "training": {"epochs": 10**6}, "sweep": {"grid": {"learning_rate": [0.1, 0.2]}}}
PLAUSIBLE = [("checkpoint.json", "step"), *(("run.json", name) for name in ("every", "learning_rate", "batch_size"))]


def measured(work: Callable[[], Any]) -> str:
    """What comes of it in a process of its own, in which time and with how much more memory than before."""
    results = []
    for task in (lambda: None, work):
        begun, child = time.perf_counter(), os.fork()
        if child == 0:
            try:
                said = str(task())
            except InfoplaneError as error:
                said = f"refused, {type(error).__name__}"
            except Exception as error:
                said = f"raw {type(error).__name__}"
            if task is work:
                print(said, end="", flush=True)
            os._exit(0)
        _, _, usage = os.wait4(child, 0)
        results.append((time.perf_counter() - begun, usage.ru_maxrss))
    (_, before), (seconds, after) = results
    return f": {seconds:.1f} s, {(after - before) / 1000:.0f} MB"


def killed_run(folder: Path) -> Path:
    """A run whose process was killed after a checkpoint."""
    code = f"import infoplane as ip; ip.experiments.load('warm-up').run(epochs=10**6, out={str(folder)!r}, plot=None, "
    process = subprocess.Popen([sys.executable, "-c", code + "checkpoint_every=0.2)"], stderr=subprocess.DEVNULL)
    while not (folder / "checkpoint.json").exists() or json.loads((folder / "checkpoint.json").read_text())["step"] < 9:
        time.sleep(0.05)
    process.kill()
    process.wait()
    return folder


def sees(run: Path) -> bool:
    """Whether something is found, or at least falls over it."""
    try:
        return bool(runs.verify(run))
    except Exception:
        return True


def changed_runs(folder: Path, count: int) -> str:
    """Of changes in the record and the checkpoint that say something else, how many verify does not see."""
    run = killed_run(folder / "killed")
    whole = {name: (run / name).read_bytes() for name in ("run.json", "checkpoint.json")}
    chance, missed, other = random.Random(0), 0, 0
    for _ in range(count):
        name = chance.choice(list(whole))
        at, byte = chance.randrange(len(whole[name])), bytes([chance.randrange(32, 127)])
        text = whole[name][:at] + byte + whole[name][at + 1 :]
        try:
            if json.loads(text) == json.loads(whole[name]):
                continue
        except ValueError:
            pass
        (run / name).write_bytes(text)
        other, missed = other + 1, missed + (not sees(run))
        (run / name).write_bytes(whole[name])
    unseen = []
    for name, entry in PLAUSIBLE:
        content = json.loads(whole[name])
        part = content["settings"] if name == "run.json" else content
        part[entry] = (part[entry] if isinstance(part[entry], int | float) else 2) + 1
        (run / name).write_text(json.dumps(content))
        unseen += [entry] if not sees(run) else []
        (run / name).write_bytes(whole[name])
    return (
        f"{missed} of {other} missed; of step, every, learning_rate, batch_size: {', '.join(unseen) or 'none'} missed"
    )


def orphans(folder: Path) -> str:
    call = f"ip.sweep({LONG!r}, out={str(folder / 'killed')!r}, workers=2)"
    program = folder / "sweep.py"
    program.write_text(f"import infoplane as ip\nif __name__ == '__main__': {call}")
    sweep = subprocess.Popen([sys.executable, str(program)], stderr=subprocess.DEVNULL, start_new_session=True)
    while len(list(folder.glob("killed/*/trajectory.jsonl"))) < 2:
        time.sleep(0.1)
    sweep.kill()
    sweep.wait()
    time.sleep(5)
    left = [process for process in psutil.process_iter() if os.getsid(process.pid) == sweep.pid]
    left = [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
    for process in left:
        process.kill()
    return f"{len(left)} processes are left after 5 s"


def damaged_sweep(folder: Path) -> str:
    """A digit of a finished run's table is changed, and the table of another one is gone."""
    tables = {**WARM_UP, "sweep": {"grid": {"learning_rate": [0.1, 0.2, 0.3]}}}
    done = ip.sweep(tables, out=folder / "finished", workers=1)
    first, second, _ = (done.out / run.name for run in done.plan.runs)
    text = (first / "trajectory.csv").read_text()
    (first / "trajectory.csv").write_text(text[:-40] + text[-40:].replace("1", "2").replace("3", "4"))
    (second / "trajectory.csv").unlink()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            again = ip.sweep(tables, out=done.out, workers=1)
            whole = again.trajectories().equals(done.trajectories())
            return f"{len(said)} warnings, {sum(again.to_pandas()['attempts'])} runs done again, right table: {whole}"
        except Exception as error:
            return f"{len(said)} warnings, no table: {type(error).__name__}"


def threads(results: int) -> str:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Dropout(0.5), nn.Linear(30, 10), nn.Tanh())
    x, wrong = torch.randn(3000, 20), []
    alone = ip.record(network, x, batch_size=100)

    def measure() -> None:
        for _ in range(results // 4):
            try:
                here = ip.record(network, x, batch_size=100)
                same = here.keys() == alone.keys() and all(torch.equal(here[name], alone[name]) for name in alone)
            except Exception:
                same = False
            wrong.append(not same)

    workers = [threading.Thread(target=measure) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return f"{sum(wrong)} of {len(wrong)} results wrong; still in training mode: {network.training}"


def long_run(folder: Path, rows: int) -> str:
    table = ip.Trajectory(
        {"step": s, "layer": "fc", "i_xt": s / 7, "i_ty": s / 9, "h_t": s / 11} for s in np.arange(rows).tolist()
    )
    run = runs.RunDirectory.create(folder, settings={}, data_checksum="0", seed=0)
    run.append(table)
    run.write_trajectory(table)
    run.finish("finished")
    run.close()
    return ""


def endless(folder: Path, rows: int) -> None:
    deep, header, sparse = folder / "deep.toml", folder / "header.csv", folder / "sparse.csv"
    deep.write_text("a" + ".a" * 2**15 + " = 1")
    header.write_text("1" * 2**14 + "x" + "2" * 2**14 + ",t\n1,2\n3,4\n")
    sparse.touch()
    os.truncate(sparse, 3 * 2**29)
    print("a key of 64 kB in TOML: ", end="", flush=True)
    print(measured(lambda: ip.experiments.from_file(deep)))
    print("a name of 32 kB in a header: ", end="", flush=True)
    print(measured(lambda: f"{len(read_arrays(header))} arrays"))
    print("a sparse table of 1.5 GB: ", end="", flush=True)
    print(measured(lambda: read_arrays(sparse)))
    measured(lambda: long_run(folder / "long", rows))  # apart: memory that was let go would be used again
    print(f"verify of {rows} rows: ", end="", flush=True)
    print(measured(lambda: f"{len(runs.verify(folder / 'long'))} findings"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=600_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        print("changes of a killed run:", changed_runs(folder, 500), flush=True)
        print("a killed sweep:", orphans(folder), flush=True)
        print("a damaged sweep:", damaged_sweep(folder), flush=True)
        print("four threads:", threads(600), flush=True)
        endless(folder, options.rows)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
