"""A real kernel: the live picture and the progress are replaced in place, and results show a picture and a table."""

import base64
import re

import pytest

CELL = """
import infoplane as ip
data = ip.datasets.load("report-simple", samples=200)
result = ip.experiment(ip.networks.six_layer, data.x, 2.0 * data.y[:, None] - 1, epochs=30, plot="dynamic")
"""


@pytest.mark.extra
@pytest.mark.slow
def test_an_experiment_in_a_notebook(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    cells = [
        nbformat.v4.new_code_cell(source)
        for source in (CELL, "result", "result.trajectory", "ip.phases(result.trajectory)")
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    training, *views = ([output["data"] for output in cell["outputs"]] for cell in notebook.cells)
    bar = next(data["text/plain"] for data in training if "30/30" in data.get("text/plain", ""))
    assert "single I(X;T) I(T;Y) in bits:" in bar
    (live,) = [data["image/png"] for data in training if "image/png" in data]
    assert base64.b64decode(live).startswith(b"\x89PNG")
    assert len(training) == 2  # one bar and one picture, however often they were redrawn
    for (view,) in views[:2]:
        page = view["text/html"]
        assert base64.b64decode(re.search(r"base64,([\w+/=]+)", page)[1]).startswith(b"\x89PNG")
        assert "<table>" in page
    assert views[0][0]["text/html"].startswith("<p>30 steps done, 1 copies")
    assert "<th>verdict</th>" in views[2][0]["text/html"]
    assert list(tmp_path.iterdir()) == []
