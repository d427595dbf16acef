import math

import pytest
import torch

from napari_parsimony.vae.loss import (
    decompose,
    decompose_full,
    kl_per_latent,
    log_importance_weights,
)


def gaussian_posteriors(count, covariance, posterior_variance, seed=0):
    """Posteriors whose aggregate is N(0, covariance), with a sample from each."""
    generator = torch.Generator().manual_seed(seed)
    size = len(covariance)
    spread = covariance - posterior_variance * torch.eye(size)
    mean = torch.randn(count, size, generator=generator) @ torch.linalg.cholesky(spread).T
    log_variance = torch.full((count, size), math.log(posterior_variance))
    noise = torch.randn(count, size, generator=generator)
    return mean, log_variance, mean + noise * math.sqrt(posterior_variance)


def correlated(size=3, correlation=0.7):
    return torch.full((size, size), correlation).fill_diagonal_(1.0)


def closed_form_total_correlation(covariance):
    return float(0.5 * (covariance.diagonal().log().sum() - torch.logdet(covariance)))


@pytest.mark.parametrize(("batch", "data"), [(2, 2), (8, 8), (8, 4000), (128, 23096)])
def test_importance_weights_of_a_row_sum_to_one_with_own_posterior_at_one_over_n(batch, data):
    weights = log_importance_weights(batch, data).double().exp()
    assert torch.allclose(weights.sum(1), torch.ones(batch, dtype=torch.float64), atol=1e-5)
    assert torch.allclose(weights.diagonal(), torch.full((batch,), 1 / data, dtype=torch.float64))


@pytest.mark.parametrize("data", [64, 5000])
def test_three_terms_sum_to_the_monte_carlo_kl(data):
    mean, log_variance, z = gaussian_posteriors(64, correlated(), 0.2)
    terms = decompose(mean, log_variance, z, log_importance_weights(64, data))
    own = -0.5 * ((z - mean) ** 2 / log_variance.exp() + log_variance + math.log(2 * math.pi))
    prior = -0.5 * (z**2 + math.log(2 * math.pi))
    assert float(sum(terms)) == pytest.approx(float((own - prior).sum(1).mean()), abs=1e-3)


def test_monte_carlo_kl_is_close_to_the_analytic_one():
    mean, log_variance, z = gaussian_posteriors(4000, correlated(), 0.2)
    analytic = float(kl_per_latent(mean, log_variance).sum(1).mean())
    assert float(sum(decompose_full(mean, log_variance, z))) == pytest.approx(analytic, abs=0.1)


def test_total_correlation_of_a_correlated_gaussian_matches_its_closed_form():
    covariance = correlated()
    full = decompose_full(*gaussian_posteriors(4000, covariance, 0.2))
    expected = closed_form_total_correlation(covariance)
    assert float(full.total_correlation) == pytest.approx(expected, abs=0.07)


def test_total_correlation_of_independent_latents_is_nearly_zero():
    full = decompose_full(*gaussian_posteriors(4000, torch.eye(3), 0.2))
    assert abs(float(full.total_correlation)) < 0.05


def test_minibatch_estimates_average_near_the_full_data_terms():
    mean, log_variance, z = gaussian_posteriors(4096, correlated(), 0.2)
    full = decompose_full(mean, log_variance, z)
    log_weights = log_importance_weights(256, 4096)
    batches = [
        decompose(mean[part], log_variance[part], z[part], log_weights)
        for part in torch.arange(4096).split(256)
    ]
    for name in full._fields:
        average = float(torch.stack([getattr(terms, name) for terms in batches]).mean())
        assert average == pytest.approx(float(getattr(full, name)), abs=0.4), name


def test_full_terms_do_not_depend_on_the_chunk():
    posteriors = gaussian_posteriors(300, correlated(), 0.2)
    whole = decompose_full(*posteriors, chunk=300)
    parts = decompose_full(*posteriors, chunk=7)
    assert torch.allclose(torch.stack(whole), torch.stack(parts), atol=1e-5)
