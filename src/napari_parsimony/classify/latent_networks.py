"""Dense and sparse networks from standardised latents to scores."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import Rewiring, Schedule, fit
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.prune import clustered_error
from napari_parsimony.classify.rigl import Rewire, initial_masks, integer_counts
from napari_parsimony.classify.shrink import Shrink
from napari_parsimony.errors import UserError

EVALUATE_EVERY = 50

Told = Callable[[int, dict[str, float]], None]


def dense_weights(inputs: int, hidden: tuple[int, ...], outputs: int) -> int:
    """Weights of the dense network with this many inputs and outputs."""
    return sum(a * b for a, b in pairwise((inputs, *hidden, outputs)))


def train_dense(train: Cells, validation: Cells, config: ClassifyConfig, told: Told) -> Networks:
    """Train the dense networks, each stopped at its lowest validation loss.

    Parameters
    ----------
    train, validation
        Cells to learn from and to stop by.
    config
        Settings.
    told
        Called with the step and numbers worth plotting.
    """
    generators = generators_for(config, 2)
    networks = Networks((train.x.shape[1], *config.hidden, train.outputs), config.seeds)
    networks.initialise(generators)
    # dense networks are at their best early, so that they are looked at more often
    shorter = replace(
        schedule(config),
        weight_decay=config.dense_weight_decay,
        evaluate_every=EVALUATE_EVERY // 5,
    )
    fit(networks, train, validation, shorter, generators, told=told)
    return networks


def train_sparse(
    train: Cells,
    validation: Cells,
    latents: int,
    config: ClassifyConfig,
    told: Told,
    allowed: np.ndarray | None = None,
) -> Networks:
    """Train the sparse networks; see `ClassifyConfig.rewiring`.

    Parameters
    ----------
    train, validation
        Cells to learn from and to stop by.
    latents
        Inputs of the dense network against which `config.density` counts, which may be more
        than the networks read.
    config
        Settings.
    told
        Called with the step and numbers worth plotting.
    allowed
        (inputs,): those that may be connected; all by default.

    Raises
    ------
    UserError
        If the density leaves too few connections.
    """
    inputs = train.x.shape[1]
    allowed = np.ones(inputs, bool) if allowed is None else allowed
    try:
        counts = connections(config.density, latents, int(allowed.sum()), config, train.outputs)
    except ValueError as error:
        raise UserError(
            f"A density of {config.density:g} is too low for these networks: {error}; raise "
            "'density', or change 'hidden' or 'dense_output'."
        ) from error
    generators = generators_for(config, 3)
    everyone = np.tile(allowed, (config.seeds, 1))
    return train_masked(
        train, validation, [counts] * config.seeds, generators, config, told, everyone
    )


def connections(
    density: float, latents: int, inputs: int, config: ClassifyConfig, outputs: int
) -> list[int]:
    """Count the connections of each layer of a sparse network.

    Parameters
    ----------
    density
        Weights divided by those of the dense network.
    latents, config
        As for `train_sparse`.
    inputs
        Latents that it reads.
    outputs
        Scores that it gives.

    Raises
    ------
    ValueError
        If they are too few.
    """
    budget = int(density * dense_weights(latents, config.hidden, outputs))
    return integer_counts((inputs, *config.hidden, outputs), budget, config.dense_output)


def train_masked(
    train: Cells,
    validation: Cells,
    counts: Sequence[Sequence[int]],
    generators: Sequence[np.random.Generator],
    config: ClassifyConfig,
    told: Told,
    allowed: np.ndarray,
) -> Networks:
    """Train sparse networks, each with as many connections a layer as `counts` says.

    Parameters
    ----------
    train, validation, config, told
        As for `train_sparse`.
    counts
        (networks, layers).
    generators
        One for each network.
    allowed
        (networks, inputs): those that may be connected.
    """
    removes = config.rewiring in ("magnitude", "l1")
    masks = []
    for count, mine, generator in zip(counts, allowed, generators, strict=True):
        if removes:
            masks.append(_everything(mine, config, train.outputs))
            continue
        sizes = (int(mine.sum()), *config.hidden, train.outputs)
        first, *others = initial_masks(sizes, count, generator)
        spread = np.zeros((len(mine), config.hidden[0]), bool)
        spread[mine] = first
        masks.append([spread, *others])
    networks = Networks((allowed.shape[1], *config.hidden, train.outputs), len(counts))
    networks.set_masks([np.stack(layer) for layer in zip(*masks, strict=True)])
    networks.initialise(generators)
    until = int(config.rewire_until * config.steps)
    rewire: Rewiring
    if removes:
        rewire = Shrink(config.rewiring, config.rewire_every, until, counts)
    else:
        rewire = Rewire(
            config.rewiring,
            config.rewire_every,
            until,
            config.drop_fraction,
            generators,
            allowed,
        )
    fit(networks, train, validation, schedule(config), generators, rewire, told)
    return networks


def _everything(allowed: np.ndarray, config: ClassifyConfig, outputs: int) -> list[np.ndarray]:
    """Masks of a network with all connections from the inputs that it may read."""
    sizes = (len(allowed), *config.hidden, outputs)
    first, *others = (np.ones(size, bool) for size in pairwise(sizes))
    return [first & allowed[:, None], *others]


def choose(
    validation_losses: np.ndarray, train_losses: np.ndarray, used: np.ndarray, groups: np.ndarray
) -> int:
    """Return the network with the fewest inputs within one standard error of the best.

    The best is the one with the lowest validation loss. Whether another is as good is judged on
    training cells too: a network that fits those badly is not good, however lucky it was with
    the few validation cells that small studies have.

    Parameters
    ----------
    validation_losses, train_losses
        Loss of each cell under each network, (S, N) and (S, M).
    used
        Inputs that each network uses, (S,).
    groups
        Which of the N validation and then M training cells belong together, integers from 0.

    Returns
    -------
    int
        Of those with equally few inputs, the one with the lowest loss. The standard error is
        that of the difference to the best, cell by cell.
    """
    losses = np.concatenate([validation_losses, train_losses], 1)
    excess = losses - losses[validation_losses.mean(1).argmin()]
    good = excess.mean(1) <= clustered_error(excess, groups)
    return int(min(np.flatnonzero(good), key=lambda s: (used[s], excess[s].mean())))


def schedule(config: ClassifyConfig) -> Schedule:
    """How long and how fast the sparse networks train."""
    return Schedule(
        config.steps,
        config.learning_rate,
        config.weight_decay,
        config.batch,
        EVALUATE_EVERY,
        config.patience,
    )


def generators_for(config: ClassifyConfig, purpose: int) -> list[np.random.Generator]:
    """One source of randomness per network, so that each is the same in any company."""
    return [np.random.default_rng([config.seed, purpose, s]) for s in range(config.seeds)]
