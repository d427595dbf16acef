"""The network: crops ⇄ latents.

The layers are those of Burgess et al. 2018 ("Understanding disentangling in β-VAE",
arXiv 1804.03599), for any channel count and any crop size that is a multiple of 16.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_parsimony.errors import UserError

if TYPE_CHECKING:
    from napari_parsimony.vae.familiarity import TrainingRange


@dataclass(frozen=True)
class Architecture:
    """Everything that fixes the shapes of the weights."""

    channels: int = 1
    size: int = 64
    latents: int = 32

    def to_dict(self) -> dict[str, int]:
        """Return the fields as JSON-able values."""
        return asdict(self)


class Vae(nn.Module):
    """A convolutional variational autoencoder.

    Parameters
    ----------
    architecture
        Channels and side length of the crops, and number of latents.

    Attributes
    ----------
    guidance
        Largest weight with which the classes of training cells had a say in the weights; 0 if
        they never had.
    training_range
        What cells it was trained on were like; None if its weights do not say.

    Raises
    ------
    UserError
        If the crops' side is not a multiple of 16 pixels.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.guidance = 0.0
        self.training_range: TrainingRange | None = None
        channels, size, latents = architecture.channels, architecture.size, architecture.latents
        if size % 16 or size < 16:
            raise UserError(
                f"The VAE needs crops with a side that is a multiple of 16 pixels, not {size}: "
                "change 'size' of the cells step."
            )
        self._side = size // 16
        flat = 64 * self._side**2
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(64, 64, 4, 2, 1), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(flat, 256), nn.ReLU(),
            nn.Linear(256, 2 * latents),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(latents, 256), nn.ReLU(),
            nn.Linear(256, flat), nn.ReLU(),
            nn.Unflatten(1, (64, self._side, self._side)),
            nn.ConvTranspose2d(64, 64, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, 32, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(32, channels, 4, 2, 1),
        )  # fmt: skip

    def encode(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior of every crop.

        Parameters
        ----------
        crops
            (N, C, S, S), nominally 0..1.

        Returns
        -------
        mean, log_variance
            (N, latents) each; the log-variance is unconstrained.
        """
        mean, log_variance = self.encoder(crops).chunk(2, dim=1)
        return mean, log_variance

    def decode_logits(self, latents: Tensor) -> Tensor:
        """Return crops before the final sigmoid, (N, C, S, S)."""
        return self.decoder(latents)

    def decode(self, latents: Tensor) -> Tensor:
        """Return crops in 0..1, (N, C, S, S), for latents (N, latents)."""
        return torch.sigmoid(self.decode_logits(latents))


def reconstruction_loss(
    logits: Tensor, crops: Tensor, weights: Tensor, likelihood: str, noise: float
) -> Tensor:
    """Return −log p(x|z) summed over pixels (a mean would change what β means), per crop.

    Parameters
    ----------
    logits, crops
        (N, C, S, S).
    weights
        (S, S), mean 1: see `pixel_weights`.
    likelihood
        ``"bernoulli"`` or ``"gaussian"``.
    noise
        Standard deviation of a pixel under the gaussian likelihood.

    Returns
    -------
    Tensor
        (N,), in nats up to a constant.
    """
    if likelihood == "bernoulli":
        per_pixel = functional.binary_cross_entropy_with_logits(logits, crops, reduction="none")
    else:
        per_pixel = (torch.sigmoid(logits) - crops).square() / (2 * noise**2)
    return (per_pixel * weights).flatten(1).sum(1)


def pixel_weights(size: int, focus: float) -> Tensor:
    """Return how much each pixel counts, falling from the centre as a Gaussian of size / 4.

    Parameters
    ----------
    size
        Side of a crop in pixels.
    focus
        0 weighs all pixels alike; near 1 the border hardly counts.

    Returns
    -------
    Tensor
        (size, size) with mean 1.
    """
    position = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    squared = position[:, None].square() + position[None, :].square()
    weights = (1 - focus) + focus * torch.exp(-squared / (2 * (size / 4) ** 2))
    return weights / weights.mean()
