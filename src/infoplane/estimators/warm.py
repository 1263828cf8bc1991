"""``python -m infoplane.estimators.warm``: compile the loops of ``binned`` and ``channel`` so that no run waits."""

from __future__ import annotations

import torch

from infoplane.estimators.binned import Binned
from infoplane.estimators.channel import Channel, Signal
from infoplane.estimators.counting.samples import distinct_ids, label_ids, label_variable


def main() -> None:
    """Compile for float32 and float64, evenly spaced and searched bins, and pairs; the results are cached on disk."""
    for dtype in (torch.float32, torch.float64):
        t = torch.linspace(-1, 1, 24, dtype=dtype).view(2, 6, 2)
        for bins in ("report", "quantile"):
            made = Binned(bins)
            made.readings([made.symbols(t)], distinct_ids(6), label_ids([0, 1, 0, 1, 0, 1]), "exact")
    Channel().with_label(Signal.of(t[0]), label_variable([0, 1, 0, 1, 0, 1]))


if __name__ == "__main__":
    main()
