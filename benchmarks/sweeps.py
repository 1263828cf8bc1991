"""How a sweep scales: runs a second with 1 and 2 workers against the ideal, and what a sweep costs beside its runs.

    python benchmarks/sweeps.py                     # the tables of docs/sweeps.md, some minutes
    python benchmarks/sweeps.py --runs 8 --small 12 # a try

The ideal is what the same runs take one after the other in one process, divided by the number of workers. Both start
from nothing, so that a sweep's time includes starting its processes (and importing torch in each).
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

import infoplane as ip
from infoplane.sweeps.plan import experiment_of, read_plan


def tables(runs: int, epochs: int) -> dict:
    """So many runs of a small network, which differ in the seed."""
    return {
        "name": "scaling",
        "seeds": runs,
        "data": {"name": "report-simple", "samples": 1000},
        "network": {"sizes": [12, 10, 7, 5, 4, 3, 1], "output_activation": "tanh"},
        "training": {"epochs": epochs},
    }


def plain(asked: dict) -> float:
    """Seconds for the runs, one after the other in this process, each with its run directory."""
    plan = read_plan(asked)
    with tempfile.TemporaryDirectory() as folder:
        experiment_of(plan.runs[0].tables, Path("first")).run(progress=False)  # compiles
        started = time.perf_counter()
        for run in plan.runs:
            experiment_of(run.tables, Path("sweep")).run(out=Path(folder) / run.name, progress=False)
        return time.perf_counter() - started


def swept(asked: dict, workers: int) -> float:
    """Seconds for the sweep, from the call to its tables."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = ip.sweep(asked, out=folder, workers=workers, progress=False)
        seconds = time.perf_counter() - started
        if done.unfinished():
            raise SystemExit(f"runs failed: {done.failures()}")
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=60, help="of the scaling table")
    parser.add_argument("--epochs", type=int, default=1000, help="of each of them")
    parser.add_argument("--small", type=int, default=200, help="small runs, of the overhead")
    parser.add_argument("--small-epochs", type=int, default=200, help="of each of them")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{os.cpu_count()} processors, torch {torch.__version__}, load {os.getloadavg()[0]:.1f}\n")
    print("| runs | steps each | workers | seconds | runs/s | of the ideal |")
    print("|---:|---:|---:|---:|---:|---:|")
    for runs, epochs in ((given.runs, given.epochs), (given.small, given.small_epochs)):
        asked = tables(runs, epochs)
        own = plain(asked)
        print(f"| {runs} | {epochs} | a plain loop | {own:.1f} | {runs / own:.2f} | |", flush=True)
        for workers in (1, 2):
            seconds = swept(asked, workers)
            share = own / workers / seconds
            print(f"| {runs} | {epochs} | {workers} | {seconds:.1f} | {runs / seconds:.2f} | {share:.0%} |", flush=True)
            if workers == 1 and runs == given.small:
                overhead = seconds / own - 1
    print(f"\nOverhead of a sweep of {given.small} small runs with one worker: {overhead:.1%} of their own time.")


if __name__ == "__main__":
    main()
