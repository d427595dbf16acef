"""Measured traits of cells, and what each is a trait of: the cell itself, or something else."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from napari_parsimony.cells.orient import Mask, central_mask
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.trust.morphology import AROUND, LEANING, PLACE, SHAPE, measure_crops
from napari_parsimony.trust.regions import LEAST_HEIGHT, other_objects

CENTRAL, POSITION, NEIGHBOURHOOD, IMAGING = (
    "central cell", "position", "neighbourhood", "intensity/imaging",
)  # fmt: skip
UNCLEAR = "unclear"
ELSEWHERE = (POSITION, NEIGHBOURHOOD, IMAGING)
"""Groups of traits that are not of the central cell."""

BRIGHTNESS = ("crop maximum", "brightness")
OUTSIDE = ("other objects", "area of others", "brightness outside")
INSIDE = ("contrast", "texture", "bright centre")

_AT_ONCE = 128


def trait_groups(traits: pd.DataFrame, made: Mapping[str, object]) -> dict[str, list[str]]:
    """Say what each trait is a trait of.

    How bright a cell is depends on its stain and exposure, and may be a short-cut, unless crops
    were made to look equally bright: then its mean says how light is spread in its crop. How a
    cell is oriented is left out where crops were turned to its long axis: it then says only how
    elongated it is.

    Parameters
    ----------
    traits
        From `measure_traits`.
    made
        How crops were made: ``normalisation`` and ``orientation``.

    Returns
    -------
    dict
        Names of the traits of `CENTRAL`, `POSITION`, `NEIGHBOURHOOD` and `IMAGING`.
    """
    brightness_kept = made["normalisation"] != "percentile"
    turned = made["orientation"] != "imaged"
    stains = [name for name in map(str, traits) if name.startswith("brightness, channel")]
    light = ["brightness", *stains]
    return {
        CENTRAL: [
            *SHAPE,
            *([] if turned else LEANING),
            *INSIDE,
            *([] if brightness_kept else light),
        ],
        POSITION: [*PLACE, "beyond the image"],
        NEIGHBOURHOOD: [*AROUND, *OUTSIDE],
        IMAGING: [
            "background",
            "sharpness",
            *([*light, "crop maximum"] if brightness_kept else []),
        ],
    }


def names_in(groups: Mapping[str, list[str]]) -> list[str]:
    """List the traits of all groups; others that were measured say nothing of such crops."""
    return [name for names in groups.values() for name in names]


def measure_traits(
    crops: NDArray,
    rows: NDArray[np.intp] | None = None,
    border: NDArray[np.bool_] | None = None,
    report: Report = silent,
) -> pd.DataFrame:
    """Measure the central cell of each crop, its neighbours, and how it was imaged.

    Parameters
    ----------
    crops
        (M, C, S, S), memory mapped or not, read in pieces; objects are found in the first channel.
    rows
        (N,) which of them, by default all.
    border
        (M,) which crops reach beyond their image; none by default.
    report
        Is told how many are done.

    Returns
    -------
    DataFrame
        (N, traits) float64, NaN where a crop has no cell: what `morphology.measure_crops` measures,
        but ``contrast``, ``texture`` and ``bright centre`` as shares of how much the cell is
        brighter than the background, and ``neighbour …`` above the background; and

        - ``other objects``, ``area of others`` (pixels of the crop): of those that are at least
          half as bright as the cell, compared with the background;
        - ``brightness outside``: mean of all that is not the cell, above the background;
        - ``crop maximum``: 99.5th percentile of the crop;
        - ``sharpness``: mean gradient along the cell's outline, as a share of how much it is
          brighter than the background, for each pixel;
        - ``beyond the image``: share of the crop that was filled in.
    """
    rows = np.arange(len(crops)) if rows is None else rows
    border = np.zeros(len(crops), bool) if border is None else border
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        parts.append(_measure(np.asarray(crops[part], np.float64), border[part]))
        done = start + len(part)
        report(Progress(done, len(rows), f"Measuring cell {done:,} of {len(rows):,}"))
    return pd.concat(parts, ignore_index=True)


def _measure(crops: NDArray[np.float64], border: NDArray[np.bool_]) -> pd.DataFrame:
    masks = [central_mask(crop[0]) for crop in crops]
    table = measure_crops(crops, masks)
    table[list(AROUND)] = table[list(AROUND)].sub(table["background"], axis=0)
    # of a cell that is hardly brighter than its ground, shares would be noise
    above = np.maximum(table["brightness"] - table["background"], LEAST_HEIGHT)
    table[list(INSIDE)] = table[list(INSIDE)].div(above, axis=0)
    rows = [
        _around(crop[0], mask, float(ground), float(height)) if np.isfinite(ground) else {}
        for crop, mask, ground, height in zip(crops, masks, table["background"], above, strict=True)
    ]
    for name in (*OUTSIDE, "crop maximum", "sharpness"):
        table[name] = [row.get(name, np.nan) for row in rows]
    filled = [_filled(crop[0]) if flag else 0.0 for crop, flag in zip(crops, border, strict=True)]
    table["beyond the image"] = np.where(table["size"].notna(), filled, np.nan)
    return table


def _around(
    picture: NDArray[np.float64], mask: Mask, ground: float, height: float
) -> Mapping[str, float]:
    objects, count = other_objects(picture, mask)
    outline = mask ^ ndimage.binary_erosion(mask)
    slope = np.hypot(*np.gradient(picture))
    return {
        "other objects": float(count),
        "area of others": float(objects.sum()),
        "brightness outside": float(picture[~mask].mean() - ground),
        "crop maximum": float(np.percentile(picture, 99.5)),
        "sharpness": float(slope[outline].mean() / height),
    }


def _filled(picture: NDArray[np.float64]) -> float:
    """Share of pixels with the commonest value: what lies beyond an image is filled with one."""
    return float(np.unique(picture, return_counts=True)[1].max() / picture.size)
