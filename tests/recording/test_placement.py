from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from infoplane.errors import InputError
from infoplane.recording.placement import as_input, as_tensor, device_of, floating_dtype, resolve_device, takes_indices


def test_whole_numbers_become_floating_ones_unless_they_are_indices() -> None:
    whole = np.array([[1, 2], [3, 4]])
    assert as_input(whole, torch.float64, None).dtype == torch.float64
    assert as_input(whole, None, None).dtype == torch.get_default_dtype()
    assert as_input(whole, torch.float32, None, indices=True).dtype == torch.int64
    assert as_input(whole.astype(np.float64), torch.float32, None, indices=True).dtype == torch.float32


def test_inputs_without_samples_or_numbers_are_errors() -> None:
    with pytest.raises(InputError, match=r"shape \(\) and no samples"):
        as_input(3.0, None, None)
    with pytest.raises(InputError, match=r"shape \(0, 4\) and no samples"):
        as_input(torch.zeros(0, 4), None, None)
    with pytest.raises(InputError, match="x is a list that holds no plain numbers"):
        as_tensor(["a", "b"], "x")


def test_facts_about_a_network() -> None:
    assert floating_dtype(nn.Linear(2, 2).double()) == torch.float64
    assert floating_dtype(nn.Tanh()) is None
    assert device_of(nn.Linear(2, 2)) == torch.device("cpu")
    assert device_of(nn.Tanh()) is None
    assert takes_indices(nn.Sequential(nn.Embedding(3, 2)))
    assert not takes_indices(nn.Linear(2, 2))


def test_devices_by_name() -> None:
    assert resolve_device(None, nn.Linear(2, 2)) == torch.device("cpu")
    assert resolve_device("cpu", nn.Tanh()) == torch.device("cpu")
    assert resolve_device("auto", nn.Tanh()).type in ("cpu", "cuda", "mps")
    with pytest.raises(InputError, match="device 'gpu' cannot be used here"):
        resolve_device("gpu", nn.Tanh())
