"""Whatever torch is set to, and wherever a call is made, estimators compute the same numbers."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn

import infoplane as ip
from infoplane.estimators.ambient import shielded


@contextlib.contextmanager
def set_for_a_while(setter, value, before):
    setter(value)
    try:
        yield
    finally:
        setter(before)


def everywhere(value):
    torch.backends.fp32_precision = value
    for backend in (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul):
        backend.fp32_precision = "none"  # as everywhere


def short_products():
    """As the newer of torch's two ways sets them, after which the older one refuses to tell."""
    if not hasattr(torch.backends, "fp32_precision"):  # before torch 2.9
        return set_for_a_while(torch.set_float32_matmul_precision, "high", "highest")
    return set_for_a_while(everywhere, "tf32", "none")


SETTINGS = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "default type": lambda: set_for_a_while(torch.set_default_dtype, torch.float64, torch.float32),
    "default half": lambda: set_for_a_while(torch.set_default_dtype, torch.bfloat16, torch.float32),
    "default device": lambda: torch.device("meta"),
    "anomalies": lambda: torch.autograd.set_detect_anomaly(True, check_nan=True),
    "precision": lambda: set_for_a_while(torch.set_float32_matmul_precision, "medium", "highest"),
    "precision of backends": short_products,
    "deterministic": lambda: set_for_a_while(torch.use_deterministic_algorithms, True, False),
    "numpy's errors": lambda: np.errstate(all="raise"),
}
SHORT = {"steps": 5, "hidden": 8}
ESTIMATORS = {
    name: SHORT if name in ("infonce", "nwj", "smile", "mine", "club") else {}
    for name in ip.estimators()
    if name != "quantised"
}
X, Y = torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 2


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 3), nn.Tanh())


NETWORK = network()


def numbers(name):
    """One estimate through each door: a single one, a comparison, a plane."""
    shuffles = 0 if ESTIMATORS[name] is SHORT else 2
    single = ip.mutual_information(X, Y, estimator=name, shuffles=shuffles, **ESTIMATORS[name])
    asked = {"name": name, **ESTIMATORS[name]}
    (row,) = ip.compare(X, Y, x=X, estimators=[asked]).rows
    rows = ip.InformationPlane(X, Y, estimators=asked).measure(NETWORK, 0)
    return single.value, single.details.get("p_value"), row.i_xt, row.i_ty, *(each["i_ty"] for each in rows)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_door_gives_the_same_number_in_all_settings_at_once(name):
    wanted = numbers(name)
    with contextlib.ExitStack() as stack:
        for setting in SETTINGS:
            if setting != "precision of backends":  # of torch's two ways to set it one at a time
                stack.enter_context(SETTINGS[setting]())
        assert numbers(name) == wanted


@pytest.mark.parametrize("name", ["binned", "soft", "kde", "infonce"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_every_door_gives_the_same_number_in_one_setting(setting, name):
    wanted = numbers(name)
    with SETTINGS[setting]():
        assert numbers(name) == wanted


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_settings_are_the_callers_again(setting):
    def state():
        blank = torch.empty(0)
        backends = (torch.backends, torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)
        products = [getattr(backend, "fp32_precision", None) for backend in backends]
        return blank.dtype, blank.device, blank.is_inference(), torch.is_autocast_enabled("cpu"), np.geterr(), products

    def spoilt():
        raise ValueError

    with SETTINGS[setting]():
        before = state()
        with pytest.raises(ValueError):
            shielded(spoilt)()
        assert state() == before


@pytest.mark.parametrize("setting", ["precision", "precision of backends"])
def test_products_inside_are_exact(setting):
    with SETTINGS[setting]():
        assert shielded(torch.get_float32_matmul_precision)() == "highest"


def test_a_network_that_switches_autocast_on_by_itself_is_measured_as_it_puts_out():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                return self.second(torch.tanh(self.first(x)))

    torch.manual_seed(0)
    network = Mixed()
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        t = network.first(X).float()
    for name in ("soft", "binned", "kde"):
        rows = ip.InformationPlane(X, Y, layers="first", estimators=name, batch_size=50).measure(network, 0)
        assert rows[0]["i_ty"] == pytest.approx(ip.mutual_information(t, Y, estimator=name).value, abs=1e-9)
        assert "half-precision" in rows[0]["flags"]


def test_what_was_made_in_the_inference_mode_can_be_measured_outside_of_it():
    with torch.inference_mode():
        x, t = X.clone(), X * 2.0
        plane = ip.InformationPlane(x, Y, estimators=["binned", {"name": "infonce", **SHORT}])
    assert all(row["i_ty"] is not None for row in plane.measure(NETWORK, 0))
    assert ip.mutual_information(t, Y, estimator="nwj", **SHORT) == ip.mutual_information(
        t.clone(), Y, estimator="nwj", **SHORT
    )
