"""Statistics of tables whose answer is known, and the picture."""

from infoplane.replications import injective


def test_nothing_is_lost_but_by_merged_rows(szt_part, judged):
    tanh, relu = szt_part(fixed=(5, [7, 8, 6, 5])), szt_part(exact=(4, [12, 12, 12, 11]))
    for name in ("fixed", "width", "layer", "unit"):
        relu[f"i_xt {name}"][:, :, 3] = 10
    relu["merged"][-1][:, 3] = 1
    assert judged(injective, {"tanh": tanh, "relu": relu})[1] == ["holds"] * 4 + ["does not hold"]
    relu["merged"][-1][0, 3] = 0.5
    assert judged(injective, {"tanh": tanh, "relu": relu})[1][2] != "holds"
    tanh["sums"][0][0][1] = 11.9
    assert judged(injective, {"tanh": tanh, "relu": relu})[1][0] != "holds"


def test_the_picture(shows_units_and_a_failing_rule):
    shows_units_and_a_failing_rule(injective)
