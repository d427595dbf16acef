"""Sparse training from the other side: all connections at first, and fewer and fewer.

The baselines that RigL and SET are compared with: magnitude pruning (Zhu & Gupta 2017, arXiv
1710.01878) and L1. They end with as many connections in each layer.
"""

from collections.abc import Sequence

import torch

from napari_parsimony.classify.fit import Adam
from napari_parsimony.classify.mlp import Networks


class Shrink:
    """Removes the weakest connections of S networks, until each layer has as many as asked.

    Parameters
    ----------
    method
        ``"magnitude"`` removes the smallest weights; ``"l1"`` takes from the size of every weight
        what makes as many of them 0: the proximal step of an L1 penalty of that strength.
    every, until
        Steps between updates, and the step of the last one, 1 at least.
    counts
        (S, layers) connections that are left in the end. On the way there are as many more as the
        cube of the part of the time that is left says.
    """

    always_sparse = False

    def __init__(
        self, method: str, every: int, until: int, counts: Sequence[Sequence[int]]
    ) -> None:
        self.method, self.every, self.until = method, every, max(1, until)
        self.counts = torch.tensor(counts)

    def due(self, step: int) -> bool:
        """Whether this step (from 1) removes connections."""
        return (step < self.until and step % self.every == 0) or step == self.until

    def last(self, steps: int) -> int:
        """Return the last step up to `steps` that removes connections."""
        return min(self.until, steps)

    @torch.no_grad()
    def update(self, networks: Networks, adam: Adam, gradient: torch.Tensor, step: int) -> None:
        """Keep the largest weights of each layer; what is removed loses its Adam state."""
        assert networks.mask is not None
        left = (1 - step / self.until) ** 3
        layers = zip(
            networks.split_weights(networks.mask),
            networks.split_weights(networks.parameters),
            self.counts.T,
            strict=True,
        )
        for mask, weight, final in layers:
            flat, size = mask.flatten(1), weight.flatten(1).abs()
            now = flat.sum(1).long()
            keep = torch.minimum(now, final + (left * (flat.shape[1] - final)).long())
            ranked = size.masked_fill(flat == 0, -1.0).sort(descending=True)
            rank = ranked.indices.argsort()
            flat.copy_(rank < keep[:, None])
            if self.method == "l1":
                # the largest that is removed; 0 where none is
                none = torch.zeros(len(size), 1)
                threshold = torch.cat([ranked.values, none], 1).gather(1, keep[:, None])
                threshold = threshold.clamp_min(0)
                weight.copy_(weight.sign() * (weight.abs() - threshold[:, None]).clamp_min(0))
        networks.parameters[: networks.n_weights] *= networks.mask
        adam.restart(networks.mask)
