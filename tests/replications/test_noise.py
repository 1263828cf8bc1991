"""Statistics of noisy networks on data with a known answer."""

import numpy as np
import pytest

from infoplane.replications import noise
from infoplane.replications.claim import Setting
from infoplane.replications.verdict import judge


def part(information, clusters=(9.0, 3.0, 2.0, 1.0), accuracy=(0.96, 0.98)):
    """Two seeds of four checkpoints."""
    values = [[each, each] for each in information]
    return {
        "accuracy": [[0.5, 0.5], [0.8, 0.8], [0.9, 0.9], accuracy],
        "epoch": [0, 1, 10, 100],
        "information": values,
        "binned": [[each - 1, each - 1] for each, _ in values],
        "clusters": [[each, each] for each in clusters],
        "first layer": [[12.0, 12.0], None, None, [12.0, 12.0]],
    }


def test_statistics():
    data = {
        "plain": part([8.0, 10, 7, 6]),
        "penalty": part([8.0, 10, 11, 10.9], accuracy=(0.97, 0.99)),
        "loud": part([3.0, 3.2, 3, 3]),
    }
    lost, kept, accurate, since, binned, loud, throughout = (judge(check) for check in noise.checks(data))
    assert (lost.value, lost.verdict) == (4, "holds")
    assert kept.value == pytest.approx(0.1)
    assert kept.verdict == "holds"
    assert accurate.value == pytest.approx(0.01)
    assert since.value == pytest.approx(1)
    assert binned.value == pytest.approx(1)
    assert (loud.value, loud.verdict, loud.contrast) == (pytest.approx(0.2), "does not hold", True)
    assert throughout.value == pytest.approx(0.8)  # ranks 3 4 2 1 against 4 3 2 1
    data["plain"] = part([8.0, 10, 7, 6], clusters=[1.0, 1, 2, 3])
    assert judge(noise.checks(data)[3]).verdict == "does not hold"
    assert all(np.isfinite(axis.get_ylim()).all() for axis in noise.picture(data).axes)


def test_three_settings():
    options = {
        name: (part.options["noise"], part.options["penalty"]) for name, part in noise.CLAIM.parts(Setting(3)).items()
    }
    assert options == {"plain": (0.005, 0.0), "penalty": (0.005, 0.02), "loud": (0.05, 0.0)}
