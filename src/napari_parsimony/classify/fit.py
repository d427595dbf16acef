"""Train many small networks side by side.

Each has its own random start, its own order of cells and its own early stopping, and comes out
as it would alone.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from napari_parsimony.classify.mlp import Cells, Networks

REWIRING_BATCH = 2048  # one small batch says little about a weight that is not there


class Adam:
    """Adam with decoupled weight decay, in which any parameter can start anew.

    The corrections for the zero start are kept per parameter (they are the running means of a
    constant 1), so that a weight grown late is treated like one at the first step.

    Parameters
    ----------
    networks
        Whose parameters it changes.
    weight_decay
        Of weights, not of biases.
    state
        (4, parameters): running mean and mean square of the gradient, and their corrections.
    """

    def __init__(
        self, networks: Networks, weight_decay: float, state: torch.Tensor | None = None
    ) -> None:
        self.networks, self.weight_decay = networks, weight_decay
        self.state = torch.zeros(4, len(networks.parameters)) if state is None else state

    @torch.no_grad()
    def step(self, gradient: torch.Tensor, rate: float) -> None:
        """Change the parameters; masked weights stay 0 and gather no state."""
        networks, (mean, square, one, two) = self.networks, self.state
        if networks.mask is not None:
            gradient[: networks.n_weights] *= networks.mask
        mean.lerp_(gradient, 0.1)
        square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        one.mul_(0.9).add_(0.1)
        two.mul_(0.999).add_(0.001)
        networks.parameters[: networks.n_weights] *= 1 - rate * self.weight_decay
        scale = square.div(two).sqrt_().add_(1e-8).mul_(one)
        networks.parameters.addcdiv_(mean, scale, value=-rate)

    def restart(self, weights: torch.Tensor) -> None:
        """Forget the state of the weights where this flat mask is 0."""
        self.state[:, : self.networks.n_weights] *= weights

    def part(self, networks: Networks, where: torch.Tensor) -> "Adam":
        """Return the optimiser of a part of the networks (see `Networks.live_part`)."""
        return Adam(networks, self.weight_decay, self.state[:, where])


class Rewiring(Protocol):
    """Something that moves or removes connections instead of an optimiser step.

    Attributes
    ----------
    always_sparse
        Whether there are as few connections as asked from the start, and not only after the last
        rewiring.
    """

    always_sparse: bool

    def due(self, step: int) -> bool:
        """Whether this step (from 1) rewires."""

    def last(self, steps: int) -> int:
        """Return the last step up to `steps` that rewires, or 0."""

    def update(self, networks: Networks, adam: Adam, gradient: torch.Tensor, step: int) -> None:
        """Move connections, given the gradient of every weight."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    rate: float
    weight_decay: float
    batch: int
    evaluate_every: int = 50
    patience: int = 10**9


@dataclass
class Batches:
    """Each network's own endless shuffled order of the cells."""

    n: int
    size: int
    generators: Sequence[np.random.Generator]
    _order: np.ndarray = field(init=False)
    _at: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = min(self.size, self.n)
        self._at = self.n

    def next(self, size: int | None = None) -> torch.Tensor:
        """Row numbers (S, size)."""
        size = min(size or self.size, self.n)
        if self._at + size > self.n:
            self._order = np.stack([g.permutation(self.n) for g in self.generators])
            self._at = 0
        self._at += size
        return torch.from_numpy(self._order[:, self._at - size : self._at])


def fit(
    networks: Networks,
    train: Cells,
    validation: Cells,
    schedule: Schedule,
    generators: Sequence[np.random.Generator],
    rewiring: Rewiring | None = None,
    told: Callable[[int, dict[str, float]], None] | None = None,
) -> torch.Tensor:
    """Train, and leave each network as it was when its validation loss was lowest.

    Parameters
    ----------
    networks
        Trained in place, connections included.
    train, validation
        Cells to learn from and to stop by.
    schedule
        Steps, learning rate (falls to 0 along a cosine) and early stopping: training ends when
        no network has improved for `patience` evaluations, never before the last rewiring. Where
        that is what makes networks sparse, what was before it does not count.
    generators
        One per network.
    rewiring
        Moves connections at some steps, which see a larger batch.
    told
        Called at every evaluation with the step and losses worth plotting.

    Returns
    -------
    torch.Tensor
        Best validation loss of each network, (S,).
    """
    adam = Adam(networks, schedule.weight_decay)
    networks.clear_dead()
    batches = Batches(len(train), schedule.batch, generators)
    best, best_loss = networks.clone(), networks.losses(validation).mean(1)
    since = 0
    part, where = networks.live_part()
    worker = adam.part(part, where)
    last_rewiring = 0 if rewiring is None else rewiring.last(schedule.steps)
    counts_from = 0 if rewiring is None or rewiring.always_sparse else last_rewiring
    if counts_from:
        best_loss = torch.full_like(best_loss, torch.inf)

    def put_back() -> None:
        networks.parameters[where] = part.parameters
        adam.state[:, where] = worker.state

    for step in range(1, schedule.steps + 1):
        if rewiring is not None and rewiring.due(step):
            rows = batches.next(REWIRING_BATCH)
            put_back()
            gradient = networks.gradient(train.x[rows], train.y[rows], train.weight[rows])
            rewiring.update(networks, adam, gradient, step)
            adam.state *= networks.clear_dead()
            part, where = networks.live_part()
            worker = adam.part(part, where)
        else:
            rows = batches.next()
            gradient = part.gradient(train.x[rows], train.y[rows], train.weight[rows])
            rate = schedule.rate * 0.5 * (1 + math.cos(math.pi * (step - 1) / schedule.steps))
            worker.step(gradient, rate)
        if step % schedule.evaluate_every == 0 or step == schedule.steps:
            loss = part.losses(validation).mean(1)
            better = (loss < best_loss) & (step >= counts_from)
            put_back()
            best.take(networks, better)
            best_loss = torch.where(better, loss, best_loss)
            since = 0 if better.any() or step <= last_rewiring else since + 1
            if told is not None:
                told(
                    step,
                    {
                        "validation loss": float(loss.mean()),
                        "best validation loss": float(best_loss.min()),
                    },
                )
            if since >= schedule.patience:
                break
    networks.take(best, torch.ones(networks.seeds, dtype=torch.bool))
    return best_loss


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep small tensor operations on one thread.

    Handing them to several costs more than it saves, and many times more on a busy machine.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
