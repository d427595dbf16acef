"""Latents that tell a cell's direction: two that move on a circle as the crop is turned."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]

ANGLES = 12
CELLS = 48
ON_A_CIRCLE = 0.7
"""Share of the two latents' movement that is one circle; 0.5 where phases are unrelated."""

MOVED = 0.3
"""How much turning moves both, as a share of their variance over cells."""


def angular_pairs(
    crops: NDArray, encode: Callable[[NDArray], Floats], names: list[str], spread: Floats
) -> pd.DataFrame:
    """Find pairs of latents that move on a circle as crops are turned.

    Each crop is turned in `ANGLES` even steps and encoded. The two latents, in standard deviations,
    are taken as one complex number: a circle is a single component of its Fourier series along
    the angle, once around, or twice for cells whose ends look alike, in the same sense for all
    cells (rotary spectra, Gonella 1972, Deep-Sea Research 19:833).

    Parameters
    ----------
    crops
        (n, C, S, S) as imaged, about `CELLS`.
    encode
        From (m, C, S, S) float32 to latents (m, L).
    names
        Of the L latents.
    spread
        (L,) their standard deviations over cells.

    Returns
    -------
    DataFrame
        ``first``, ``second``, ``turns`` (1 or 2, around the circle as the crop turns once),
        ``circle`` (share of the movement that is on the circle) and ``moved`` (variance by turning
        as a share of that over cells), the best pair first; no latent is in two.
    """
    turned = np.stack(
        [
            ndimage.rotate(
                np.asarray(crops, np.float32), 360 * step / ANGLES, (2, 3),
                reshape=False, order=1, mode="mirror",
            )
            for step in range(ANGLES)
        ]
    )  # fmt: skip
    latents = encode(turned.reshape(-1, *crops.shape[1:])).reshape(ANGLES, len(crops), -1)
    scaled = latents / np.where(spread > 0, spread, np.inf)
    waves = np.fft.fft(scaled, axis=0) / ANGLES
    moved = (np.abs(waves[1:]) ** 2).sum(axis=0).mean(axis=0)
    rows = []
    for i in range(len(names)):
        for j in range(i):
            if min(moved[i], moved[j]) < MOVED:
                continue
            # the series of z_j + i z_i
            power = (np.abs(waves[..., j] + 1j * waves[..., i]) ** 2).mean(axis=1)
            share = {(turns, way): power[turns * way] for turns in (1, 2) for way in (1, -1)}
            (turns, _), most = max(share.items(), key=lambda item: item[1])
            circle = float(most / (moved[i] + moved[j]))
            if circle >= ON_A_CIRCLE:
                rows.append((names[j], names[i], turns, circle, float(min(moved[i], moved[j]))))
    rows.sort(key=lambda row: -row[3])
    taken: set[str] = set()
    kept = []
    for row in rows:
        if not taken & {row[0], row[1]}:
            taken |= {row[0], row[1]}
            kept.append(row)
    return pd.DataFrame(kept, columns=["first", "second", "turns", "circle", "moved"])
