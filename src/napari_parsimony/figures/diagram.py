"""Where the units of a network are drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def in_order(live: Sequence[NDArray], places: Sequence[NDArray[np.intp]]) -> list[NDArray[np.intp]]:
    """Sort the units of each layer by the mean height of their neighbours: fewer crossings.

    Parameters
    ----------
    live
        (in, out) of each layer.
    places
        Units of each layer that are drawn, inputs first.

    Returns
    -------
    list of ndarray
        The same, from top to bottom.
    """
    orders = [place.astype(float) for place in places]
    rank = [np.linspace(0, 1, max(len(place), 2))[: len(place)] for place in places]
    for sweep in range(8):
        forward = sweep % 2 == 0
        layers = range(1, len(places)) if forward else range(len(places) - 2, -1, -1)
        for layer in layers:
            near = layer - 1 if forward else layer + 1
            weight = live[near] if forward else live[layer].T
            links = np.abs(weight[np.ix_(places[near], places[layer])])
            centre = (links * rank[near][:, None]).sum(0) / np.maximum(links.sum(0), 1e-12)
            turn = np.argsort(centre, kind="stable")
            rank[layer] = np.empty(len(turn))
            rank[layer][turn] = np.linspace(0, 1, max(len(turn), 2))[: len(turn)]
            orders[layer] = places[layer][turn]
    return [order.astype(int) for order in orders]
