"""Dense and sparse networks from standardised latents to scores."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch

from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.classify.fit import Schedule, fit
from napari_parsimony.classify.mlp import Cells, Networks
from napari_parsimony.classify.prune import clustered_error, eliminate_inputs
from napari_parsimony.classify.rigl import Rewire, initial_masks, integer_counts
from napari_parsimony.classify.topology import used_inputs
from napari_parsimony.errors import UserError

FINE_TUNE_STEPS = 100
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
    generators = _generators(config, 2)
    networks = Networks((train.x.shape[1], *config.hidden, train.outputs), config.seeds)
    networks.initialise(generators)
    # dense networks are at their best early, so that they are looked at more often
    schedule = replace(
        _schedule(config),
        weight_decay=config.dense_weight_decay,
        evaluate_every=EVALUATE_EVERY // 5,
    )
    fit(networks, train, validation, schedule, generators, told=told)
    return networks


def train_sparse(
    train: Cells,
    validation: Cells,
    latents: int,
    config: ClassifyConfig,
    told: Told,
    allowed: np.ndarray | None = None,
) -> Networks:
    """Train the sparse networks by RigL or SET.

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
    generators = _generators(config, 3)
    return train_masked(
        train, validation, [counts] * config.seeds, generators, config, told, allowed
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
        (inputs,): those that may be connected.
    """
    sizes = (int(allowed.sum()), *config.hidden, train.outputs)
    masks = [
        initial_masks(sizes, count, generator)
        for count, generator in zip(counts, generators, strict=True)
    ]
    first, *others = (np.stack(layer) for layer in zip(*masks, strict=True))
    spread = np.zeros((len(counts), len(allowed), config.hidden[0]), bool)
    spread[:, allowed] = first
    networks = Networks((len(allowed), *config.hidden, train.outputs), len(counts))
    networks.set_masks([spread, *others])
    networks.initialise(generators)
    rewire = Rewire(
        config.rewiring,
        config.rewire_every,
        int(config.rewire_until * config.steps),
        config.drop_fraction,
        generators,
        allowed,
    )
    fit(networks, train, validation, _schedule(config), generators, rewire, told)
    return networks


def select_inputs(
    networks: Networks,
    train: Cells,
    validation: Cells,
    groups: np.ndarray,
    latents: int,
    config: ClassifyConfig,
    told: Told,
) -> None:
    """Find the few inputs that sparse networks need, in place.

    Every network loses the inputs it does not need (`eliminate_inputs`). That cannot bring back
    an input that rewiring lost, so the inputs that enough of the networks kept are trained on
    once more with all connections to spend on them, and eliminated from again. A network is
    replaced by its second version unless that is worse by more than `config.tolerance` standard
    errors.

    Parameters
    ----------
    networks
        From `train_sparse`.
    train, validation, groups
        Cells to learn from and to judge by, and which of the latter belong together, integers
        from 0.
    latents, config
        As for `train_sparse`.
    told
        Called with the step, of `config.steps`.
    """
    generators = _generators(config, 4)
    schedule = replace(
        _schedule(config),
        steps=min(FINE_TUNE_STEPS, config.steps),
        evaluate_every=EVALUATE_EVERY // 2,
    )

    def fine_tune(trial: Networks) -> None:
        fit(trial, train, validation, schedule, generators)

    def part(start: float, end: float) -> Told:
        def told_part(done: int, values: dict[str, float]) -> None:
            told(int(start * config.steps + (end - start) * done), values)

        return told_part

    def eliminate(sparse: Networks, told: Told) -> None:
        eliminate_inputs(
            sparse, validation, groups, config.tolerance, fine_tune, told, config.steps
        )

    eliminate(networks, part(0, 0.3))
    votes = used_inputs(networks.masks).mean(0)
    allowed = votes >= min(config.votes, votes.max())
    again = train_sparse(train, validation, latents, config, part(0.3, 0.9), allowed)
    eliminate(again, part(0.9, 1))
    excess = again.losses(validation).numpy() - networks.losses(validation).numpy()
    good = excess.mean(1) <= config.tolerance * clustered_error(excess, groups)
    networks.take(again, torch.from_numpy(good))


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


def _schedule(config: ClassifyConfig) -> Schedule:
    return Schedule(
        config.steps,
        config.learning_rate,
        config.weight_decay,
        config.batch,
        EVALUATE_EVERY,
        config.patience,
    )


def _generators(config: ClassifyConfig, purpose: int) -> list[np.random.Generator]:
    """One source of randomness per network, so that each is the same in any company."""
    return [np.random.default_rng([config.seed, purpose, s]) for s in range(config.seeds)]
