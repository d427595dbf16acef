"""Cells that are unlike those the VAE was trained on: what is said of them is not to be trusted."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.progress import Report, silent
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import RANGE, Finding, Severity, keys_of
from napari_parsimony.trust.flags import FLAG, UNLIKE, error_rate
from napari_parsimony.trust.judged import BOX, LAW, LISTED, Judged
from napari_parsimony.trust.resample import Measured, in_numbers
from napari_parsimony.vae.familiarity import WITHIN, TrainingRange, measure_unlikeness
from napari_parsimony.vae.model import Vae

MANY = 0.05
"""Share of flagged cells that is worth a note; of familiar cells it is about 0.01 to 0.02."""

UNKNOWN = Finding(
    RANGE,
    "note",
    "Whether cells are unlike those that the VAE was trained on cannot be told: its weights were "
    "taken over from elsewhere, and are of a time when weights did not say what they were trained "
    "on. Train it on your own cells for some steps, or take weights that were trained since.",
)


def familiarity_table(
    vae: Vae,
    crops: NDArray,
    latents: pd.DataFrame,
    known: TrainingRange,
    report: Report = silent,
) -> pd.DataFrame:
    """Tell of every cell how unlike those that the VAE was trained on it is.

    Parameters
    ----------
    vae
        The model.
    crops
        (N, C, S, S), possibly memory mapped: read in pieces.
    latents
        (N,) keys of the cells, and ``z0``, ``z1``, ….
    known
        What the VAE was trained on.
    report
        Is told how many cells are done.

    Returns
    -------
    DataFrame
        (N,) keys; ``reconstruction error`` in nats, ``latent distance`` in standard deviations of
        the prior, see `vae.familiarity.measure_unlikeness`; ``unlikeness``, the larger of the two
        with its limit as the unit; and ``do not trust``, whether it is above 1.
    """
    mean = latents.drop(columns=KEY).to_numpy(np.float32)
    errors, distances = measure_unlikeness(vae, crops, mean, known, report)
    unlike = known.unlikeness(errors, distances)
    table = latents[KEY].copy()
    table["reconstruction error"], table["latent distance"] = errors, distances
    table[UNLIKE], table[FLAG] = unlike, unlike > 1
    return table


def check_familiarity(
    table: pd.DataFrame,
    known: TrainingRange,
    new: NDArray[np.bool_],
    judged: Judged,
    rows: NDArray[np.intp],
    config: TrustConfig,
) -> Finding:
    """Say how many cells are out of range, and how often the law is wrong there and elsewhere.

    Parameters
    ----------
    table
        (N,) from `familiarity_table`.
    known
        Whose limits were taken.
    new
        (N,) cells that are held out, with a class or without.
    judged, rows
        Those of them with a class, and where in the table they are.
    config
        Resamples, confidence and seed.
    """
    flagged, unlike = table[FLAG].to_numpy(), table[UNLIKE].to_numpy()
    share, number = float(flagged[new].mean()), int(flagged[new].sum())
    severity: Severity = "alarm" if share > 0.5 else "note" if share > MANY else "fine"
    sentence = (
        f"{number:,} of {new.sum():,} held-out cells ({100 * share:.1f} %) are unlike those that "
        "the VAE was trained on: do not trust what is said of them. Of cells that are like "
        "them about 1 to 2 % are flagged, too."
    )
    if not number:
        sentence = (
            f"None of {new.sum():,} held-out cells is unlike those that the VAE was trained on."
        )
    if severity == "alarm":
        sentence = (
            f"Most cells are unlike those that the VAE was trained on ({number:,} of "
            f"{new.sum():,}, {100 * share:.0f} %): do not trust what the models say of them."
        )
    numbers: dict[str, float | None] = {
        "share of held-out cells": share,
        "limit of the reconstruction error": known.error,
        "limit of the latent distance": known.distance,
        "validation cells of the limits": float(known.judges),
        "share of validation cells within each limit": WITHIN,
    }
    here = flagged[rows]
    numbers |= {"cells with a class, inside": float((~here).sum())}
    numbers |= {"cells with a class, outside": float(here.sum())}
    said = {}
    for scheme in (LAW, BOX):
        wrong = judged.wrong(scheme)
        for place, among in (("inside", ~here), ("outside", here)):
            rate = judged.mean(wrong, among, config)
            numbers |= in_numbers(error_rate(scheme, place), rate)
            said[scheme, place] = _rate(rate)
    if here.any() and not here.all():
        sentence += (
            f" The equation is wrong for {said[LAW, 'outside']} of those with a class, and for "
            f"{said[LAW, 'inside']} of the others; the black box for {said[BOX, 'outside']} and "
            f"{said[BOX, 'inside']}."
        )
    listed = np.flatnonzero(flagged)
    listed = listed[np.argsort(-unlike[listed], kind="stable")][:LISTED]
    return Finding(RANGE, severity, sentence, keys_of(table, listed), numbers)


def _rate(rate: Measured) -> str:
    text = f"{100 * rate.value:.0f} %"
    if np.isfinite(rate.low):
        text += f" ({100 * rate.low:.0f} to {100 * rate.high:.0f} %)"
    return text
