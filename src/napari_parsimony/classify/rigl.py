"""Sparse training: RigL (Evci et al. 2020, arXiv 1911.11134) and SET (Mocanu et al. 2018).

The number of connections of each layer is fixed; which ones they are is learnt. Every
`rewire_every` steps the weakest are dropped and as many grown: where the loss would fall fastest
(RigL) or at random (SET).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from napari_parsimony.classify.fit import Adam
from napari_parsimony.classify.mlp import Networks


def erk_counts(sizes: Sequence[int], budget: float, dense_output: bool = False) -> list[float]:
    """Share connections among layers by the Erdős-Rényi rule, before rounding.

    The density of a layer is proportional to (in + out) / (in × out), so that small layers stay
    passable; layers that would be more than dense are dense, and the rest share what is left.

    Parameters
    ----------
    sizes
        Units per layer, inputs first.
    budget
        Connections in all.
    dense_output
        Whether the last layer is dense from the start (as in RigL's own small networks).

    Returns
    -------
    list of float
        Connections per layer, summing to `budget` unless every layer is dense.
    """
    layers = list(pairwise(sizes))
    dense = {len(layers) - 1} if dense_output else set()
    while True:
        left = budget - sum(layers[i][0] * layers[i][1] for i in dense)
        free = [i for i in range(len(layers)) if i not in dense]
        scale = left / sum(sum(layers[i]) for i in free) if free else 0.0
        full = [i for i in free if scale * sum(layers[i]) > layers[i][0] * layers[i][1]]
        if not full:
            break
        dense |= set(full)
    return [float(a * b) if i in dense else scale * (a + b) for i, (a, b) in enumerate(layers)]


def integer_counts(sizes: Sequence[int], budget: int, dense_output: bool = False) -> list[int]:
    """Round `erk_counts` down to whole connections, and spend the rest.

    Every layer gets at least one, and the last one for each output.

    Raises
    ------
    ValueError
        If the budget is too small for that.
    """
    layers = list(pairwise(sizes))
    if budget < len(layers) - 1 + (sizes[-2] if dense_output else 1) * sizes[-1]:
        raise ValueError(f"{budget} connections are too few for layers of {sizes} units")
    wanted = erk_counts(sizes, budget, dense_output)
    least = [1] * (len(layers) - 1) + [sizes[-1]]
    counts = [max(low, math.floor(count + 1e-9)) for low, count in zip(least, wanted, strict=True)]
    while sum(counts) < min(budget, sum(a * b for a, b in layers)):
        room = [i for i, (a, b) in enumerate(layers) if counts[i] < a * b]
        counts[max(room, key=lambda i: wanted[i] - counts[i])] += 1
    while sum(counts) > budget:
        more = [i for i, count in enumerate(counts) if count > least[i]]
        counts[max(more, key=lambda i: counts[i])] -= 1
    return counts


def initial_masks(
    sizes: Sequence[int], counts: Sequence[int], generator: np.random.Generator
) -> list[np.ndarray]:
    """Random connections that are on paths from inputs to outputs as far as possible.

    At 2 % a purely random mask is mostly dead: here as many units as there are connections for
    are chosen in each layer, each gets one connection on either side, and the rest are random
    between them.

    Parameters
    ----------
    sizes
        Units per layer.
    counts
        Connections per layer.
    generator
        Source of randomness.
    """
    around = [counts[0], *map(min, counts[:-1], counts[1:]), counts[-1]]
    chosen = [
        generator.permutation(size)[: min(size, count)]
        for size, count in zip(sizes, around, strict=True)
    ]
    masks = []
    for layer, count in enumerate(counts):
        mask = np.zeros((sizes[layer], sizes[layer + 1]), bool)
        sources, targets = chosen[layer], chosen[layer + 1]
        pairs = np.arange(max(len(sources), len(targets)))
        mask[sources[pairs % len(sources)], targets[pairs % len(targets)]] = True
        # the rest: first between chosen units, and only then anywhere
        order = generator.random(mask.shape)
        order[np.ix_(sources, targets)] += 1
        order[mask] = -1
        rest = np.argsort(-order, axis=None, kind="stable")[: count - len(pairs)]
        mask.flat[rest] = True
        masks.append(mask)
    return masks


class Rewire:
    """Moves connections of S networks at once.

    Parameters
    ----------
    method
        "rigl" or "set".
    every, until
        Steps between updates, and the step after which there are none.
    fraction
        Share of a layer's connections moved at first; falls to 0 along a cosine, but at least
        one is moved.
    generators
        One per network, for "set".
    allowed
        (S, inputs) or, the same for all, (inputs,): connections grow only from these inputs.
    """

    always_sparse = True

    def __init__(
        self,
        method: str,
        every: int,
        until: int,
        fraction: float,
        generators: Sequence[np.random.Generator],
        allowed: np.ndarray,
    ) -> None:
        self.method, self.every, self.until, self.fraction = method, every, until, fraction
        self.generators = generators
        self.forbidden = torch.from_numpy(~allowed)

    def due(self, step: int) -> bool:
        """Whether this step (from 1) moves connections."""
        return step < self.until and step % self.every == 0

    def last(self, steps: int) -> int:
        """Return the last step up to `steps` that moves connections, or 0."""
        return min(self.until - 1, steps) // self.every * self.every

    @torch.no_grad()
    def update(self, networks: Networks, adam: Adam, gradient: torch.Tensor, step: int) -> None:
        """Drop the smallest weights and grow as many, which start at 0 with fresh Adam state.

        A connection dropped and grown again at once keeps its weight and its state.
        """
        assert networks.mask is not None
        share = self.fraction / 2 * (1 + math.cos(math.pi * step / self.until))
        old = networks.mask.clone()
        layers = zip(
            networks.split_weights(networks.mask),
            networks.split_weights(networks.parameters),
            networks.split_weights(gradient),
            strict=True,
        )
        for layer, (mask, weight, slope) in enumerate(layers):
            flat, size = mask.flatten(1), weight.flatten(1).abs()
            # networks of other densities may be trained side by side
            connections = flat.sum(1).long()
            moved = (share * connections).long().clamp_min(1)
            moved[connections == flat.shape[1]] = 0
            keep = _largest(torch.where(flat > 0, size, -1.0), connections - moved)
            if self.method == "rigl":
                value = slope.flatten(1).abs()
            else:
                value = torch.from_numpy(
                    np.stack([g.random(flat.shape[1], dtype=np.float32) for g in self.generators])
                )
            value = value.masked_fill(keep, -1.0)
            if layer == 0:
                value.view_as(mask)[self.forbidden.expand(len(mask), -1)] = -1.0
            flat.copy_(keep | _largest(value, moved))
        kept = old * networks.mask
        networks.parameters[: networks.n_weights] *= kept
        adam.restart(kept)


def _largest(values: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Mark as many of the largest values (S, N) of each row as `counts` (S,) says."""
    most = int(counts.max())
    order = values.topk(most).indices
    return torch.zeros_like(values, dtype=torch.bool).scatter_(
        1, order, torch.arange(most) < counts[:, None]
    )
