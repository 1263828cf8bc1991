"""Values to symbols: exact digitising and hashing of 60 000 x 1024 float32, against the usual ways.

python benchmarks/digitise.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")


import subprocess
import sys

import numpy as np
import torch
from machine import machine, median_seconds

from infoplane.estimators.counting.kernels import tensor_cut_codes
from infoplane.estimators.counting.rules import Report
from infoplane.estimators.counting.symbols import row_weights

ROWS, UNITS = 60_000, 1024


def activations(saturated: float) -> torch.Tensor:
    """Tanh units, of which a share sits on -1 and +1."""
    random = torch.Generator().manual_seed(0)
    t = torch.randn(ROWS, UNITS, generator=random).tanh_().mul_(0.97)
    at = torch.rand(ROWS, UNITS, generator=random)
    t[at < saturated / 2] = -1
    t[at > 1 - saturated / 2] = 1
    return t


def numpy_way(t: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """np.digitize and one row of bytes a sample, as most published code does."""
    digits = np.digitize(t, edges)
    return digits.view(np.dtype((np.void, digits.dtype.itemsize * digits.shape[1]))).ravel()


def peak_over_input() -> float:
    """Peak memory of a process that makes codes, beside the same without, as a share of the input's size."""
    peaks = []
    for codes in (False, True):
        work = "Report().symbols(t[None]);" if codes else ""
        code = (
            "import torch, resource; from infoplane.estimators.counting.rules import Report;"
            "Report().symbols(torch.rand(1, 64, 1024));"
            f"t = torch.rand({ROWS}, {UNITS}); {work}"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        peaks.append(int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout) * 1024)
    return 1 + (peaks[1] - peaks[0]) / (ROWS * UNITS * 4)


def row(name: str, t: torch.Tensor) -> str:
    """One line of the table."""
    edges = np.linspace(-1, 1, 50).astype(np.float32)
    quantiser = Report().fit(t)
    weights = row_weights(UNITS, quantiser.cuts.shape[1] + 1, t.device)
    size = t.numel() * 4 / 1e9
    compiled = median_seconds(lambda: quantiser.codes(t), repeats=5)
    tensors = median_seconds(lambda: tensor_cut_codes(t, quantiser.cuts, weights, even=True, ends="wrap"), repeats=3)
    usual = median_seconds(lambda: numpy_way(t[:5000].numpy(), edges), repeats=3) * ROWS / 5000
    return f"| {name} | {size / compiled:.1f} | {size / tensors:.2f} | {size / usual:.2f} |"


def main() -> None:
    torch.set_num_threads(1)
    print("python benchmarks/digitise.py\n")
    print(f"{machine()}\n\nGB of float32 read in a second, medians of CPU time, {ROWS} x {UNITS}:\n")
    print("| | compiled | tensors | np.digitize, bytes of a row (5000 rows) |")
    print("|---|---|---|---|")
    print(row("tanh", activations(0.0)))
    print(row("tanh, 40 % of the values on -1 or +1", activations(0.4)))
    print(f"\nPeak memory over the input's size: {peak_over_input():.2f}")


if __name__ == "__main__":
    main()
