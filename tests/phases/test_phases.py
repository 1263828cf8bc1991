"""``infoplane.phases`` is both the room and the function."""

import infoplane as ip
from infoplane import phases
from infoplane.phases import CHECKS, Phases


def test_the_room_can_be_called_with_the_options_of_the_function():
    rows = [
        {"step": step, "layer": "fc1", "i_xt": i_xt, "estimator": name}
        for name, lost in (("binned", 0.05), ("kde", 2.0))
        for step, i_xt in enumerate((1.0, 3.0, 3.0 - lost))
    ]
    table = phases(ip.Trajectory(rows))
    assert isinstance(table, Phases)
    assert [phase.verdict for phase in table] == ["no loss"]
    (other,) = ip.phases(ip.Trajectory(rows), estimator="kde", least=1.5)
    assert (other.lost.value, other.loses) == (2.0, True)


def test_the_panel_of_estimators_answers_every_check():
    names = [estimator.measurement for estimator in phases.panel(bins=8)]
    assert len(names) == len(CHECKS)
    assert names[0] == "8 bins on [-1, 1]"
