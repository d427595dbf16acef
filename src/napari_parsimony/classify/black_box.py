"""The benchmark to be measured against: the lab's convolutional network on the crops.

Layers as in lowe-lab-ucl/cnn-annotator: 3 × 3 convolutions with 8, 16, 32, 64 and 128 filters,
batch normalisation and swish, pooling between them, a dense layer of 256, dropout 0.2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from napari_parsimony.classify.mlp import class_loss
from napari_parsimony.errors import UserError

FILTERS = (8, 16, 32, 64, 128)
SMALLEST = 2 ** (len(FILTERS) - 1)  # pixels that are left after every pooling: 1
SCORED_AT_ONCE = 256


@dataclass(frozen=True)
class Labelled:
    """Cells with a class.

    Attributes
    ----------
    rows
        Their rows among the crops.
    y, weight
        Number of the class from 0, and the weight under which all classes count the same, float32.
    outputs
        What a network answers: one score for two classes, else one for each class.
    """

    rows: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    outputs: int = 1


class BlackBox(nn.Module):
    """Crops (B, C, S, S) to scores (B, outputs).

    Parameters
    ----------
    channels
        Channels of a crop.
    size
        Side of a crop in pixels.
    outputs
        Scores of a crop.
    """

    def __init__(self, channels: int, size: int, outputs: int = 1) -> None:
        super().__init__()
        if size < SMALLEST:
            raise UserError(
                f"The black box needs crops of at least {SMALLEST} pixels and these have {size}; "
                "make the crops with a larger 'size'."
            )
        layers: list[nn.Module] = []
        before = channels
        for i, filters in enumerate(FILTERS):
            layers += [nn.MaxPool2d(2)] if i else []
            layers += [nn.Conv2d(before, filters, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(filters), nn.SiLU()]
            before = filters
        self.layers = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(before * (size // SMALLEST) ** 2, 256),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(256, outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores of crops."""
        scores: torch.Tensor = self.layers(x)
        return scores


def augment(x: torch.Tensor, turns: bool, generator: np.random.Generator) -> torch.Tensor:
    """Turn and flip each crop at random.

    Parameters
    ----------
    x
        (B, C, S, S).
    turns
        Whether to turn by 0, 90, 180 or 270 degrees and flip; otherwise both axes are flipped,
        which keeps a principal axis where it is.
    generator
        Source of randomness.
    """
    flips = torch.from_numpy(generator.random((2, len(x), 1, 1, 1)) < 0.5).to(x.device)
    x = torch.where(flips[0], x.flip(3), x)
    if not turns:
        return torch.where(flips[1], x.flip(2), x)
    quarter = generator.integers(0, 4, len(x))
    for k in range(1, 4):
        which = torch.from_numpy(quarter == k).to(x.device)[:, None, None, None]
        x = torch.where(which, x.rot90(k, (2, 3)), x)
    return x


def gather(crops: np.ndarray, rows: np.ndarray, device: torch.device) -> torch.Tensor:
    """Read some crops, and only those, as float32."""
    return torch.from_numpy(np.asarray(crops[rows])).to(device).float()


def best_device() -> torch.device:
    """Return the accelerator where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@torch.no_grad()
def black_box_scores(
    networks: Sequence[BlackBox],
    crops: np.ndarray,
    rows: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Scores of each network, (networks, N, outputs).

    Parameters
    ----------
    networks
        Trained networks.
    crops
        (N, C, S, S), possibly memory mapped: read in pieces.
    rows
        Which crops; all by default.
    progress
        Called with the number of crops that are done.
    """
    device = best_device()
    rows = np.arange(len(crops)) if rows is None else rows
    last = networks[0].layers[-1]
    assert isinstance(last, nn.Linear)
    scores = np.empty((len(networks), len(rows), last.out_features), np.float32)
    for network in networks:
        network.eval().to(device)
    for start in range(0, len(rows), SCORED_AT_ONCE):
        part = slice(start, start + SCORED_AT_ONCE)
        x = gather(crops, rows[part], device)
        for i, network in enumerate(networks):
            scores[i, part] = network(x).cpu().numpy()
        if progress is not None:
            progress(min(start + SCORED_AT_ONCE, len(rows)))
    for network in networks:
        network.cpu()
    return scores


def train_black_box(
    crops: np.ndarray,
    train: Labelled,
    validation: Labelled,
    turns: bool,
    epochs: int,
    patience: int,
    batch: int,
    seed: Sequence[int],
    told: Callable[[int, dict[str, float]], None],
) -> tuple[BlackBox, float]:
    """Train one network, stopping on held-out groups.

    Parameters
    ----------
    crops
        (N, C, S, S) float16, possibly memory mapped.
    train, validation
        Cells to learn from and to stop by.
    turns
        See `augment`.
    epochs, patience, batch
        Most passes over the training cells, passes without improvement before stopping, and
        crops per step.
    seed
        Seed of this network.
    told
        Called after each pass with its number and losses.

    Returns
    -------
    network
        As it was at its lowest validation loss, on the CPU, in evaluation mode.
    loss
        That loss: its mean over validation cells.
    """
    device = best_device()
    generator = np.random.default_rng(seed)
    n = len(train.rows)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(generator.integers(2**31)))
        network = BlackBox(crops.shape[1], crops.shape[2], train.outputs).to(device)
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
        best, best_loss, since = {}, np.inf, 0
        for epoch in range(1, epochs + 1):
            network.train()
            total = torch.zeros((), device=device)
            parts = min(-(-n // batch), max(1, n // 2))  # no batch of one: it has no variance
            for part in np.array_split(generator.permutation(n), parts):
                part = np.sort(part)  # neighbouring rows are neighbouring on disk
                x = augment(gather(crops, train.rows[part], device), turns, generator)
                y, weight = (
                    torch.from_numpy(values[part]).to(device) for values in (train.y, train.weight)
                )
                loss = class_loss(network(x), y, weight).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                total += loss.detach() * len(part)
            schedule.step()
            score = black_box_scores([network], crops, validation.rows)[0]
            network.to(device)
            held_out = float(
                class_loss(*map(torch.from_numpy, (score, validation.y, validation.weight))).mean()
            )
            since += 1
            if held_out < best_loss:
                best_loss, since = held_out, 0
                best = {name: value.clone() for name, value in network.state_dict().items()}
            told(epoch, {"loss": float(total) / n, "validation loss": held_out})
            if since >= patience:
                break
    if not best:
        raise UserError(
            "Training the black box gave no finite loss; check that the crops have no NaN."
        )
    network.load_state_dict(best)
    return network.cpu().eval(), float(best_loss)
