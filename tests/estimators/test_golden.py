"""Values that were computed once, by brute force, for small activation matrices and families; in bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from infoplane.estimators import as_activations
from infoplane.estimators.binned import Binned
from infoplane.estimators.counting.samples import Variable, input_ids, label_ids

DATA = Path(__file__).parent.parent / "data"
BINNED = np.load(DATA / "golden_binned.npz")
FAMILIES = np.load(DATA / "golden_family.npz")


def table(archive, name):
    return {key.removeprefix(f"{name}/"): archive[key] for key in archive.files if key.startswith(f"{name}/")}


@pytest.mark.parametrize("name", BINNED["names"].tolist())
def test_binned_values(device, name):
    golden = table(BINNED, name)
    made = Binned(golden["bins"], nonfinite="keep")
    symbols = made.prepare(as_activations(golden["T"]).to(device))
    x, y = (ids.to(torch.device(device)) for ids in (input_ids(golden["X"]), label_ids(golden["Y"])))
    assert made.about_input(symbols, Variable(x)).value == pytest.approx(float(golden["IXT"]), abs=1e-9)
    assert made.about_label(symbols, Variable(y)).value == pytest.approx(float(golden["ITY"]), abs=1e-9)


@pytest.mark.parametrize("name", BINNED["names"].tolist())
def test_the_slow_pipeline_has_the_same_values(report_pipeline, name):
    golden = table(BINNED, name)
    flat = golden["T"].reshape(len(golden["T"]), -1)
    i_xt, i_ty = report_pipeline.layer_information(flat, golden["X"], golden["Y"], golden["bins"])
    assert i_xt == pytest.approx(float(golden["IXT"]), abs=1e-9)
    assert i_ty == pytest.approx(float(golden["ITY"]), abs=1e-9)


def family_reading(golden, family, device, correction="none"):
    made = Binned(golden["bins"], correction=correction, nonfinite="keep")
    symbols = made.symbols(torch.from_numpy(golden["T"]).to(device))
    x, y = (ids.to(torch.device(device)) for ids in (input_ids(golden["X"]), label_ids(golden["Y"])))
    draws = torch.from_numpy(golden["assign"]).to(device)
    return made.readings([symbols], x, y, family, draws=draws)[0][0]


@pytest.mark.parametrize("name", FAMILIES["names"].tolist())
def test_family_values(device, name):
    golden = table(FAMILIES, name)
    for family, key in (("exact", "exact"), ("per-copy", "percopy"), ("sampled", "single")):
        reading = family_reading(golden, family, device)
        assert reading.i_xt == pytest.approx(float(golden[f"IXT_{key}"]), abs=1e-9)
        assert reading.i_ty == pytest.approx(float(golden[f"ITY_{key}"]), abs=1e-9)
    reading = family_reading(golden, "exact", device)
    assert reading.h_t == pytest.approx(float(golden["HT"]), abs=1e-9)
    assert reading.h_t_given_x == pytest.approx(float(golden["HTgX"]), abs=1e-9)
    corrected = family_reading(golden, "exact", device, correction="miller-madow")
    assert corrected.h_t_given_x == pytest.approx(float(golden["HTgX_MM"]), abs=1e-9)
