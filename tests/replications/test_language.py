"""A language model measured on held-out text: against the public estimator, and phases whose sizes are known."""

import numpy as np
import pytest

import infoplane as ip
from infoplane.networks import Family
from infoplane.replications import language
from infoplane.replications.claim import Setting
from infoplane.replications.verdict import judge


def test_labels_and_layers_belong_together(monkeypatch):
    for name, value in (("LEARNED", 5000), ("HELD_OUT", 2048), ("STEPS", 1), ("POINTS", 2), ("BATCH", 4)):
        monkeypatch.setattr(language, name, value)
    found = language.train(None, seed=0)
    assert found["step"] == [0, 1]
    assert found["loss"][1] < found["loss"][0]
    characters = language.text(7049)
    token = characters[5000:7048]
    family = Family(language.Transformer, seed=0)
    t = family.activations(token.view(-1, 64), "blocks.3")["blocks.3"].flatten(0, 2)
    labels = {"token": token, "next": characters[5001:], "bigram": 96 * characters[4999:7047] + token}
    for name, label in labels.items():
        known = ip.mutual_information(t, label, estimator="soft")
        assert found[f"last {name}"][0] == pytest.approx(known.value)
        assert found[f"last {name} null"][0] == pytest.approx(known.details["null"])


def phases(last, following, embedding):
    """One seed, with a null of 0.1 bits everywhere."""
    found = {"step": [0, 10, 100, 1000]}
    for name, values in (("last token", last), ("last next", following), ("embedding token", embedding)):
        found[name], found[f"{name} null"] = list(np.array(values) + 0.1), [0.1] * 4
    for layer in ("last", "embedding"):
        found[f"{layer} bigram"], found[f"{layer} bigram null"] = [1.0] * 4, [0.2] * 4
    found["embedding next"], found["embedding next null"] = [0.3] * 4, [0.1] * 4
    return found


def test_the_peak_is_the_one_after_the_collapse():
    one = phases([2.0, 0.4, 1.6, 1.2], [0.3, 0.1, 0.48, 0.6], [1.5, 1.5, 1.6, 1.55])
    assert language.after_peak(one) == pytest.approx((0.4, 0.5 / 0.3 - 1, 0.1, 0.05))
    judged = [judge(check) for check in language.checks({"0": one, "1": one})]
    assert [one.verdict for one in judged] == ["holds"] * 3 + ["does not hold"]
    flat = phases([1.5, 1.5, 1.6, 1.55], [0.3, 0.3, 0.3, 0.3], [1.5, 1.5, 2.0, 1.5])
    assert [judge(check).verdict for check in language.checks({"0": flat})][:3] == ["does not hold"] * 3
    figure = language.picture({"0": one, "1": one})
    assert figure.axes[0].get_ylabel().endswith("[bits]")


def test_a_part_a_seed():
    assert [part.options for part in language.parts(Setting(3)).values()] == [{"seed": seed} for seed in range(3)]
