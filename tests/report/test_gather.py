"""Which runs a report has, and what they are called."""

import pytest

import infoplane as ip
from infoplane.report.gather import gather
from infoplane.runs import RunDirectory

ROWS = [{"step": 0, "layer": "fc1", "i_xt": 2.0, "i_ty": 0.5, "units": "bits"}]


def test_a_run_directory_a_csv_file_and_a_trajectory(tmp_path):
    whole = ip.Trajectory(ROWS, meta={"title": "mine"})
    run = RunDirectory.create(tmp_path / "first", settings={"epochs": 3}, data_checksum=None, seed=4)
    run.write_trajectory(whole)
    run.close()
    whole.save(tmp_path / "other.csv")
    found = gather([tmp_path / "first", tmp_path / "other.csv", tmp_path / "first" / "trajectory.csv", whole])
    assert [run.name for run in found] == ["first", "other", "first (2)", "mine"]
    assert found[0].record["seed"] == 4
    assert all(list(run.trajectory) == list(whole) for run in found)


def test_one_run_needs_no_list(tmp_path):
    whole = ip.Trajectory(ROWS)
    whole.save(tmp_path / "run")
    assert [run.name for run in gather(whole)] == ["trajectory"]
    assert [run.name for run in gather(str(tmp_path / "run"))] == ["run"]


def test_nothing_to_report(tmp_path):
    with pytest.raises(ip.errors.InputError, match="there is no run to report"):
        gather([])
    with pytest.raises(ip.errors.InputError, match="'trajectory' has no rows"):
        gather(ip.Trajectory())
    with pytest.raises(ip.errors.DataFileError, match=r"run\.json"):
        gather(tmp_path)


def test_a_folder_of_runs_stands_for_all_of_them(tmp_path):
    for name in ("b", "a"):
        ip.Trajectory(ROWS).save(tmp_path / "sweep" / name)
    (tmp_path / "sweep" / "slurm").mkdir()
    assert [run.name for run in gather(tmp_path / "sweep")] == ["a", "b"]
    with pytest.raises(ip.errors.DataFileError, match=r"is no run, and holds 2 of them: name one, such as .*sweep/a"):
        ip.Trajectory.load(tmp_path / "sweep")


def test_runs_by_names_of_ones_own(tmp_path):
    whole = ip.Trajectory(ROWS)
    whole.save(tmp_path / "seed-1")
    named = gather({"tanh": tmp_path / "seed-1", "relu": whole})
    assert [run.name for run in named] == ["tanh", "relu"]


@pytest.mark.extra
def test_a_page_of_runs_by_names_of_ones_own(tmp_path):
    pytest.importorskip("plotly")
    whole = ip.Trajectory(ROWS)
    assert "tanh" in ip.report({"tanh": whole, "relu": whole}, tmp_path / "page.html").read_text(encoding="utf-8")
