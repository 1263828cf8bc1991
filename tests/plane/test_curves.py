"""Gathered layers become curves, with the label sets about which there is something to know."""

import numpy as np
import pytest
import torch

import infoplane as ip
from infoplane.errors import InputError, NonFiniteError


def test_a_layer_with_nan_is_named():
    x, y = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)), np.arange(40) % 2
    broken = torch.nn.Sequential(torch.nn.Linear(3, 2))
    with torch.no_grad():
        broken[0].weight[0, 0] = torch.nan
    with pytest.raises(NonFiniteError, match="layer '0', step 7"):
        ip.InformationPlane(x, y).curves(broken, 7)


def test_several_label_sets_and_a_continuous_one():
    x = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    labels = {"third": np.arange(60) % 3, "half": np.arange(60) % 2}
    curves = ip.InformationPlane(x, labels).curves(torch.nn.Sequential(torch.nn.Linear(3, 2)), snr=[1, 2])
    assert curves["0"].labels == ("third", "half")
    plane = ip.InformationPlane(x, x[:, 0].numpy(), estimators="ksg")
    with pytest.raises(InputError, match="y_bins"):
        plane.curves(torch.nn.Sequential(torch.nn.Linear(3, 2)))
