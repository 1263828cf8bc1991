"""The tables of a sweep, from runs whose numbers are known."""

import pandas as pd
import pytest

import infoplane as ip
from infoplane.columns import COLUMNS
from infoplane.runs import RunDirectory
from infoplane.sweeps.plan import PlannedRun, SweepPlan
from infoplane.sweeps.table import Sweep

RATES, SEEDS = (0.1, 0.2), range(11)


def row(i_ty, **more):
    place = {"step": 1, "split": "all", "layer": "fc", "layer_index": 0, "copy": -1, "family": "single", "label": "y"}
    return {**place, "estimator": "binned", "i_xt": 1.0, "i_ty": i_ty, "n": 8, "units": "bits", **more}


def finish(folder, rows):
    """What a run leaves that has ended."""
    run = RunDirectory.create(folder, settings={}, data_checksum="00", seed=0)
    run.write_trajectory(ip.Trajectory(rows))
    run.finish("finished")
    run.close()


def sweep_of(folder, rows):
    """A sweep of these runs: settings and rows of each; a run without rows was not done."""
    runs = tuple(PlannedRun(f"run-{number}", settings, {}) for number, (settings, _) in enumerate(rows))
    for run, (_, rows_of_run) in zip(runs, rows, strict=True):
        if rows_of_run:
            finish(folder / run.name, rows_of_run)
    return Sweep(folder, SweepPlan("mine", runs, {}))


@pytest.fixture
def sweep(tmp_path):
    """Two rates, eleven seeds each; I(T;Y) is ten times the rate and a tenth for each seed."""
    return sweep_of(
        tmp_path,
        [({"rate": rate, "seed": seed}, [row(10 * rate + seed / 10)]) for rate in RATES for seed in SEEDS],
    )


def test_a_band_is_the_median_and_the_middle_eighty_percent_of_the_seeds(sweep):
    bands = sweep.bands()
    assert bands["rate"].tolist() == [0.1, 0.2]
    assert bands["values"].tolist() == [11, 11]
    assert bands["i_ty"].tolist() == pytest.approx([1.5, 2.5])
    assert bands["i_ty_low"].tolist() == pytest.approx([1.1, 2.1])
    assert bands["i_ty_high"].tolist() == pytest.approx([1.9, 2.9])
    assert bands["h_t"].isna().all()  # was not computed
    assert "seed" not in bands


def test_the_files_hold_the_same_tables(sweep):
    sweep.save()
    for name, table in (("sweep", sweep.to_pandas()), ("bands", sweep.bands()), ("trajectories", sweep.trajectories())):
        written = pd.read_csv(sweep.out / f"{name}.csv")
        assert list(written) == list(table)
        for column in ("rate", "i_ty") if name != "sweep" else ("rate", "seed", "i_ty fc"):
            assert written[column].tolist() == pytest.approx(table[column].tolist(), rel=1e-15)


def test_without_a_finished_run_there_are_columns_and_no_rows(tmp_path):
    sweep = sweep_of(tmp_path, [({"rate": 0.1}, [])])
    assert sweep.to_pandas()["state"].tolist() == ["not run"]
    table = sweep.trajectories()
    assert (len(table), list(table)) == (0, ["run", "rate", *COLUMNS])
    sweep.save()
    assert [file.name for file in tmp_path.iterdir()] == ["sweep.csv"]
    assert repr(sweep) == f"Sweep(0 of 1 runs finished, {tmp_path})"


def test_a_run_that_ends_later_is_seen_and_one_that_failed_has_its_message(tmp_path):
    sweep = sweep_of(tmp_path, [({"rate": 0.1}, []), ({"rate": 0.2}, [])])
    assert len(sweep.trajectories()) == 0
    first, second = sweep.plan.runs
    finish(tmp_path / first.name, [row(0.5)])
    sweep.note(sweep.plan.runs, [None, "InputError: rate=0.2"])
    assert sweep.unfinished() == [second]
    assert sweep.trajectories()["i_ty"].tolist() == [0.5]
    table = sweep.to_pandas()
    assert table["state"].tolist() == ["finished", "failed"]
    assert table["error"].fillna("").tolist() == ["", "InputError: rate=0.2"]
    assert table["attempts"].tolist() == [1, 1]
    assert sweep.failures() == {second.name: "InputError: rate=0.2"}


def test_last_values_are_named_by_what_differs(tmp_path):
    rows = [row(0.5), row(0.75, estimator="ksg")]
    table = sweep_of(tmp_path, [({"rate": 0.1}, rows)]).to_pandas()
    assert table["i_ty fc binned"].tolist() == [0.5]
    assert table["i_ty fc ksg"].tolist() == [0.75]


def test_lists_are_json_and_no_text_is_a_formula(tmp_path):
    settings = {"sizes": [12, 3, 2], "title": "=HYPERLINK(1)", "shift": -1.5}
    sweep = sweep_of(tmp_path, [(settings, [row(0.5, layer="@fc")])])
    sweep.save()
    assert sweep.to_pandas()["title"].tolist() == ["=HYPERLINK(1)"]
    for name in ("sweep", "trajectories", "bands"):
        written = pd.read_csv(tmp_path / f"{name}.csv")
        assert written["sizes"].tolist() == ["[12, 3, 2]"]
        assert written["title"].tolist() == ["'=HYPERLINK(1)"]
        assert written["shift"].tolist() == [-1.5]
    assert written["layer"].tolist() == ["'@fc"]
