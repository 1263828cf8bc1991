"""Schedule, budget and both in a loop: against marks written out, and against a clock that only the test turns."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.plane.schedule import Budget, Pace, Schedule


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def taken(pace, steps):
    return [step for step in steps if pace.is_due(step)]


def loop(pace, clock, *, steps, training, measuring):
    """Steps taken, each with its time of end and the seconds of measuring until then, both from the first call."""
    log = []
    for step in range(steps):
        if pace.is_due(step):
            cost = measuring(step)
            clock.now += cost
            pace.took(cost)
            log.append((step, clock.now - 100.0, pace.seconds))
        clock.now += training
    return log


def test_multiples():
    assert taken(Pace(), range(5)) == [0, 1, 2, 3, 4]
    assert taken(Pace(10), range(35)) == [0, 10, 20, 30]


def test_log_takes_the_first_step_at_or_after_twenty_marks_a_decade():
    marks = {math.ceil(round(10 ** (k / 20), 9)) for k in range(81)}
    assert taken(Pace("log"), range(10_001)) == sorted({0} | marks)


def test_a_loop_that_counts_in_large_steps_misses_no_mark():
    assert taken(Pace(100), range(0, 600, 64)) == [0, 128, 256, 320, 448, 512]
    assert taken(Pace(10), [7, 8, 10, 11]) == [7, 10]


def test_several_networks_at_one_step_and_a_second_training_from_zero():
    pace = Pace(3)
    assert taken(pace, [0, 0, 1, 1, 2, 2, 3, 3, 4]) == [0, 0, 3, 3]
    assert taken(pace, [0, 1, 3]) == [0, 3]


def test_a_step_that_the_budget_left_out_is_not_made_up_for_off_the_schedule():
    clock = Clock()
    pace = Pace(10, 0.5, clock)
    log = loop(pace, clock, steps=41, training=1.0, measuring=lambda step: 11.0)
    assert [step for step, _, _ in log] == [0, 30, 40]  # the budget alone would allow 22 and 33


@settings(derandomize=True, deadline=None)
@given(share=st.floats(0.01, 1.0), training=st.floats(0.001, 10), cost=st.floats(0.001, 10))
def test_the_share_holds_from_the_second_measurement_on_and_is_used(share, training, cost):
    clock = Clock()
    log = loop(Pace(1, share, clock), clock, steps=300, training=training, measuring=lambda step: cost)
    assert log[0][0] == 0
    assert all(spent <= share * elapsed * (1 + 1e-9) for _, elapsed, spent in log[1:])
    for (before, _, _), (step, elapsed, spent) in pairwise(log):
        if step > before + 1:
            assert spent > share * (elapsed - training) * (1 - 1e-9)  # one step earlier was too early


def test_a_cost_that_changes_is_paid_back():
    clock = Clock()
    log = loop(Pace(1, 0.1, clock), clock, steps=4000, training=0.1, measuring=lambda step: 3.0 if step == 0 else 0.01)
    (_, second, _), (_, elapsed, spent) = log[1], log[-1]
    assert second == pytest.approx(57.01, abs=0.11)  # (3 + 3) seconds are a tenth of 57 + 3
    assert 0.05 < spent / elapsed <= 0.1


def test_affords():
    assert Budget().affords(1e9, 1e9, 0.0)
    assert Budget(1.0).affords(5.0, 2.0, 5.0)
    assert Budget(0.1).affords(1.0, 1.0, 19.0)
    assert not Budget(0.1).affords(1.0, 1.0, 18.0)


@pytest.mark.parametrize("every", [0, -3, 2.5, True, "linear", None])
def test_an_every_that_is_none(every):
    with pytest.raises(InputError, match=r"every=.*: it must be a whole number of steps of at least 1, or 'log'"):
        Schedule(every)


@pytest.mark.parametrize("share", [0, -0.1, 1.5, 10, "0.1", True, math.nan])
def test_a_share_that_is_none(share):
    with pytest.raises(InputError, match=r"max_share=.*: it must be a number above 0 and at most 1"):
        Budget(share)
