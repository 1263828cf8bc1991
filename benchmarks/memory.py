"""Peak memory of one measurement of a small residual network on many images, each setting in a process of its own.

The peak is that of the whole process (resident set, as the operating system reports it): Python, torch, the images
themselves (whole numbers of 8 bits, 3 x 32 x 32), everything.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

CHOICES = {
    "codes": {"estimators": {"name": "binned", "bins": {"rule": "fixed", "bins": 30, "low": -3, "high": 3}}},
    "ranges": {"estimators": "binned"},
}
SHOWN = {
    "codes": "`binned`, fixed bins (one pass)",
    "ranges": "`binned`, 30 bins from minimum to maximum (two passes)",
}


def network():
    """A residual network for 3 x 32 x 32: three stages of 64 x 32 x 32, 128 x 16 x 16 and 256 x 8 x 8."""
    import torch
    from torch import nn

    class Block(nn.Module):
        """A bottleneck with a shortcut; the first of a stage halves the image."""

        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            inner = outputs // 4
            self.conv1, self.bn1 = nn.Conv2d(inputs, inner, 1, stride), nn.BatchNorm2d(inner)
            self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, padding=1), nn.BatchNorm2d(inner)
            self.conv3, self.bn3 = nn.Conv2d(inner, outputs, 1), nn.BatchNorm2d(outputs)
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)
            self.act1, self.act2, self.act3 = nn.ReLU(), nn.ReLU(), nn.ReLU(inplace=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inner = self.act2(self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x))))))
            return self.act3(self.bn3(self.conv3(inner)) + self.shortcut(x))

    class Scaled(nn.Module):
        """Grey levels to numbers around zero."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 128 - 1

    torch.manual_seed(0)
    stem = [Scaled(), nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    stages = [Block(64, 64, 1), Block(64, 128, 2), Block(128, 256, 2)]
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def measured(choice: str, samples: int) -> dict[str, float]:
    """Peak memory in bytes before and after one measurement, and its seconds, in this process."""
    import torch

    import infoplane as ip

    torch.set_num_threads(1)
    model = network()
    x = torch.randint(256, (samples, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    y = torch.arange(samples) % 10
    before, begin = high_water(), time.perf_counter()
    plane = ip.InformationPlane(x, y, **CHOICES[choice])
    rows = plane.measure(model, step=0)
    seconds = time.perf_counter() - begin
    peak = high_water()
    batch = plane.trajectory.meta["recording_batch"]
    whole = sum(layer.units * 4 for layer in ip.layers(model, x[:2])) * samples
    return {"before": before, "peak": peak, "seconds": seconds, "layers": len(rows), "batch": batch, "whole": whole}


def high_water() -> int:
    """The most memory this process had, in bytes; ``ru_maxrss`` would begin at what the process that started it had."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def in_a_process(choice: str, samples: int) -> dict[str, float]:
    """The same in a fresh process."""
    command = [sys.executable, __file__, "--only", choice, "--samples", str(samples)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    return json.loads(found.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=60_000)
    parser.add_argument("--only", choices=list(CHOICES))
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measured(options.only, options.samples)))
        return
    from machine import machine

    print(f"python benchmarks/memory.py --samples {options.samples}\n\n{machine()}\n")
    print("| estimator | layers | all activations [GB] | batch | before [GB] | peak [GB] | seconds |")
    print("|---|---|---|---|---|---|---|")
    for choice in CHOICES:
        found = in_a_process(choice, options.samples)
        gigabytes = " | ".join(f"{found[name] / 1e9:.2f}" for name in ("before", "peak"))
        print(
            f"| {SHOWN[choice]} | {found['layers']} | {found['whole'] / 1e9:.0f} | {found['batch']} | {gigabytes} | "
            f"{found['seconds']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
