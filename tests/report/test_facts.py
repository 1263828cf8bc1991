"""What the page says of a run beside its pictures."""

import math

import infoplane as ip
from infoplane.report.facts import facts_for_plane, in_short, phases_of, summary, tables, units_of, warnings
from infoplane.report.gather import Run

ROWS = [
    {"step": step, "layer": layer, "i_xt": value, "i_ty": 0.5, "units": "nats", "flags": flags}
    for step, value in enumerate((1.0, 4.0, 2.5))
    for layer, flags in (("fc1", ("red", "saturated")), ("fc2", ("green",)))
]


def test_the_summary_counts():
    assert summary(Run("run", ip.Trajectory(ROWS))) == "6 rows, 2 layers, steps 0 to 2"
    one = ip.Trajectory([{"layer": "fc1"}])
    assert summary(Run("run", one, {"state": "interrupted"})) == "1 rows, 1 layer, interrupted"


def test_the_ceilings_are_in_the_unit_of_the_run():
    facts = facts_for_plane({"log2_n": 10.0, "h_y": 0.5, "measurement": "30 bins"}, "nats")
    assert facts["measurement"] == "30 bins"
    levels = {"measurement": "noise at 0 dB; noise at 10 dB", "estimators": {"channel 0 dB": {}, "channel 10 dB": {}}}
    assert facts_for_plane(levels, "bits")["measurement"] == ""  # an axis is of one of them only
    assert [(one["axis"], round(one["value"], 9)) for one in facts["ceilings"]] == [
        ("x", round(10 * math.log(2), 9)),
        ("y", 0.5),
    ]
    assert units_of(Run("run", ip.Trajectory(ROWS))) == "nats"
    assert units_of(Run("run", ip.Trajectory([{"step": 0}]))) == "bits"


def test_the_tables_leave_out_what_is_not_known():
    run = Run("run", ip.Trajectory(ROWS, meta={"n": 7}), {"seed": 3, "reason": None, "settings": {"family": ["exact"]}})
    assert dict(tables(run)) == {
        "Outcome": [("seed", "3")],
        "Settings": [("family", '["exact"]')],
        "Data and measurement": [("n", "7")],
    }
    assert in_short("a\x1b[31m") == "a[31m"


def test_every_flag_but_green_is_counted_and_said_in_words():
    found = warnings(Run("run", ip.Trajectory(ROWS)))
    assert [(run, layer, flag, count) for run, layer, flag, count, _ in found] == [
        ("run", "fc1", "red", 3),
        ("run", "fc1", "saturated", 3),
    ]
    assert all(words for *_, words in found)


def test_phases_or_the_reason_why_there_are_none():
    found = phases_of(Run("run", ip.Trajectory(ROWS)))
    peak = found["heads"].index("peak at step")
    assert [row[peak].split()[0] for row in found["rows"]] == ["1", "1"]
    none = phases_of(Run("run", ip.Trajectory([{"step": 0, "layer": "fc1", "i_ty": 0.5}])))
    assert none["rows"] == []
    assert "i_xt" in none["note"]
