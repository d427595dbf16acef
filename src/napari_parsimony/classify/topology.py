"""What of a sparse network really connects an input with the output.

Masks are lists of boolean arrays (..., in, out), one per layer; leading dimensions are seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Masks = Sequence[np.ndarray]


def live_masks(masks: Masks) -> list[np.ndarray]:
    """Find the connections on a path from an input to an output.

    In a layered network one sweep from the inputs and one from the output reach the fixed point
    of "remove what has no source or no sink": a connection is on a path exactly if its source
    can be reached from an input and an output from its target.

    Parameters
    ----------
    masks
        Connections of each layer, (..., in, out).

    Returns
    -------
    list of numpy.ndarray
        Subsets of `masks`, same shapes.
    """
    reached = [np.ones(masks[0].shape[:-1], bool)]
    for mask in masks:
        reached.append(_any(mask & reached[-1][..., None], -2))
    leads = np.ones((*masks[-1].shape[:-2], masks[-1].shape[-1]), bool)
    live: list[np.ndarray] = []
    for mask, source in zip(reversed(masks), reversed(reached[:-1]), strict=True):
        live.insert(0, mask & source[..., None] & leads[..., None, :])
        leads = _any(mask & leads[..., None, :], -1)
    return live


def used_inputs(masks: Masks) -> np.ndarray:
    """Which inputs have a path to an output, (..., in)."""
    return _any(live_masks(masks)[0], -1)


def live_weights(masks: Masks) -> np.ndarray:
    """How many connections are on a path from an input to an output, (...)."""
    return np.sum([mask.sum((-2, -1)) for mask in live_masks(masks)], axis=0)


def dead_units(masks: Masks) -> np.ndarray:
    """How many hidden units are on no path from an input to an output, (...)."""
    alive = [mask.any(-2).sum(-1) for mask in live_masks(masks)[:-1]]
    return sum(mask.shape[-1] for mask in masks[:-1]) - np.sum(alive, axis=0)


def expression_size(masks: Masks) -> int:
    """Size of one network written as an expression: operators + constants + variables.

    The network is a graph: what a unit computes is counted once, however often it is used.
    Each live weight costs 4 (a constant, a variable, a multiplication, an addition), each live
    unit 1 for its bias and each live hidden unit 1 for its activation. Standardising the inputs
    costs nothing, since it can be folded into the first layer.

    Parameters
    ----------
    masks
        Connections of each layer of one network, (in, out).
    """
    live = live_masks(masks)
    hidden = sum(int(mask.any(-2).sum()) for mask in live[:-1])
    return 4 * int(sum(mask.sum() for mask in live)) + 2 * hidden + live[-1].shape[-1]


@dataclass(frozen=True)
class Compact:
    """One network without its dead parts; scores a cell in microseconds.

    Attributes
    ----------
    inputs
        Positions of the inputs that are used.
    weights, biases
        Of the live units only, (in, out) and (out,).
    """

    inputs: np.ndarray
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]

    @classmethod
    def of(
        cls, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], masks: Masks
    ) -> "Compact":
        """Leave out dead units.

        Parameters
        ----------
        weights, biases, masks
            Of one network after `Networks.clear_dead`, each layer (in, out), (out,) and
            (in, out).
        """
        live = live_masks(masks)
        kept = [_any(mask, -1) for mask in live] + [np.ones(live[-1].shape[-1], bool)]
        cut = [
            (weight[np.ix_(before, after)].astype(np.float64), bias[after].astype(np.float64))
            for weight, bias, before, after in zip(
                weights, biases, kept[:-1], kept[1:], strict=True
            )
        ]
        small_weights, small_biases = zip(*cut, strict=True)
        return cls(np.flatnonzero(kept[0]), small_weights, small_biases)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Scores of standardised inputs (N, inputs) -> (N, outputs)."""
        h = x[:, self.inputs]
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = h @ weight + bias
            if layer < last:
                h = np.maximum(h, 0.0)
        return h


def _any(mask: np.ndarray, axis: int) -> np.ndarray:
    return np.asarray(mask.any(axis))
