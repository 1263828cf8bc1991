"""A made-up trajectory: layers that first rise towards the label and then drop towards the left."""

import math

import pytest

from infoplane.trajectory.trajectory import Trajectory

FACTS = {"h_y": 0.8, "i_xy": 0.6, "log2_n": math.log2(1000), "measurement": "50 bins on [-1, 1]"}


@pytest.fixture
def make():
    def made(*, steps=range(30), layers=("fc1", "fc2", "fc3"), families=("exact",), copies=0, **more):
        trajectory = Trajectory(meta=FACTS)
        for step in steps:
            for family in families:
                for number, layer in enumerate(layers):
                    depth, time = (number + 1) / len(layers), math.log1p(step) / 8
                    row = {
                        "step": step, "split": "all", "layer": layer, "layer_index": number, "copy": -1,
                        "family": family, "estimator": "binned", "label": "y", "n": 1000, "units": "bits",
                        "i_xt": 9.9 - 6 * depth - 3 * depth * time, "i_ty": 0.7 - 0.5 * depth * math.exp(-4 * time),
                    } | more  # fmt: skip
                    trajectory.append(row)
                    trajectory.extend(row | {"copy": c, "i_xt": row["i_xt"] + 0.1 * c} for c in range(copies))
        return trajectory

    return made
