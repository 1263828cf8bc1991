"""In a real Keras model on its torch backend: logs, history, its early stopping, names, and the same training."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import infoplane as ip
from infoplane.errors import InputError

from . import task

pytestmark = pytest.mark.extra
SPREAD = "info/I(T;Y)/out"


@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "torch"
    return pytest.importorskip("keras")


def callback(plane, **options):
    from infoplane.integrations.keras import InformationPlaneCallback

    return InformationPlaneCallback(plane, **options)


def network(keras):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Dense(6, activation="tanh", name="hidden"), layers.BatchNormalization(name="norm"),
         layers.Dropout(0.2, name="drop"), layers.Dense(2, name="out")]
    )  # fmt: skip
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def fit(keras, callbacks, *, epochs=3):
    model = network(keras)
    data = task.X.numpy(), task.Y.numpy()
    history = model.fit(*data, batch_size=task.BATCH, epochs=epochs, verbose=0, callbacks=callbacks)
    return model, history.history


def test_history_and_log_have_every_epoch(keras, tmp_path):
    plane = task.plane()
    _, history = fit(keras, [callback(plane, log=tmp_path / "lines.jsonl")])
    assert task.steps(plane) == [0, *(task.STEPS * epoch for epoch in (1, 2, 3))]
    assert {row["layer"] for row in plane.trajectory} == {"hidden", "norm", "drop", "out"}
    assert history[SPREAD] == task.series(plane, "i_ty", "out")[1:]
    assert history["info/I(X;T)/hidden"] == task.series(plane, "i_xt", "hidden")[1:]
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert [line[SPREAD] for line in lines] == task.series(plane, "i_ty", "out")


def test_its_own_early_stopping_stops_on_it(keras):
    stop = keras.callbacks.EarlyStopping(SPREAD, mode="max", patience=2)
    _, history = fit(keras, [callback(task.plane(estimators=task.CONSTANT)), stop], epochs=20)
    assert len(history["loss"]) == 3  # the first is the best, two more do not improve on it


def test_training_is_the_same_bit_by_bit(keras):
    with_it, _ = fit(keras, [callback(task.plane(shuffles=2))])
    without, _ = fit(keras, [])
    pairs = zip(with_it.get_weights(), without.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_layers_have_the_names_of_keras_and_its_values(keras):
    from infoplane.integrations.keras import AsTorch

    source = keras.Input((4,))
    inside = keras.Input((4,))
    inner = keras.Model(inside, keras.layers.Dense(3, name="a")(inside), name="inner")
    active = keras.layers.ReLU(name="active")(inner(source))
    model = keras.Model(source, keras.layers.Dense(2, name="out")(active))
    recorded = ip.record(AsTorch(model), task.X, ["inner/a", "active", "out"])
    assert list(recorded) == ["inner/a", "active", "out"]
    assert recorded["out"].numpy() == pytest.approx(model.predict(task.X.numpy(), verbose=0), abs=1e-6)
    assert list(ip.record(AsTorch(model), task.X)) == ["inner/a", "out"]


def test_another_backend_is_refused(keras, monkeypatch):
    import infoplane.integrations.keras as module

    monkeypatch.setattr(module, "backend", lambda: "jax")  # is not installed here
    with pytest.raises(InputError, match="Keras runs on 'jax': set KERAS_BACKEND=torch"):
        callback(task.plane())


def test_a_backend_that_is_not_there_is_named_with_the_remedy(keras):
    result = subprocess.run(
        [sys.executable, "-c", "import infoplane.integrations.keras"],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "InputError" in result.stderr
    assert "set KERAS_BACKEND=torch before keras is imported" in result.stderr


@pytest.mark.parametrize("by_name", [False, True])
def test_a_model_of_two_inputs(keras, by_name):
    left, right = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    hidden = keras.layers.Dense(4, "tanh", name="hidden")(keras.layers.Concatenate()([left, right]))
    model = keras.Model([left, right], keras.layers.Dense(2, "softmax", name="out")(hidden))
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(40, 3)).astype("f4"), np.arange(40) % 2
    plane = ip.InformationPlane({"a": x, "b": x} if by_name else (x, x), y)
    model.fit({"a": x, "b": x} if by_name else [x, x], y, epochs=1, verbose=0, callbacks=[callback(plane)])
    assert {row["layer"] for row in plane.trajectory} == {"hidden", "out"}


def test_channels_are_where_keras_has_them(keras):
    from infoplane.integrations.keras import AsTorch

    keras.utils.set_random_seed(0)
    layers, x = keras.layers, np.random.default_rng(0).normal(size=(20, 6, 6, 1)).astype("f4")
    model = keras.Sequential([layers.Conv2D(3, 3, name="conv"), layers.BatchNormalization(name="norm")])
    model.build((None, 6, 6, 1))
    whole = ip.record(AsTorch(model), x, ["conv", "norm"])
    for layer in ("conv", "norm"):
        assert whole[layer].shape == (20, 4, 4, 3)
        assert np.allclose(
            ip.record(AsTorch(model), x, layer, pool="mean")[layer], whole[layer].mean((1, 2)), atol=1e-6
        )
        channels = ip.record(AsTorch(model), x, layer, pool="channel")
        assert list(channels) == [f"{layer}[{number}]" for number in range(3)]
        assert np.allclose(channels[f"{layer}[1]"], whole[layer][..., 1].flatten(1))
