"""The plug-in entropy saturates at log2 of the number of samples: Nothnagel and Geiger (2026), first claim.

A layer of D fair binary units has D bits. Counted on N samples it has log2 N - (2^D / N) E[c log2 c] bits in the mean,
c binomial(N, 2^-D): right while D is well below log2 N, and log2 N, whatever the network does, above.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from infoplane.estimators import mutual_information
from infoplane.replications.claim import NOTHNAGEL_2026, Claim, Data, one_part_each
from infoplane.replications.pictures import BLUE, GREEN, VERMILION, panels
from infoplane.replications.verdict import Check, largest, smallest

CELLS = {1000: (8, 10, 12), 4096: (8, 10, 12, 14), 60000: (10, 14, 16)}  #: samples -> numbers of units
LOOKS = ((BLUE, "o"), (VERMILION, "s"), (GREEN, "^"))  # one a number of samples


def expected_entropy(bits: int, samples: int) -> float:
    """Mean of the plug-in entropy of ``bits`` fair bits over samples of this size, in bits."""
    binomial = stats.binom(samples, 2.0**-bits)
    counts = np.arange(2, max(3, int(binomial.isf(1e-15)) + 2))  # one alone adds nothing
    return float(np.log2(samples) - 2.0**bits / samples * (binomial.pmf(counts) * counts * np.log2(counts)).sum())


def count(folder: Path | None, *, seeds: int) -> Mapping[str, Any]:
    """Samples, units, the entropy expected and those counted (seeds,), of every cell."""
    random = torch.Generator().manual_seed(0)
    cells: dict[str, list[Any]] = {"samples": [], "bits": [], "expected": [], "counted": []}
    for samples, sizes in CELLS.items():
        for bits in sizes:
            layers = 2.0 * torch.randint(2, (seeds, samples, bits), generator=random) - 1
            # every sample is an input of its own, so that I(X;T) = H(T)
            counted = [mutual_information(t, range(samples), bins="sign").value for t in layers]
            for name, value in zip(cells, (samples, bits, expected_entropy(bits, samples), counted), strict=True):
                cells[name].append(value)
    return cells


def checks(data: Data) -> list[Check]:
    samples, bits, expected, counted = (np.array(values) for values in data["counts"].values())
    above = bits - np.log2(samples)  # how far the layer's entropy lies above the ceiling of the sample
    return [
        Check("largest distance of a counted entropy from the one expected, bits",
              largest, [np.abs(counted - expected[:, None]).max(0)], below=0.15),
        Check("least that is missing where D is within one bit of log2 N, bits",
              smallest, [(bits - expected)[np.abs(above) < 1].min()], above=0.5),
        Check("largest distance from log2 N where D is two bits above it, bits",
              largest, [(np.log2(samples) - expected)[above > 1].max()], below=0.3),
        Check("most that is missing where D is four bits or more below log2 N, bits",
              largest, [(bits - expected)[above <= -4].max()], above=0.5, contrast=True),
    ]  # fmt: skip


def picture(data: Data) -> Any:
    figure, (left, right) = panels(
        "line: expected, marks: counted, dashed: log2 N", "grey: where the claim fails, a count is right"
    )
    cells, bits = data["counts"], np.arange(6, 19)
    for (colour, marker), samples in zip(LOOKS, CELLS, strict=True):
        expected = np.array([expected_entropy(int(d), samples) for d in bits])
        here = np.array(cells["samples"]) == samples
        left.plot(bits, expected, color=colour, label=f"N = {samples}")
        left.plot(np.array(cells["bits"])[here], np.array(cells["counted"])[here], marker, color=colour)
        left.axhline(np.log2(samples), color=colour, linestyle="--", linewidth=0.8)
        right.plot(bits - np.log2(samples), bits - expected, marker + "-", color=colour, label=f"N = {samples}")
    left.plot(bits, bits, color="0.5", linestyle=":", label="true")
    left.set(xlabel="D, fair binary units", ylabel="plug-in entropy [bits]")
    left.legend(fontsize=8, loc="lower right")
    right.axvspan(bits.min() - np.log2(max(CELLS)), -4, color="0.9", linewidth=0)
    right.set(xlabel="D - log2 N [bits]", ylabel="missing entropy [bits]")
    right.legend(fontsize=8)
    return figure


CLAIM = Claim(
    name="saturation",
    title="Counting saturates at log2 of the samples",
    statement="The plug-in entropy of D binary units is wrong by most of a bit where D is near log2 of the number of "
    "samples, and is log2 of that number above, whatever the units do.",
    method="Fair bits, 1000, 4096 and 60 000 samples: the mean of the plug-in entropy in closed form, and counted.",
    contrast="With D four bits or more below log2 N next to nothing is missing: there a count can be trusted.",
    silent="Nothing about layers whose units are not fair and independent: they have fewer bits, and saturate later.",
    sources=(NOTHNAGEL_2026,),
    seeds=10,
    quick=10,
    parts=one_part_each(count, {"counts": {}}),
    checks=checks,
    picture=picture,
)
