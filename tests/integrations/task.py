"""The small network and its samples that every framework trains in these tests."""

import torch
from torch import nn

import infoplane as ip

SAMPLES, BATCH = 200, 50
STEPS = SAMPLES // BATCH  # in an epoch

#: Bins so far away that all values are in one, and no training changes what is measured: 0 bits.
CONSTANT = {"name": "binned", "bins": {"rule": "fixed", "bins": 2, "low": 1e6, "high": 2e6}}

X = torch.randn(SAMPLES, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 2))


def plane(**options):
    return ip.InformationPlane(X, Y, **options)


def steps(measured):
    return sorted({row["step"] for row in measured.trajectory})


def series(measured, name, layer):
    return [row[name] for row in measured.trajectory if row["layer"] == layer]
