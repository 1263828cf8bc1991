"""A sweep from one end to the other: what is skipped, what fails, what is tried again, and what is left behind."""

import json
import shutil

import pandas as pd
import pytest

import infoplane as ip
from infoplane.errors import InputError, RunError, UnknownNameError
from infoplane.io.files import read_json
from infoplane.runs import verify
from infoplane.sweeps import running
from infoplane.sweeps.engines import Engine
from infoplane.sweeps.plan import read_plan
from infoplane.sweeps.table import Sweep

TABLES = {
    "name": "rates",
    "experiment": "warm-up",
    "seeds": 3,
    "training": {"epochs": 3},
    "sweep": {"grid": {"learning_rate": [0.1, 0.3]}},
}
WITH_FAILURE = {
    "experiment": "warm-up",
    "sweep": {"list": [{"epochs": 2}, {"epochs": 3}]},  # the second finds a file where its folder has to be
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return ip.sweep(TABLES, out=tmp_path_factory.mktemp("sweep"), workers=1)


def test_a_row_a_run_with_settings_and_last_values(done):
    table = pd.read_csv(done.out / "sweep.csv", float_precision="round_trip")
    assert table["learning_rate"].tolist() == [0.1] * 3 + [0.3] * 3
    assert table["seed"].tolist() == [0, 1, 2] * 2
    assert set(table["state"]) == {"finished"}
    assert table["steps"].tolist() == [3] * 6
    for row in table.to_dict("records"):
        for last in ip.Trajectory.load(done.out / row["run"]).last():
            assert row[f"i_xt {last['layer']}"] == last["i_xt"]
            assert row[f"i_ty {last['layer']}"] == last["i_ty"]


def test_all_rows_of_all_runs_with_their_settings(done):
    table = pd.read_csv(done.out / "trajectories.csv", float_precision="round_trip")
    assert list(table.columns[:3]) == ["run", "learning_rate", "seed"]
    for run in done.plan.runs:
        rows = table[table["run"] == run.name]
        assert set(rows["learning_rate"]) == {run.settings["learning_rate"]}
        assert rows["i_ty"].tolist() == [row["i_ty"] for row in ip.Trajectory.load(done.out / run.name)]


def test_bands_are_medians_and_quantiles_over_the_seeds(done):
    bands, rows = pd.read_csv(done.out / "bands.csv", float_precision="round_trip"), done.trajectories()
    assert len(bands) == 2 * 4 * 2  # rates, steps, layers
    assert set(bands["values"]) == {3}
    for band in bands.to_dict("records"):
        same = (rows["learning_rate"] == band["learning_rate"]) & (rows["step"] == band["step"])
        low, middle, high = sorted(rows[same & (rows["layer"] == str(band["layer"]))]["i_ty"])
        assert band["i_ty"] == middle
        assert band["i_ty_low"] == pytest.approx(middle - 0.8 * (middle - low))  # 10 % of the way from low to high
        assert band["i_ty_high"] == pytest.approx(middle + 0.8 * (high - middle))


def test_pictures_have_a_panel_a_setting(done):
    figure = done.plot()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.partition(",")[0] for title in titles if title] == ["0.1", "0.3"]
    assert "learning_rate" in [text.get_text() for text in figure.texts]
    assert len(done.curves().axes) == 4


def test_too_many_panels_are_refused(done, tmp_path):
    many = {**TABLES, "sweep": {"grid": {"learning_rate": [0.01 * k for k in range(1, 14)]}}}
    sweep = Sweep(tmp_path, read_plan(many))
    for run in sweep.plan.runs:
        (tmp_path / run.name).symlink_to(done.out / done.plan.runs[0].name)
    with pytest.raises(InputError, match="13 panels"):
        sweep.plot()


def test_a_second_call_leaves_finished_runs_alone(done):
    before = {file: file.stat().st_mtime_ns for file in done.out.glob("*/run.json")}
    again = ip.sweep(TABLES, out=done.out, workers=1)
    assert again.to_pandas()["attempts"].tolist() == [0] * 6
    assert before == {file: file.stat().st_mtime_ns for file in done.out.glob("*/run.json")}
    pd.testing.assert_frame_equal(again.trajectories(), done.trajectories())
    assert "6 of 6" in repr(again)


def test_a_failure_is_tried_again_recorded_and_costs_nothing_else(tmp_path):
    (tmp_path / read_plan(WITH_FAILURE).runs[1].name).touch()
    first = ip.sweep(WITH_FAILURE, out=tmp_path, workers=1, retries=2)
    table = pd.read_csv(tmp_path / "sweep.csv")
    assert table["state"].tolist() == ["finished", "failed"]
    assert table["attempts"].tolist() == [1, 3]
    assert table["error"][1].startswith("RunError: ")
    assert list(first.failures().values()) == [table["error"][1]]
    assert json.loads((tmp_path / "sweep.json").read_text())["runs"].keys() == set(table["run"])
    second = ip.sweep(WITH_FAILURE, out=tmp_path, workers=1, retries=0)
    assert second.to_pandas()["attempts"].tolist() == [0, 1]


def test_nothing_is_made_where_a_name_or_a_number_is_wrong(tmp_path):
    with pytest.raises(UnknownNameError):
        ip.sweep({**TABLES, "sweep": {"grid": {"rate": [1]}}}, out=tmp_path / "a")
    for options in ({"workers": 0}, {"retries": -1}, {"retries": 1.5}):
        with pytest.raises(InputError, match=next(iter(options))):
            ip.sweep(TABLES, out=tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


def test_workers_that_always_go_away_end_the_sweep(tmp_path, monkeypatch):
    class Lossy(Engine):
        lost = (ConnectionError,)
        calls = 0

        def run(self, tasks):
            self.calls += 1
            raise ConnectionError("worker 3 is gone")

    engine = Lossy()
    with pytest.raises(RunError, match=r"3 times.*worker 3 is gone"):
        running._attempt(engine, Sweep(tmp_path, read_plan(TABLES)))
    assert engine.calls == 3


# ---------------------------------------------------------------- damage


@pytest.fixture
def copied(done, tmp_path):
    """The finished sweep, to be damaged."""
    return Sweep(shutil.copytree(done.out, tmp_path / "copy"), done.plan)


def test_damaged_runs_are_kept_aside_and_done_again(copied, done):
    changed, lost, spoilt, killed, *_ = (copied.out / run.name for run in copied.plan.runs)
    for path in (changed / "trajectory.csv", spoilt / "run.json"):
        path.write_bytes(path.read_bytes().replace(b"1", b"2"))
    (lost / "trajectory.csv").unlink()
    (killed / "manifest.json").unlink()  # right before its last file: it is finished, not done again
    started = read_json(killed / "run.json")["started"]
    with pytest.warns(RuntimeWarning, match=r"done again, and what there was is kept in .*\.damaged-1") as said:
        again = ip.sweep(TABLES, out=copied.out, workers=1)
    assert len(said) == 3
    assert again.to_pandas()["attempts"].tolist() == [1, 1, 1, 1, 0, 0]
    kept = changed.with_name(f"{changed.name}.damaged-1")
    assert (kept / "trajectory.csv").read_bytes() != (changed / "trajectory.csv").read_bytes()
    assert (read_json(killed / "run.json")["started"], verify(killed)) == (started, [])
    pd.testing.assert_frame_equal(again.trajectories(), done.trajectories())


def test_a_run_that_is_damaged_later_is_named_and_hides_no_other(copied, done):
    first, *others = copied.plan.runs
    (copied.out / first.name / "trajectory.csv").write_text("x")
    table = copied.to_pandas()
    assert table["state"].tolist() == ["damaged"] + ["finished"] * 5
    assert "has 1 bytes" in table["error"][0]
    assert [run.name for run in copied.unfinished()] == list(copied.failures()) == [first.name]
    rows = done.trajectories()
    kept = rows[rows["run"] != first.name].reset_index(drop=True)
    pd.testing.assert_frame_equal(copied.trajectories(), kept)
    copied.save()
    assert set(pd.read_csv(copied.out / "trajectories.csv")["run"]) == {run.name for run in others}


def test_a_run_that_another_process_finished_has_not_failed(done):
    sweep = Sweep(done.out, done.plan)
    sweep.note(done.plan.runs[:1], ["RunError: run is in use by pid 1"])
    assert sweep.failures() == {}
    assert set(sweep.to_pandas()["state"]) == {"finished"}
