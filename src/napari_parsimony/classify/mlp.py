"""Many small networks as one tensor program.

S networks of the same shape are one batched matrix product per layer, so sixteen cost about as
much as one. A sparse network is a dense one with a mask: masked weights are 0, so one backward
pass gives the gradient of every weight, masked or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from napari_parsimony.classify.topology import live_masks

CHUNK = 4096  # cells scored at a time, so that memory does not grow with the study


@dataclass(frozen=True)
class Cells:
    """Standardised latents with their targets.

    Attributes
    ----------
    x
        (N, inputs) float32.
    y, weight
        Number of the class from 0, and the weight under which all classes count the same, (N,)
        float32.
    outputs
        What a network answers: one score for two classes, else one for each class.
    """

    x: torch.Tensor
    y: torch.Tensor
    weight: torch.Tensor
    outputs: int = 1

    def __len__(self) -> int:
        return len(self.x)


def class_loss(score: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Weighted loss of each cell: logistic for two classes, else cross-entropy.

    Parameters
    ----------
    score
        (..., N, outputs).
    y, weight
        (..., N) as in `Cells`; dimensions on the left may be missing.
    """
    if score.shape[-1] == 1:
        logit = score[..., 0]
        return weight * (torch.nn.functional.softplus(logit) - logit * y)
    own = y.long().expand(score.shape[:-1]).unsqueeze(-1)
    return weight * (score.logsumexp(-1) - score.gather(-1, own)[..., 0])


class Networks:
    """S rectifier networks.

    All parameters are one vector, weights before biases, so that the optimiser is a few
    operations on one tensor; `weights` and `biases` are views of it.

    Parameters
    ----------
    sizes
        Units per layer, inputs first, outputs last.
    seeds
        How many networks.

    Attributes
    ----------
    weights, biases
        Per layer (S, in, out) and (S, 1, out).
    mask
        0 or 1 for every weight, flat like the parameters, and None in dense networks.
    """

    def __init__(self, sizes: Sequence[int], seeds: int) -> None:
        self.sizes, self.seeds = tuple(sizes), seeds
        layers = list(pairwise(sizes))
        self.n_weights = seeds * sum(a * b for a, b in layers)
        self.parameters = torch.zeros(self.n_weights + seeds * sum(b for _, b in layers))
        self.weights = self.split_weights(self.parameters)
        self.biases = self.split_biases(self.parameters)
        for leaf in (*self.weights, *self.biases):
            leaf.requires_grad_()
        self.mask: torch.Tensor | None = None

    def _views(self, flat: torch.Tensor, shapes: list[tuple[int, int]]) -> list[torch.Tensor]:
        parts = flat.split([self.seeds * a * b for a, b in shapes])
        return [part.view(self.seeds, *shape) for part, shape in zip(parts, shapes, strict=True)]

    def split_weights(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """View as (S, in, out) the weights' part of a vector laid out like the parameters."""
        shapes = list(pairwise(self.sizes))
        return self._views(flat[: self.n_weights], shapes)

    def split_biases(self, flat: torch.Tensor) -> list[torch.Tensor]:
        """View as (S, 1, out) the biases' part of a vector laid out like the parameters."""
        return self._views(flat[self.n_weights :], [(1, size) for size in self.sizes[1:]])

    @property
    def masks(self) -> list[np.ndarray]:
        """Connections of each layer, (S, in, out)."""
        if self.mask is None:
            return [np.ones(weight.shape, bool) for weight in self.weights]
        return [mask.numpy() > 0 for mask in self.split_weights(self.mask)]

    def set_masks(self, masks: Sequence[np.ndarray]) -> None:
        """Keep only these connections, (S, in, out) per layer."""
        flat = np.concatenate([np.ascontiguousarray(mask).reshape(-1) for mask in masks])
        self.mask = torch.from_numpy(flat.astype(np.float32))
        with torch.no_grad():
            self.parameters[: self.n_weights] *= self.mask

    @torch.no_grad()
    def initialise(self, generators: Sequence[np.random.Generator]) -> None:
        """He initialisation, scaled by the connections a unit really has; biases 0."""
        self.parameters.zero_()
        masks = [torch.from_numpy(mask) for mask in self.masks]
        for seed, generator in enumerate(generators):
            for weight, mask in zip(self.weights, masks, strict=True):
                normal = generator.standard_normal(tuple(weight.shape[1:]), dtype=np.float32)
                fan_in = mask[seed].sum(0).clamp_min(1)
                weight[seed] = torch.from_numpy(normal) * mask[seed] * (2 / fan_in).sqrt()

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """Score cells.

        Parameters
        ----------
        x
            (N, inputs), or (S, N, inputs) where every network has cells of its own.

        Returns
        -------
        torch.Tensor
            (S, N, outputs).
        """
        h = x if x.ndim == 3 else x.expand(self.seeds, -1, -1)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = torch.baddbmm(bias, h, weight)
            if layer < last:
                h = torch.relu(h)
        return h

    @torch.no_grad()
    def scores(self, x: torch.Tensor) -> np.ndarray:
        """Score any number of cells (N, inputs) in pieces, (S, N, outputs)."""
        return torch.cat([self.score(part) for part in x.split(CHUNK)], 1).numpy()

    @torch.no_grad()
    def losses(self, cells: Cells) -> torch.Tensor:
        """Weighted loss of each cell, (S, N)."""
        parts = [
            class_loss(self.score(x), y, weight)
            for x, y, weight in zip(
                cells.x.split(CHUNK), cells.y.split(CHUNK), cells.weight.split(CHUNK), strict=True
            )
        ]
        return torch.cat(parts, 1)

    def gradient(self, x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Gradient of every parameter, masked ones too, of each network's own mean loss."""
        loss = class_loss(self.score(x), y, weight).mean(1).sum()
        leaves = (*self.weights, *self.biases)
        return torch.cat([part.reshape(-1) for part in torch.autograd.grad(loss, leaves)])

    def clone(self) -> "Networks":
        """Return an independent copy."""
        copy = Networks(self.sizes, self.seeds)
        copy.parameters.copy_(self.parameters)
        copy.mask = None if self.mask is None else self.mask.clone()
        return copy

    @torch.no_grad()
    def clear_dead(self) -> torch.Tensor:
        """Set what is on no path from an input to an output to 0; scores stay the same.

        A unit without a live connection before it is a constant, which moves into the biases
        after it. Dead connections keep their place in the mask, and being 0 are the first that
        a rewiring moves.

        Returns
        -------
        torch.Tensor
            1 for every parameter that is alive and 0 for the others, flat.
        """
        live = torch.zeros_like(self.parameters)
        constant = torch.zeros(self.seeds, 1, self.sizes[0])
        layers = zip(
            self.weights,
            self.biases,
            self.split_weights(live),
            self.split_biases(live),
            live_masks(self.masks),
            strict=True,
        )
        for weight, bias, live_weight, live_bias, mask in layers:
            live_weight.copy_(torch.from_numpy(mask))
            live_bias[:, 0] = torch.from_numpy(mask.any(-2))
            if bias is self.biases[-1]:
                live_bias.fill_(1)
            shifted = torch.baddbmm(bias, constant, weight)
            bias.copy_(shifted * live_bias)
            weight *= live_weight
            constant = torch.relu(shifted) * (1 - live_bias)
        return live

    @torch.no_grad()
    def live_part(self) -> tuple["Networks", torch.Tensor]:
        """Return smaller networks without dead units, which compute the same after `clear_dead`.

        At 2 % this leaves out more than half of all units, which makes training several times
        as fast.

        Returns
        -------
        part
            As many units a layer as the network with the most has.
        where
            For each parameter of `part` its position among this one's.
        """
        units = [np.tile(np.arange(self.sizes[0]), (self.seeds, 1))]
        for mask in live_masks(self.masks)[:-1]:
            alive = mask.any(-2)
            order = np.argsort(~alive, axis=1, kind="stable")
            units.append(np.sort(order[:, : max(1, alive.sum(1).max())], axis=1))
        units.append(np.tile(np.arange(self.sizes[-1]), (self.seeds, 1)))
        places = torch.arange(len(self.parameters))
        weights = self.split_weights(places)
        biases = self.split_biases(places)
        seed = np.arange(self.seeds)[:, None, None]
        where = torch.cat(
            [
                place[seed, before[:, :, None], after[:, None, :]].reshape(-1)
                for place, before, after in zip(weights, units[:-1], units[1:], strict=True)
            ]
            + [
                place[seed[..., 0], 0, after].reshape(-1)
                for place, after in zip(biases, units[1:], strict=True)
            ]
        )
        part = Networks([unit.shape[1] for unit in units], self.seeds)
        part.parameters.copy_(self.parameters[where])
        if self.mask is not None:
            part.mask = self.mask[where[: part.n_weights]]
        return part, where

    @torch.no_grad()
    def take(self, other: "Networks", which: torch.Tensor) -> None:
        """Replace the networks `which` (S,) by those of `other`, connections included."""
        pairs = [*zip((*self.weights, *self.biases), (*other.weights, *other.biases), strict=True)]
        if self.mask is not None and other.mask is not None:
            pairs += zip(self.split_weights(self.mask), self.split_weights(other.mask), strict=True)
        for mine, theirs in pairs:
            mine.copy_(torch.where(which[:, None, None], theirs, mine))
