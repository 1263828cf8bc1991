"""The table of phases, as a person, a program, a notebook and a terminal read it."""

import io

import pytest
from rich.console import Console

import infoplane as ip
from infoplane.errors import UnknownNameError
from infoplane.phases import CHECKS
from infoplane.trajectory.trajectory import Trajectory


@pytest.fixture
def found():
    rows = [
        {"step": s, "layer": layer, "layer_index": i, "estimator": "binned", "i_xt": value, "units": "bits"}
        for i, layer in enumerate(("[bold]fc", "<b>\x1b[31m"))
        for s, value in enumerate((1.0, 4.0, 2.5))
    ]
    return ip.phases(Trajectory(rows))


def test_it_prints_itself_without_empty_columns(found):
    lines = str(found).splitlines()
    assert lines[0].split() == ["layer", "peak", "at", "step", "gained", "[bits]", "lost", "[bits]", "verdict"]
    assert lines[1].split()[:4] == ["[bold]fc", "1", "3.00", "1.50"]
    assert lines[-1] == "I(X;T) by binned, one curve a layer"
    assert "\x1b" not in str(found)


def test_rich_and_html_show_names_as_typed(found):
    out = io.StringIO()
    Console(file=out, width=200).print(found)
    assert "[bold]fc" in out.getvalue()
    assert "\x1b" not in out.getvalue()
    page = found._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_row_by_the_name_of_its_layer(found):
    assert found["[bold]fc"].lost.value == 1.5
    assert len(found) == 2
    with pytest.raises(UnknownNameError, match="unknown layer 'fc'"):
        found["fc"]


def test_the_table_of_pandas_holds_numbers_and_checks(found):
    table = found.to_pandas()
    assert table[["peak_step", "i_xt_first", "i_xt_peak", "i_xt_last", "gained", "lost"]].iloc[0].tolist() == [
        1, 1.0, 4.0, 2.5, 3.0, 1.5,
    ]  # fmt: skip
    assert {check.replace(" ", "_").replace("-", "_") for check in CHECKS} <= set(table.columns)
    assert table["units"].tolist() == ["bits", "bits"]
    assert not table["verdict"].str.contains("compression").any()


def test_it_draws_itself(found):
    axes = found.plot(title="Phases").axes
    assert len(axes) == 2
    assert axes[0].get_title("left").startswith("[bold]fc: +3.00, −1.50 bits\nnot checked: half the bins")
