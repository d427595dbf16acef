"""Trained networks as differentiable functions."""

import numpy as np
import torch
from torch import nn

from napari_parsimony.classify.black_box import BlackBox
from napari_parsimony.classify.mlp import Networks


class MeanScore(nn.Module):
    """Crops (B, C, S, S) to the mean score of some networks, (B, outputs)."""

    def __init__(self, networks: list[BlackBox]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Score crops."""
        return torch.stack([network(x) for network in self.networks]).mean(0)


class LatentScore(nn.Module):
    """Raw latents (B, latents) to the mean score of some of the networks, (B, outputs).

    Parameters
    ----------
    networks, which
        Networks, and the numbers of those to take.
    positions
        Which latents they read.
    mean, sd
        Standardisation of these.
    """

    mean: torch.Tensor
    sd: torch.Tensor
    positions: torch.Tensor

    def __init__(
        self,
        networks: Networks,
        which: list[int],
        positions: list[int],
        mean: np.ndarray,
        sd: np.ndarray,
    ) -> None:
        super().__init__()
        self.weights = nn.ParameterList([w.detach()[which].clone() for w in networks.weights])
        self.biases = nn.ParameterList([b.detach()[which].clone() for b in networks.biases])
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("sd", torch.from_numpy(sd))
        self.register_buffer("positions", torch.tensor(positions))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Score latents."""
        h = ((z[:, self.positions] - self.mean) / self.sd).expand(len(self.weights[0]), -1, -1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            h = torch.relu(torch.baddbmm(bias, h, weight))
        return torch.baddbmm(self.biases[-1], h, self.weights[-1]).mean(0)
