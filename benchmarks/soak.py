"""Measure, save, load, check, follow again and again, and look at memory: python benchmarks/soak.py --minutes 60"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import infoplane as ip
from infoplane import runs
from infoplane.io.arrays import read_arrays
from infoplane.serve.folder import RunsFolder
from infoplane.serve.follow import RunFollower

WARM_UP = 0.2  # share of the time in which caches and pools may fill


def memory() -> float:
    """Memory of this process now, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def once(folder: Path, number: int) -> None:
    """One run from its training to the page that shows it."""
    place = folder / "run"
    ip.experiments.load("warm-up").run(epochs=5, seed=number, out=place, force=number > 0, progress=False)
    trajectory = ip.Trajectory.load(place)
    if runs.verify(place) or len(RunFollower(place).look().rows) != len(trajectory):
        raise RuntimeError(f"round {number} left a run that is not whole")
    RunsFolder(folder).overviews()
    random = np.random.default_rng(number)
    np.savez(folder / "arrays.npz", t=random.normal(size=(500, 4)), y=random.integers(0, 2, size=500))
    ip.mutual_information(**read_arrays(folder / "arrays.npz"))


def soak(seconds: float) -> Iterator[tuple[float, int, float]]:
    """Rounds for so long: seconds since the beginning, rounds done, MB in use."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        while (passed := time.monotonic() - begun) < seconds or number == 0:
            once(Path(folder), number)
            number += 1
            yield passed, number, memory()


def slope(samples: list[tuple[float, int, float]]) -> float:
    """MB gained in 1000 rounds, by a straight line through what came after the warm-up."""
    after = samples[int(len(samples) * WARM_UP) :]
    return float(np.polyfit([number for _, number, _ in after], [used for _, _, used in after], 1)[0] * 1000)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    minutes = parser.parse_args().minutes
    samples: list[tuple[float, int, float]] = []
    shown = -minutes
    print("| minutes | rounds | MB |\n|---|---|---|")
    for sample in soak(minutes * 60):
        samples.append(sample)
        if sample[0] >= (shown + minutes / 20) * 60:
            shown = sample[0] / 60
            print(f"| {shown:.1f} | {sample[1]} | {sample[2]:.1f} |", flush=True)
    print(f"\n{samples[-1][1]} rounds; after the warm-up {slope(samples):+.2f} MB in 1000 rounds")


if __name__ == "__main__":
    main()
