"""The table of all estimators beside a training epoch: what it says of the values is true of the values."""

import pytest

from ..conftest import TESTS, load

rivals = load(TESTS.parent / "benchmarks" / "rivals.py")

FOUND = {
    **{"epoch": 2.0, "forward": 0.01, "measure": 0.11, "before": 2e8, "peak": 3e8, "i_xt": [9.0, 11.5]},
    **{"i_ty": [3.0, 1.0], "strange": 1, "flags": ["above-log-n"], "unflagged": []},
}


def test_a_line_says_the_share_of_an_epoch_beyond_the_forward_pass():
    assert rivals.line("mlp", "kde", FOUND) == (
        "| mlp | `kde` | 110.0 | 0.050 | 300 | 100 | 11.50 | 3.00 | 1.00 | 1 outside, all flagged (above-log-n) |"
    )
    assert "NOT flagged: 5" in rivals.line("mlp", "kde", FOUND | {"unflagged": ["5"]})
    assert rivals.line("mlp", "mine", FOUND).startswith("| mlp | `mine` (trains) |")
    assert rivals.line("cnn", "quantised", {"error": "no levels: quantise it"}).endswith("| no levels |")


def test_rows_of_cheaper_settings_name_their_options():
    made = rivals.with_options("renyi alpha=2 null=0")
    assert (made.name, made.alpha, made.null) == ("renyi", 2, 0)
    assert rivals.with_options("kde").get_params() == {"noise_variance": 1e-3, "relative": False}
    assert all(rivals.with_options(row).null == 0 for row in rivals.CHEAPER)


@pytest.mark.parametrize("name", rivals.NETWORKS)
def test_values_are_kept_within_their_ceilings(name, fashion_mnist):
    found = rivals.measured(name, "binned", (256, 100), 1)
    assert found["layers"] == {"mlp": 5, "cnn": 9}[name]
    assert len(found["i_xt"]) == found["layers"]
    assert found["floor"] <= found["h_y"] <= 3.33
    assert max(found["i_ty"]) <= found["h_y"] + 1e-9
    assert max(found["i_xt"]) <= found["log_n"] + 1e-9
    assert found["strange"] == 0
    assert found["unflagged"] == []
    assert min(found["epoch"], found["measure"], found["forward"]) > 0
