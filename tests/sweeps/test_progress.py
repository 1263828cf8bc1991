"""The bar of a sweep counts the runs that are finished, and is not there where nobody looks."""

import pytest

from infoplane.runs import RunDirectory
from infoplane.sweeps.plan import read_plan
from infoplane.sweeps.progress import watch
from infoplane.sweeps.table import Sweep

TABLES = {"experiment": "warm-up", "seeds": 3}


@pytest.fixture
def sweep(tmp_path):
    return Sweep(tmp_path, read_plan(TABLES))


def finish(sweep, number):
    folder = sweep.out / sweep.plan.runs[number].name
    run = RunDirectory.create(folder, settings={}, data_checksum="00", seed=0)
    run.finish("finished")
    run.close()


def test_runs_that_end_meanwhile_are_counted(sweep, capsys):
    finish(sweep, 0)
    with watch(sweep, shown=True):
        finish(sweep, 1)  # the last look comes after the end
    printed = capsys.readouterr()
    assert "2/3 runs" in printed.err
    assert printed.out == ""


def test_the_bar_ends_with_the_sweep_when_that_fails(sweep, capsys):
    with pytest.raises(KeyboardInterrupt), watch(sweep, shown=True):
        raise KeyboardInterrupt
    assert "0/3 runs" in capsys.readouterr().err


@pytest.mark.parametrize("shown", [False, None])
def test_without_a_terminal_there_is_none(sweep, capsys, shown):
    with watch(sweep, shown=shown):
        finish(sweep, 0)
    assert capsys.readouterr() == ("", "")
