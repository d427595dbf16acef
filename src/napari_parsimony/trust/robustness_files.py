"""What the step robustness leaves for the report and for people."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.errors import UserError

TABLES = (
    "summary", "rates", "flips", "attacked", "gradients", "edits", "edited", "moves", "responses",
    "counterfactuals",
)  # fmt: skip
PICTURES = ("crops", "adversarial", "decoded")


@dataclass(frozen=True)
class RobustnessFiles:
    """Tables (Parquet) and pictures (``.npy``) of the step.

    Attributes
    ----------
    summary, rates, gradients
        See `robustness_tables.summary_table`, `robustness_tables.rate_table` and
        `gradient_check.gradient_check`.
    flips, attacked
        See `robustness_tables.flip_table` and `robustness_tables.cell_table`, with key and group of
        each cell, and ``shown``: place among the pictures, −1 for cells without.
    edits, moves
        See `perturbation.Perturbed`.
    edited
        ``edit``, ``dose``, ``scheme`` and ``flipped`` (1 or 0, NaN where not decided), with key
        and group of each cell, and ``shown``.
    responses
        See `edit_response.responses`.
    counterfactuals
        See `counterfactual.Counterfactuals`, with ``scheme`` (dense, sparse or symbolic), key and
        group of each cell, and ``shown``.
    crops
        (K, C, S, S) the shown cells.
    adversarial
        (K, schemes, 2, C, S, S) each with the smallest change that flips it, under L2 and L∞; the
        schemes in the order of `summary`.
    decoded
        (K, 2, C, S, S) their latents decoded, and where the smallest change of the latents flips
        the law.
    """

    summary: pd.DataFrame
    rates: pd.DataFrame
    flips: pd.DataFrame
    attacked: pd.DataFrame
    gradients: pd.DataFrame
    edits: pd.DataFrame
    edited: pd.DataFrame
    moves: pd.DataFrame
    responses: pd.DataFrame
    counterfactuals: pd.DataFrame
    crops: NDArray[np.float32]
    adversarial: NDArray[np.float32]
    decoded: NDArray[np.float32]

    def save(self, folder: Path) -> None:
        """Write all files into a folder."""
        for name in TABLES:
            getattr(self, name).to_parquet(folder / f"{name}.parquet", index=False)
        for name in PICTURES:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "RobustnessFiles":
        """Read what `save` wrote.

        Raises
        ------
        UserError
            If a file is missing or damaged.
        """
        read: dict[str, Any] = {}
        for field in fields(cls):
            kind = "parquet" if field.name in TABLES else "npy"
            path = folder / f"{field.name}.{kind}"
            try:
                read[field.name] = (
                    pd.read_parquet(path)
                    if kind == "parquet"
                    else np.load(path, allow_pickle=False)
                )
            except (OSError, ValueError) as error:
                raise UserError(
                    f"The file {path} is missing or damaged ({error}); run the step 'robustness' "
                    "again."
                ) from error
        return cls(**read)
