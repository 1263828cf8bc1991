"""Puts every row of ``cases.py`` through the tests that ask for one, and every device through those for one."""

from __future__ import annotations

from pathlib import Path

import torch

from ..conftest import load

CASES = load(Path(__file__).parent / "cases.py").CASES
CHOICES = {
    "case": lambda case: True,
    "unordered_case": lambda case: not case.ordered,
    "counting_case": lambda case: case.counts,
    "plug_in_case": lambda case: case.counts and case.plug_in,
}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pytest_generate_tests(metafunc):
    for name, wanted in CHOICES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [case for case in CASES if wanted(case)], ids=str)
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", DEVICES)
