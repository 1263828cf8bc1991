import subprocess
import sys

import numpy as np
import pytest

import infoplane as ip
from infoplane.training.settings import described, differences


def test_objects_are_said_by_name_and_options_in_every_process():
    code = (
        "from infoplane.training.settings import described; import infoplane as ip, torch\n"
        "print(described({'m': ip.networks.six_layer, 's': ip.InformationStopping(monitor=len), 'o': object(), "
        "'n': torch.nn.Linear(2, 1), 'l': lambda p: p}))"
    )
    run = [sys.executable, "-c", code]
    one, other = (subprocess.run(run, capture_output=True, text=True, check=True).stdout for _ in range(2))
    assert one == other
    assert "infoplane.networks.architectures.six_layer" in one
    assert "'monitor': 'builtins.len'" in one
    assert "0x" not in one


def test_numbers_and_tables_are_kept():
    given = {"a": np.float64(0.5), "b": np.arange(3), "c": {"x": (1, None)}, "d": True}
    assert described(given) == {"a": 0.5, "b": [0, 1, 2], "c": {"x": [1, None]}, "d": True}


@pytest.mark.parametrize(
    ("recorded", "given", "expected"),
    [
        ({"epochs": 3}, {"epochs": 3}, []),
        ({"epochs": 3}, {"epochs": 4}, ["epochs is 4, the run has 3"]),
        ({"family": ["exact"]}, {"family": ("exact",)}, []),
        ({"beta": None}, {"beta": float("nan")}, []),
        ({"title": "a", "plot": None}, {"title": "b", "plot": "once"}, []),
        ({}, {"new_option": 1}, []),
        (
            {"stopping": described({"s": ip.InformationStopping()})["s"]},
            {"stopping": ip.InformationStopping(patience=1)},
            1,
        ),
    ],
)
def test_what_differs_is_said(recorded, given, expected):
    found = differences(recorded, given)
    assert found == expected or len(found) == expected
