"""Puts every row of ``cases.py`` through the tests that ask for one, and every device through those for one."""

from __future__ import annotations

from pathlib import Path

import torch

from ..conftest import load

CASES = load(Path(__file__).parent / "cases.py").CASES
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=str)
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", DEVICES)
