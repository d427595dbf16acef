"""The β-TCVAE's decomposition of the KL divergence.

Chen, Li, Grosse & Duvenaud 2018 ("Isolating sources of disentanglement in variational
autoencoders", arXiv 1802.04942). The weights of the minibatch-stratified estimator in the widely
copied reference code land in columns 0 and 1 instead of on the diagonal; here a sample's own
posterior has weight 1/N and every other one (N−1)/(N(B−1)), so that each row sums to 1.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Decomposition(NamedTuple):
    """The three terms whose sum is the (Monte-Carlo) KL divergence, in nats."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor


def log_importance_weights(batch: int, data: int, device: torch.device | None = None) -> Tensor:
    """Return the logarithm of the stratified weights.

    Parameters
    ----------
    batch
        Crops in the minibatch, B.
    data
        Crops in the data set, N ≥ B.

    Returns
    -------
    Tensor
        (B, B); row i weighs the posteriors of all crops j as estimates of q(z_i).
    """
    other = math.log((data - 1) / (data * (batch - 1))) if batch > 1 else 0.0
    weights = torch.full((batch, batch), other, device=device)
    return weights.fill_diagonal_(-math.log(data) if batch > 1 else 0.0)


def decompose(mean: Tensor, log_variance: Tensor, z: Tensor, log_weights: Tensor) -> Decomposition:
    """Split the KL divergence into mutual information, total correlation and dimension-wise KL.

    Parameters
    ----------
    mean, log_variance
        (B, D), posteriors of the crops.
    z
        (B, D), one sample from each posterior.
    log_weights
        (B, B), from `log_importance_weights`.

    Returns
    -------
    Decomposition
        Three scalars, averaged over the samples.
    """
    log_two_pi = math.log(2 * math.pi)
    precision = torch.exp(-log_variance)
    # (D, B samples, B posteriors): one contiguous plane for each latent
    deviation = z.T[:, :, None] - mean.T[:, None, :]
    log_density = -0.5 * (
        deviation.square() * precision.T[:, None, :] + log_variance.T[:, None, :] + log_two_pi
    )
    log_own = torch.diagonal(log_density, dim1=1, dim2=2).sum(0)
    log_joint = torch.logsumexp(log_density.sum(0) + log_weights, dim=1)
    log_product = torch.logsumexp(log_density + log_weights, dim=2).sum(0)
    log_prior = -0.5 * (z.square() + log_two_pi).sum(1)
    return Decomposition(
        (log_own - log_joint).mean(),
        (log_joint - log_product).mean(),
        (log_product - log_prior).mean(),
    )


def decompose_full(mean: Tensor, log_variance: Tensor, z: Tensor, chunk: int = 16) -> Decomposition:
    """Compute the terms once over all crops; minibatch values are too noisy to report.

    Parameters
    ----------
    mean, log_variance, z
        (N, D); cost and time grow with N², so pass a few thousand crops at most.
    chunk
        Samples handled at a time.

    Returns
    -------
    Decomposition
        Three scalars.
    """
    count = len(mean)
    sums = torch.zeros(3, dtype=torch.float64)
    log_two_pi = math.log(2 * math.pi)
    for start in range(0, count, chunk):
        part = slice(start, start + chunk)
        deviation = z[part, None] - mean[None]
        log_density = -0.5 * (
            deviation.square() * torch.exp(-log_variance) + log_variance + log_two_pi
        )
        log_joint = torch.logsumexp(log_density.sum(2), dim=1) - math.log(count)
        log_product = (torch.logsumexp(log_density, dim=1) - math.log(count)).sum(1)
        own = -0.5 * (
            (z[part] - mean[part]).square() * torch.exp(-log_variance[part])
            + log_variance[part]
            + log_two_pi
        ).sum(1)
        log_prior = -0.5 * (z[part].square() + log_two_pi).sum(1)
        sums += torch.stack(
            [
                (own - log_joint).sum(),
                (log_joint - log_product).sum(),
                (log_product - log_prior).sum(),
            ]
        ).double()
    return Decomposition(*(sums / count))


def kl_per_latent(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL divergence of every posterior from N(0, 1), (N, D), in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1)
