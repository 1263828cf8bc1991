"""The claim of ``copies`` on the report's experiment 3: labels that depend on products of the inputs, 200 steps."""

from __future__ import annotations

from dataclasses import replace

from infoplane.replications import copies
from infoplane.replications.claim import one_part_each

CLAIM = replace(
    copies.CLAIM,
    name="copies-complicated",
    title="Several copies, experiment 3: the early rise is in the sampled reading only",
    method="The report's experiment 3: as experiment 2, with labels that say whether a sum of products of the inputs "
    "is above its mean, and 200 steps.",
    contrast="Both other readings: within the first 100 steps the copies are still alike, and rise together.",
    sources=(
        "Opening the black box of deep neural networks with more information, student report, Skoltech: experiment 3",
    ),
    parts=one_part_each(copies.train, {"family": {"task": "report-complicated", "steps": 200}}),
)
