"""Warming up compiles all that a first measurement would wait for."""

import subprocess
import sys

#: Measures layers below and above the width from which they are read in another way, and asks what was compiled anew.
PROGRAM = """
import sys
import torch
import infoplane as ip
from infoplane.estimators import warm

def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("infoplane.")]
    loops = {id(value): value for module in modules for value in vars(module).values() if hasattr(value, "signatures")}
    return sum(len(loop.signatures) for loop in loops.values())

before = compiled()
warm.main()
warmed = compiled()
assert warmed > before == 0
for dtype in (torch.float32, torch.float64):
    x = torch.linspace(-1, 1, 600, dtype=dtype).view(50, 12)
    for units in (3, 100):
        model = torch.nn.Sequential(torch.nn.Linear(12, units, dtype=dtype), torch.nn.Tanh())
        for bins in ("report", "quantile"):
            ip.InformationPlane(x, torch.arange(50) % 2, estimators={"name": "binned", "bins": bins}).measure(model, 0)
        ip.InformationPlane(x, torch.arange(50) % 2, estimators={"name": "channel", "snr": [1, 4]}).measure(model, 0)
assert compiled() == warmed
"""


def test_after_it_a_measurement_compiles_nothing():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
