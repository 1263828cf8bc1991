import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from infoplane.errors import RunError
from infoplane.plotting import LiveFigure


def test_a_picture_file_is_refreshed_only_when_it_is_time(make, tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    live, calls = LiveFigure(tmp_path / "plane.png", every_seconds=5), []

    def table():
        calls.append(now[0])
        return make().to_pandas()

    for now[0] in (100.0, 101.0, 104.9, 105.0, 109.0, 110.0):
        live.update(table)
    assert calls == [100.0, 105.0, 110.0]
    live.close(table)
    assert not live.update(table)
    assert (tmp_path / "plane.png").read_bytes().startswith(b"\x89PNG")
    assert live.where == str(tmp_path / "plane.png")


def test_drawing_takes_at_most_a_share_of_the_time(make, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    live, calls = LiveFigure(tmp_path / "plane.svg", every_seconds=0), []

    def slow_table():
        calls.append(now[0])
        now[0] += 2.0
        return make().to_pandas()

    for later in (0.0, 10.0, 21.9, 22.0, 30.0):
        now[0] = max(now[0], later)
        live.update(slow_table)
    assert calls == [0.0, 22.0]


def test_a_full_disk_stops_the_picture_with_one_warning_and_not_the_training(make, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    live = LiveFigure(tmp_path / "plane.png", every_seconds=0)
    with pytest.warns(RuntimeWarning, match="the live picture stops: cannot write .*no space left"):
        assert not live.update(make().to_pandas)
    assert not live.update(make().to_pandas)
    with pytest.raises(RunError, match="no space left"):
        live.close(make().to_pandas)
    assert list(tmp_path.iterdir()) == []


def test_in_a_notebook_the_picture_below_the_cell_is_replaced(make, tmp_path, monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    handle = SimpleNamespace(update=shown.append)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(display, "display", lambda image, *, display_id: (shown.append(image), handle)[1])
    live = LiveFigure(tmp_path / "plane.png")
    live.update(make().to_pandas)
    live.close(make().to_pandas)
    assert live.where == "below this cell"
    assert [image.data[:4] for image in shown] == [b"\x89PNG"] * 2
    assert list(tmp_path.iterdir()) == []


def test_in_a_program_with_windows_one_window_is_redrawn(make, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt
    from matplotlib.backend_bases import FigureManagerBase
    from matplotlib.backends import backend_registry

    opened = []
    monkeypatch.setattr(FigureManagerBase, "show", lambda manager: opened.append(manager))
    monkeypatch.setattr(backend_registry, "resolve_backend", lambda name: (name, "tk"))
    live = LiveFigure(tmp_path / "plane.png", every_seconds=0, title="live")
    figure = plt.figure("infoplane")
    for draw, steps in ((live.update, 3), (live.close, 9)):
        draw(make(steps=range(steps)).to_pandas)
        assert len(figure.axes[0].collections[1].get_segments()) == 3 * (steps - 1)
    assert len(opened) == 1
    assert list(tmp_path.iterdir()) == []
    plt.close(figure)


def test_without_a_window_pyplot_and_the_backend_stay_untouched(tmp_path):
    program = (
        "import sys\n"
        "from infoplane.plotting import LiveFigure\n"
        "from infoplane.trajectory.trajectory import Trajectory\n"
        "rows = [{'step': s, 'layer': 'a', 'layer_index': 0, 'i_xt': 1.0, 'i_ty': 0.5} for s in (0, 1)]\n"
        "live = LiveFigure()\n"
        "live.update(Trajectory(rows).to_pandas)\n"
        "print('matplotlib.pyplot' in sys.modules, live.where)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("False infoplane-live.png", "")
    assert [file.name for file in tmp_path.iterdir()] == ["infoplane-live.png"]
