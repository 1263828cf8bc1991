"""experiment() and fit() as a person calls them: what is refused, and what happens to the network given."""

import pytest
import torch

import infoplane as ip
from infoplane.errors import InputError, UnknownNameError
from infoplane.networks import six_layer, warm_up


@pytest.fixture(scope="module")
def data():
    return ip.datasets.load("report-simple", samples=200)


@pytest.fixture(scope="module")
def target(data):
    return 2.0 * data.y[:, None] - 1


def run(data, target, **options):
    return ip.experiment(six_layer, data.x, target, **{"epochs": 6, "copies": 2, "progress": False, **options})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"copies": 0}, InputError, "copies"),
        ({"epochs": 0}, InputError, "epochs=0"),
        ({"epochs": 2.5}, InputError, "epochs=2.5"),
        ({"every": 0}, InputError, "every=0"),
        ({"plot": "always"}, InputError, "unknown plot 'always': known are dynamic, once"),
        ({"batch_size": 1000}, InputError, "batch_size"),
        ({"loss": "msee"}, UnknownNameError, "did you mean 'mse'"),
        ({"optimizer": "sdg"}, UnknownNameError, "did you mean 'sgd'"),
        ({"init": "same"}, InputError, "init"),
        ({"layers": ["13"]}, UnknownNameError, "unknown layer '13'"),
    ],
)
def test_wrong_options_say_what_to_type(data, target, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        run(data, target, **options)


def test_the_network_given_is_never_changed(data, target):
    model = six_layer()
    before = [parameter.clone() for parameter in model.parameters()]
    ip.experiment(model, data.x, target, epochs=3, progress=False)
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))


def test_fit_trains_the_network_itself_until_the_rule_says_stop(data, target):
    torch.manual_seed(0)
    model = warm_up()
    before = [parameter.clone() for parameter in model.parameters()]
    stopping = ip.InformationStopping(monitor="I(T;Y)", patience=2, restore_best_weights=True)
    result = ip.fit(model, data.x, target, stopping=stopping, epochs=40, epoch_length=5, progress=False)
    assert not torch.equal(before[0], next(iter(model.parameters())))
    assert result.decision is not None
    assert result.steps == 5 * 40 or result.decision.stop
    (measured,) = ip.InformationPlane(data.x, target, layers="3").measure(model, 0)
    assert measured["i_ty"] == pytest.approx(result.decision.best, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_the_published_rule_stops_at_its_first_look(data, target, seed, beta):
    stopping = ip.InformationStopping(rule="report", beta=beta, min_delta=0.1)
    torch.manual_seed(seed)
    result = ip.fit(six_layer(), data.x, target, stopping=stopping, epochs=50, seed=seed, progress=False)
    assert result.decision.stop
    assert result.steps == 10


def test_fit_refuses_what_it_decides_itself(data, target):
    with pytest.raises(InputError, match="leave out 'copies'"):
        ip.fit(six_layer(), data.x, target, copies=3)


def test_fit_asks_at_every_look_and_no_other_option_is_taken(data, target):
    stopping = ip.InformationStopping(monitor="I(T;Y)", patience=9, check_every=2)
    result = ip.fit(warm_up(), data.x, target, stopping=stopping, epochs=4, epoch_length=3, progress=False)
    assert sorted({row["step"] for row in result.trajectory}) == [0, 6, 12]
    with pytest.raises(UnknownNameError, match="did you mean 'batch_size'"):
        ip.fit(warm_up(), data.x, target, batchsize=5)
    with pytest.raises(InputError, match="epoch_length=None"):
        ip.fit(warm_up(), data.x, target, epoch_length=None)
