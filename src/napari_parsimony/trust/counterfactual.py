"""The smallest change of the latents that makes a law decide otherwise, cell by cell.

A counterfactual (Wachter et al. 2018): what would have to be different about this cell? Distances
are Euclidean, in standard deviations of each latent over the cells, and no latent leaves the
range that cells have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.trust.attacks import decisions, smallest
from napari_parsimony.vae.latents import decode_latents

if TYPE_CHECKING:
    from napari_parsimony.vae.model import Vae

Floats = NDArray[np.float32]

BATCH = 512
MOST_NEIGHBOURS = 20_000  # among which the nearest is looked for: every so many of more
STEPS, ROUNDS, RESTARTS = 40, 14, 3
"""Latents are few and heads are small, so that precision costs little."""


@dataclass(frozen=True)
class Counterfactuals:
    """The smallest change that flips each of N cells.

    Attributes
    ----------
    table
        ``cell`` (its place among those asked for), ``own`` and ``other`` (numbers of the class
        before and after; −1 not decided or not flipped), ``distance`` (standard deviations;
        infinite where nothing within the range of the cells flips it, NaN where nothing is
        decided), and a column for each used latent: by how many standard deviations it moves.
    start, flipped
        (N, latents) before and after; the same where a cell is not flipped.
    """

    table: pd.DataFrame
    start: Floats
    flipped: Floats

    def summary(self) -> dict[str, float]:
        """Return ``n`` (decided), ``none`` (share not flipped) and percentiles of the distance."""
        distance = self.table["distance"].dropna().to_numpy()
        if len(distance) == 0:
            return {"n": 0.0, "none": np.nan, "p5": np.nan, "median": np.nan, "p95": np.nan}
        # values that are there, for between infinite ones there is nothing
        low, middle, high = np.quantile(distance, [0.05, 0.5, 0.95], method="nearest")
        return {
            "n": float(len(distance)),
            "none": float(np.isinf(distance).mean()),
            "p5": float(low),
            "median": float(middle),
            "p95": float(high),
        }

    def movers(self) -> pd.DataFrame:
        """Say which latents move: ``latent``, ``share`` of all squared moves, ``median`` size."""
        moves = self.table.drop(columns=["cell", "own", "other", "distance"]).dropna()
        squared = (moves**2).sum()
        found = pd.DataFrame(
            {
                "latent": moves.columns,
                "share": (squared / max(squared.sum(), 1e-12)).to_numpy(),
                "median": moves.abs().median().to_numpy(),
            }
        )
        return found.sort_values("share", ascending=False, kind="stable", ignore_index=True)

    def decoded(self, vae: "Vae") -> tuple[Floats, Floats]:
        """Draw the cells before and after as the decoder sees them, (N, C, S, S) each."""
        return decode_latents(vae, self.start), decode_latents(vae, self.flipped)


def counterfactuals(
    head: nn.Module,
    latents: pd.DataFrame,
    rows: NDArray[np.intp],
    used: Sequence[str],
    seed: int = 0,
    report: Report = silent,
) -> Counterfactuals:
    """Search the smallest change of the used latents that flips each cell.

    Along the gradient by projected steps and bisection over the distance (`attacks.smallest`),
    from where the cell is, from random places, and towards the nearest cell of another class.

    Parameters
    ----------
    head
        Raw latents (B, latents) to scores, see `image_scores.latent_schemes`.
    latents
        (M, latents) of all cells, the columns in the order that `head` reads: their ranges and
        standard deviations are taken from them.
    rows
        (N,) cells to flip.
    used
        Latents that may change.
    seed
        Of the random places.
    report
        Told after each batch. What it raises ends the search.

    Raises
    ------
    UserError
        If there are no cells, or a used latent is missing or the same for all cells.
    """
    names = [str(name) for name in latents.columns]
    missing = [name for name in used if name not in names]
    if missing or not used or len(rows) == 0:
        raise UserError(
            f"There is no latent {missing[0]} to change."
            if missing
            else "Counterfactuals need at least one latent that is used, and one cell."
        )
    values = latents.to_numpy(np.float32)
    free = np.isin(names, list(used))
    spread = values.std(0, dtype=np.float64).astype(np.float32)
    if (still := free & ~(spread > 0)).any():
        raise UserError(
            f"The latent {names[int(still.argmax())]} is the same for all cells: no change of it "
            "can be measured in standard deviations."
        )
    spread = np.where(free, spread, np.float32(1))
    sd = torch.from_numpy(spread)

    def score(scaled: Tensor) -> Tensor:
        scores: Tensor = head(scaled * sd)
        return scores

    scaled = torch.from_numpy(values / spread)
    with torch.no_grad():
        classes = decisions(score(scaled))
    low, high = scaled.amin(0), scaled.amax(0)
    some = slice(None, None, -(-len(scaled) // MOST_NEIGHBOURS))
    most = float((high - low)[torch.from_numpy(free)].norm())
    moves, distances = [], []
    for start in range(0, len(rows), BATCH):
        here = torch.from_numpy(rows[start : start + BATCH])
        x, own = scaled[here], classes[here]
        # what may not change has no room to
        room = torch.from_numpy(free)
        ends = torch.where(room, low, x), torch.where(room, high, x)
        towards = _nearest_other(x, own, scaled[some], classes[some], room)
        move, distance = smallest(
            score, x, own, most, "l2", *ends,
            steps=STEPS, rounds=ROUNDS, restarts=RESTARTS, seed=seed, starts=[towards],
        )  # fmt: skip
        moves.append(move)
        distances.append(distance.masked_fill(own < 0, torch.nan))
        done = start + len(here)
        report(Progress(done, len(rows), f"Smallest change of cell {done:,} of {len(rows):,}"))
    move, distance, own = torch.cat(moves), torch.cat(distances), classes[rows]
    with torch.no_grad():
        after = decisions(score(scaled[rows] + move))
    hit = distance.isfinite()
    table = pd.DataFrame(
        {
            "cell": np.arange(len(rows)),
            "own": own.numpy(),
            "other": after.masked_fill(~hit, -1).numpy(),
            "distance": distance.numpy().astype(np.float64),
        }
    )
    for name in used:
        column = move[:, names.index(name)].masked_fill(~hit, torch.nan)
        table[name] = column.numpy().astype(np.float64)
    moved = (values[rows] / spread + move.numpy()) * spread
    return Counterfactuals(table, values[rows], np.asarray(moved, np.float32))


def _nearest_other(x: Tensor, own: Tensor, cells: Tensor, classes: Tensor, room: Tensor) -> Tensor:
    """Return the way (B, latents) to the nearest cell of another class; 0 where there is none."""
    distance = torch.cdist(x[:, room], cells[:, room])
    distance = distance.masked_fill((classes == own[:, None]) | (classes < 0), torch.inf)
    least, nearest = distance.min(1)
    way = torch.where(room, cells[nearest] - x, 0.0)
    return torch.where(least.isfinite()[:, None], way, 0.0)
