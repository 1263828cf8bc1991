import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infoplane.errors import InputError
from infoplane.trajectory.stopping import InformationStopping, StoppingState


def rows_of(value, **more):
    return [{"step": 0, "layer": "fc", "layer_index": 0, "copy": -1, "family": "exact", "i_ty": value, **more}]


def looks(series, **settings_):
    """The decisions over a series of I(T;Y), up to and including the one that stops."""
    state = InformationStopping(monitor="I(T;Y)", **settings_).start()
    decisions = []
    for epoch, value in enumerate(series):
        decisions.append(state.update(epoch, rows_of(value)))
        if decisions[-1].stop:
            break
    return decisions


def stop_epoch(series, **settings_):
    decisions = looks(series, **settings_)
    return len(decisions) - 1 if decisions[-1].stop else None


RISE_AND_FALL = [0.1, 0.2, 0.3, 0.4, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2]  # best at epoch 4


@pytest.mark.parametrize(("patience", "epoch"), [(0, 5), (1, 5), (2, 6), (3, 7), (6, 10), (7, None)])
def test_stops_exactly_patience_looks_after_the_best(patience, epoch):
    assert stop_epoch(RISE_AND_FALL, patience=patience) == epoch


def test_the_decision_carries_value_best_and_reason():
    last = looks(RISE_AND_FALL, patience=2)[-1]
    assert (last.value, last.best, last.best_epoch, last.improved) == (0.4, 0.5, 4, False)
    assert last.reason == "0.4 does not improve on 0.5 by more than 0.0; 2 looks without improvement, patience 2"


def test_monitor_that_crosses_zero_stops_where_the_price_outweighs_the_gain():
    # I(T;Y) - I(X;T)/4 with I(X;T) = epoch and I(T;Y) = sqrt(epoch): the maximum is at epoch 4
    state = InformationStopping(beta=0.25).start()
    stops = [state.update(epoch, rows_of(math.sqrt(epoch), i_xt=float(epoch))).stop for epoch in range(6)]
    assert stops == [False] * 5 + [True]
    assert state.best_epoch == 4


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_constant_series_stops_after_patience_looks(patience):
    assert stop_epoch([0.7] * 9, patience=patience) == max(patience, 1)


def test_min_delta_is_absolute_and_has_to_be_exceeded():
    climbing = [0.0, 0.25, 0.5, 0.75, 1.0]
    assert stop_epoch(climbing, min_delta=0.25) == 1
    assert stop_epoch(climbing, min_delta=0.24) is None
    assert stop_epoch([-1000.0, -999.75, -999.5], min_delta=0.5, patience=3) is None  # 0.25 in 1000 is no ratio


def test_mode_min_mirrors_mode_max():
    assert stop_epoch([-value for value in RISE_AND_FALL], mode="min", patience=2) == 6


def test_start_from_epoch_ignores_what_came_before():
    decisions = looks([0.9, 0.1, 0.2, 0.3, 0.2], start_from_epoch=1)
    assert [d.stop for d in decisions] == [False, False, False, False, True]
    assert (decisions[-1].best, decisions[-1].best_epoch) == (0.3, 3)
    assert decisions[0].reason == "epoch 0 is not one to look at"


def test_check_every_counts_looks_not_epochs():
    criterion = InformationStopping(monitor="I(T;Y)", check_every=3, patience=2)
    assert [epoch for epoch in range(10) if criterion.looks_at(epoch)] == [0, 3, 6, 9]
    state = criterion.start()
    stops = [state.update(epoch, rows_of(1.0)).stop for epoch in range(7)]
    assert stops == [False] * 6 + [True]


@pytest.mark.parametrize("hole", [math.nan, None, math.inf, -math.inf])
def test_a_value_that_is_none_is_no_improvement_and_the_reason_says_so(hole):
    decisions = looks([0.1, hole, 0.2, hole, hole], patience=2)
    assert [d.improved for d in decisions] == [True, False, True, False, False]
    assert [d.stop for d in decisions] == [False, False, False, False, True]
    assert decisions[-1].value is None
    expected = "i_ty was not computed" if hole is None else f"I(T;Y) is {hole}"
    assert decisions[-1].reason == f"{expected}; 2 looks without improvement, patience 2"
    json.dumps(decisions[-1].__dict__, allow_nan=False)


def test_nan_at_the_very_first_look_does_not_stop_but_nan_forever_does():
    assert stop_epoch([math.nan] * 4) == 1
    assert stop_epoch([math.nan] * 4, patience=3) == 2


def slow_twin(series, *, patience, min_delta, mode, start):
    """The same semantics, said again without state: look back over all values so far."""
    for epoch in range(start, len(series)):
        best_at, best = None, None
        for at in range(start, epoch + 1):
            value = series[at] if mode == "max" else -series[at]
            if math.isfinite(value) and (best is None or value - best > min_delta):
                best_at, best = at, value
        idle = epoch - best_at if best_at is not None else epoch - start + 1
        if idle >= max(patience, 1) and epoch > start:
            return epoch
    return None


@settings(derandomize=True, deadline=None)
@given(
    st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(math.nan)), min_size=1, max_size=14),
    st.integers(0, 4),
    st.sampled_from([0.0, 1.0, 1.5]),
    st.sampled_from(["max", "min"]),
    st.integers(0, 3),
)
def test_agrees_with_a_stateless_twin(series, patience, min_delta, mode, start):
    found = stop_epoch(series, patience=patience, min_delta=min_delta, mode=mode, start_from_epoch=start)
    assert found == slow_twin(series, patience=patience, min_delta=min_delta, mode=mode, start=start)


@settings(derandomize=True, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.integers(0, 11))
def test_an_interrupted_state_goes_on_as_if_nothing_had_happened(series, cut):
    criterion = InformationStopping(monitor="I(T;Y)", patience=2)
    straight, broken = criterion.start(), criterion.start()
    for epoch, value in enumerate(series):
        if epoch == cut:
            broken = StoppingState.from_dict(criterion, json.loads(json.dumps(broken.to_dict())))
        assert straight.update(epoch, rows_of(value)) == broken.update(epoch, rows_of(value))


@settings(derandomize=True, deadline=None)
@given(st.floats(0, 10), st.floats(0, 1), st.floats(1, 5), st.floats(0, 2))
def test_published_rule_stops_at_its_first_look_where_data_processing_holds(i_xt, share, beta, min_delta):
    criterion = InformationStopping(rule="report", beta=beta, min_delta=min_delta, patience=99)
    decision = criterion.start().update(0, rows_of(share * i_xt, i_xt=i_xt))
    assert decision.stop
    assert decision.reason.endswith("is not above the published rule's constant 1e-19")


def test_published_rule_goes_on_while_the_value_is_positive_even_when_it_falls():
    state = InformationStopping(rule="report", monitor="I(T;Y)", min_delta=0.1).start()
    assert [state.update(e, rows_of(v)).stop for e, v in enumerate([0.9, 0.1, math.nan, 0.5, 0.0])] == [
        False, False, False, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mode": "auto"}, "unknown mode 'auto'"),
        ({"rule": "published"}, "unknown rule 'published'"),
        ({"patience": -1}, "patience is -1: a whole number of 0 or more"),
        ({"patience": 1.5}, "patience is 1.5"),
        ({"check_every": 0}, "check_every is 0: a whole number of 1 or more"),
        ({"start_from_epoch": True}, "start_from_epoch is True"),
        ({"min_delta": -0.1}, "say mode='min'"),
        ({"beta": math.nan}, "beta is nan"),
        ({"monitor": "exp(i_xt)"}, "Call"),
    ],
)
def test_settings_outside_their_range_are_refused(wrong, words):
    with pytest.raises(InputError) as caught:
        InformationStopping(**wrong)
    assert words in str(caught.value)


def test_a_saved_state_of_something_else_is_refused():
    with pytest.raises(InputError, match="this one has epoch"):
        StoppingState.from_dict(InformationStopping(), {"epoch": 3})
