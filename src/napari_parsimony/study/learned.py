"""What the latents of a study mean, and what they are worth."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_parsimony.study.study import Study
from napari_parsimony.trust.morphology import best_names, correlate, measure_crops
from napari_parsimony.vae.config import VaeConfig

if TYPE_CHECKING:
    from napari_parsimony.vae.measure import Measured
    from napari_parsimony.vae.verdict import Verdict

MOST = 2000  # cells that are measured: about two seconds


def suggest_names(study: Study, most: int = MOST, seed: int = 0) -> pd.DataFrame:
    """Suggest names for the active latents, by what is measured of cells in their crops.

    Nothing is learned from test cells: they are left out.

    Parameters
    ----------
    study
        A study with latents.
    most
        Cells to measure, drawn at random from the training and validation cells.
    seed
        Of that draw.

    Returns
    -------
    DataFrame
        ``latent``, ``name``, ``r`` (Spearman's rank correlation with what gave the name, with its
        sign), ``n`` (cells), the most informative latent first; without those latents that follow
        nothing that is measured. See `trust.morphology`.

    Raises
    ------
    UserError
        If there are no latents yet.
    """
    statistics = study.latent_statistics()
    active = statistics[statistics["active"]].sort_values("rank")["name"].tolist()
    rows = np.flatnonzero(study.cells()["split"].to_numpy() != "test")
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    measured = measure_crops(study.crops()[rows])
    return best_names(correlate(study.latents()[active].iloc[rows], measured))


def judge_vae(study: Study) -> "tuple[Verdict, Measured, pd.DataFrame]":
    """Say what the latents of a study are worth; takes some seconds, and imports torch.

    Returns
    -------
    verdict
        In words, see `vae.verdict`.
    measured
        The numbers behind it, and some cells with their reconstructions.
    names
        See `suggest_names`.

    Raises
    ------
    UserError
        If there are no latents yet.
    """
    from napari_parsimony.vae.measure import measure
    from napari_parsimony.vae.verdict import judge

    statistics, names = study.latent_statistics(), suggest_names(study)
    split, active = study.cells()["split"].to_numpy(), statistics["active"].to_numpy()
    measured = measure(study.vae(), study.crops(), split, active)
    record = study.step("vae")
    assert record is not None, "its statistics were just read"
    config = record.settings(VaeConfig, study.path)
    return judge(statistics, measured, study.history(), config, names), measured, names
