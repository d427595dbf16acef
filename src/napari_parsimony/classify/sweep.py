"""How good sparse networks are with fewer and with more connections.

Networks of all densities are one batched program, as the networks of one density are, with a
shorter training. What is measured are validation cells, by which training is also stopped: test
cells are for the evaluation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.latent_networks import Told, connections, train_masked
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.scores import decided
from napari_parsimony.classify.topology import live_weights, used_inputs
from napari_parsimony.errors import UserError

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the density that was asked for
STEPS = 600  # at most
NETWORKS = 3  # of each density, at most


@dataclass(frozen=True)
class Point:
    """Networks of one density, one number a network in every list.

    Attributes
    ----------
    density
        Weights divided by those of the dense network.
    connections
        Connections of each network, alive or not.
    live
        Those of them that are on a path from a latent to the score.
    latents
        How many latents they use.
    accuracy
        Balanced accuracy on validation cells.
    loss
        Logistic loss on validation cells, both classes weighing the same.
    """

    density: float
    connections: int
    live: list[int]
    latents: list[int]
    accuracy: list[float]
    loss: list[float]


def sweep_densities(
    train: Cells, validation: Cells, latents: int, config: ClassifyConfig, told: Told
) -> list[dict[str, Any]]:
    """Train a few networks of each of some densities around the one that was asked for.

    Parameters
    ----------
    train, validation
        Cells to learn from, and to stop and to measure by.
    latents
        Inputs of the dense network, against which densities count.
    config
        Settings.
    told
        Called with the step, of `config.steps`, and numbers worth plotting.

    Returns
    -------
    list of dict
        `Point` as JSON, the lowest density first; densities that are too low for networks of
        this shape, or above 0.5, are left out.
    """
    inputs, each = train.x.shape[1], min(config.seeds, NETWORKS)
    short = config.model_copy(update={"steps": min(config.steps, STEPS)})
    counts: dict[float, list[int]] = {}
    for density in (config.density * factor for factor in FACTORS):
        try:
            found = connections(density, latents, inputs, config, train.outputs)
        except ValueError:
            continue  # not even one connection a layer: there is no such network
        if density <= 0.5:
            counts[density] = found
    wanted = [count for count in counts.values() for _ in range(each)]
    # the same starts for each density, so that densities are what differs
    generators = [np.random.default_rng([config.seed, 5, i % each]) for i in range(len(wanted))]

    def told_short(step: int, values: dict[str, float]) -> None:
        told(step * config.steps // short.steps, values)

    everywhere = np.ones((len(wanted), inputs), bool)
    networks = train_masked(train, validation, wanted, generators, short, told_short, everywhere)
    losses = networks.losses(validation).mean(1).numpy()
    accuracy = balanced_accuracy(networks, validation)
    live, used = live_weights(networks.masks), used_inputs(networks.masks).sum(1)
    points = []
    for i, (density, count) in enumerate(counts.items()):
        mine = slice(i * each, (i + 1) * each)
        points.append(
            Point(
                density=density,
                connections=sum(count),
                live=live[mine].tolist(),
                latents=used[mine].tolist(),
                accuracy=accuracy[mine].tolist(),
                loss=losses[mine].astype(float).tolist(),
            )
        )
    return [asdict(point) for point in points]


def balanced_accuracy(networks: Networks, cells: Cells) -> np.ndarray:
    """Mean over the classes of the share that is found, (S,)."""
    with torch.no_grad():
        said = decided(networks.score(cells.x).numpy())
    y = cells.y.numpy()
    found = [(said[:, y == value] == value).mean(1) for value in np.unique(y)]
    return np.asarray(np.mean(found, axis=0))


def read_sweep(facts: Mapping[str, Any]) -> list[Point]:
    """Read what `sweep_densities` left among the facts of a classifier; empty if there is none.

    Raises
    ------
    UserError
        If it is something else.
    """
    try:
        points = [Point(**point) for point in facts.get("sweep", ())]
        for point in points:
            numbers: Sequence[float] = [
                point.density, point.connections, *point.live, *point.latents,
                *point.accuracy, *point.loss,
            ]  # fmt: skip
            lists = {len(x) for x in (point.live, point.latents, point.accuracy, point.loss)}
            if len(lists) != 1 or 0 in lists or not np.isfinite(numbers).all():
                raise ValueError("not one number for each network")
    except (TypeError, ValueError) as error:
        raise UserError(
            f"The sweep over densities cannot be read ({error}): run the step 'classify' again."
        ) from error
    return points
