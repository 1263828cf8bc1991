"""The mixture and the quadrature against integrals written out, and in their limits; the claim takes seconds."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from infoplane import replications
from infoplane.replications.dropout import by_mixture, by_quadrature


def written_out(values, noise):
    """I(X;Z) in bits, component by component, by adaptive integration."""
    parts = [stats.norm(value, noise * abs(value)) for value in values]

    def integrand(z, part):
        density = part.pdf(z)
        return density * np.log2(density / np.mean([one.pdf(z) for one in parts])) if density > 0 else 0.0

    each = [integrate.quad(integrand, part.mean() - 9 * part.std(), part.mean() + 9 * part.std(), args=(part,))[0]
            for part in parts]  # fmt: skip
    return np.mean(each)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.3, 0.7], [0.2, 0.5, 0.9, 0.95]])
@pytest.mark.parametrize("noise", [0.5, 0.25, 0.05])
def test_quadrature_against_adaptive_integration(values, noise):
    assert by_quadrature(np.array(values), noise) == pytest.approx(written_out(values, noise), abs=1e-6)


def test_the_mixture_against_quadrature():
    values = np.array([0.2, 0.5, 0.9, 0.95])
    layer = torch.from_numpy(values)[:, None]
    for noise in (0.5, 0.1):
        found = by_mixture(layer, noise, 100_000, torch.Generator().manual_seed(0))
        assert found == pytest.approx(by_quadrature(values, noise), abs=0.01)  # its standard error is 0.003


def test_limits_and_invariances():
    values = np.array([0.2, 0.5, 0.9, 0.95])
    assert by_quadrature(values, 1e-4) == pytest.approx(2, abs=1e-9)  # no noise: log2 of the inputs
    assert by_quadrature(np.full(4, 0.5), 0.3) == pytest.approx(0, abs=1e-9)  # one value: nothing
    assert by_quadrature(7 * values, 0.2) == pytest.approx(by_quadrature(values, 0.2), abs=1e-5)  # noise is relative
    random = torch.Generator().manual_seed(1)
    layer = torch.from_numpy(np.stack([values, -values], 1))
    assert by_mixture(layer, 1e-5, 100, random) == pytest.approx(2, abs=1e-9)


def test_the_claim_holds_and_its_contrast_does_not():
    outcome = replications.run("dropout", seeds=3, workers=1)
    assert outcome.verdict == "holds"
    assert [one.verdict for one in outcome.checks if one.contrast] == ["does not hold"]
    assert all("[bits]" in axis.get_ylabel() for axis in outcome.plot().axes)
