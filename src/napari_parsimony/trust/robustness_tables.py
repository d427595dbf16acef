"""Tables of what it takes to flip schemes, ready for Parquet."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from napari_parsimony import bootstrap
from napari_parsimony.cells.shape import shape_features
from napari_parsimony.trust.attacked import Attacked
from napari_parsimony.trust.regions import other_objects, with_edge
from napari_parsimony.trust.robustness_config import Norm, RobustnessConfig

Found = Mapping[tuple[str, Norm], Attacked]
Floats = NDArray[np.float64]

MEASURED = {"area": "area", "eccentricity": "eccentricity", "mean intensity": "intensity"}
"""What is measured of the central cell before and after; see `cells.shape`."""


class Resampling:
    """Intervals of means and medians over cells, from drawing whole groups anew.

    Attributes
    ----------
    drawn
        (resamples, groups) how often each group is drawn.
    group
        (N,) index of each cell's group.

    Parameters
    ----------
    groups
        (N,) movie of each cell; each cell its own by default.
    count
        N.
    config
        Number of resamples, confidence, seed.
    """

    def __init__(self, groups: ArrayLike | None, count: int, config: RobustnessConfig) -> None:
        who = np.arange(count) if groups is None else np.asarray(groups)
        names, self.group = bootstrap.encode(who)
        self.drawn = bootstrap.draw(len(names), config.resamples, config.seed)
        self._several, self._confidence = len(names) > 1, config.confidence

    def mean(self, values: Floats) -> tuple[float, float, float]:
        """Mean of (N,) values that are known, and its interval; NaN where there is none."""
        mean, samples = self._means(values)
        return mean, *self.interval(samples)

    def difference(self, values: Floats, others: Floats) -> tuple[float, float, float]:
        """Mean of (N,) values minus that of others, and the interval of paired resamples."""
        (one, samples), (other, less) = self._means(values), self._means(others)
        return one - other, *self.interval(samples - less)

    def median(self, values: Floats) -> tuple[float, float, float]:
        """Lower median of (N,) values that are not NaN, infinite ones too, and its interval."""
        middle, samples = self._medians(values)
        return middle, *self.interval(samples)

    def ratio(self, values: Floats, others: Floats) -> tuple[float, float, float]:
        """Median of (N,) values divided by that of others, and the interval of paired resamples."""
        (one, samples), (other, divisors) = self._medians(values), self._medians(others)
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(np.divide(one, other)), *self.interval(samples / divisors)

    def _means(self, values: Floats) -> tuple[float, Floats]:
        known = np.isfinite(values)
        if not known.any():
            return np.nan, np.full(len(self.drawn), np.nan)
        weights = self.drawn[:, self.group[known]]
        with np.errstate(invalid="ignore"):
            return float(values[known].mean()), (weights @ values[known]) / weights.sum(1)

    def _medians(self, values: Floats) -> tuple[float, Floats]:
        known = ~np.isnan(values)
        if not known.any():
            return np.nan, np.full(len(self.drawn), np.nan)
        order = np.argsort(values[known], kind="stable")
        ascending, group = values[known][order], self.group[known][order]
        below = np.cumsum(self.drawn[:, group], axis=1)
        at = (below >= below[:, -1:] / 2).argmax(1)
        samples = np.where(below[:, -1] > 0, ascending[at], np.nan)
        return float(ascending[(len(ascending) - 1) // 2]), samples

    def interval(self, samples: Floats) -> tuple[float, float]:
        """Percentile interval of what resamples gave; NaN if under half of them gave a number."""
        usable = samples[~np.isnan(samples)]
        if not self._several or len(usable) < len(samples) / 2:
            return np.nan, np.nan
        tail = (1 - self._confidence) / 2
        # values that are there, for between infinite ones there is nothing
        low, high = np.quantile(usable, [tail, 1 - tail], method="nearest")
        return float(low), float(high)


def flip_table(found: Found) -> pd.DataFrame:
    """Say which cells are flipped, by attack and budget.

    Returns
    -------
    DataFrame
        ``scheme``, ``norm`` (l2 or linf), ``attack`` (pgd, fgsm, or a control: noise, translation,
        surroundings, brighter, darker), ``epsilon`` (the norm, of pixels from 0 to 1), ``cell``
        (its place among the crops), and ``flipped``: 1 or 0, NaN where the scheme does not decide
        or a control cannot change the crop by so much.
    """
    parts = [
        pd.DataFrame(
            {
                "scheme": name,
                "norm": norm,
                "attack": attack,
                "epsilon": budget,
                "cell": np.arange(len(column)),
                "flipped": column,
            }
        )
        for (name, norm), each in found.items()
        for attack, flips in each.flips.items()
        for budget, column in zip(each.budgets, flips.T, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def rate_table(flips: pd.DataFrame, draw: Resampling) -> pd.DataFrame:
    """Count the cells that are flipped, by budget.

    Parameters
    ----------
    flips
        From `flip_table`; those of several studies behind each other, too.
    draw
        Of its cells, in the order in which they are there.

    Returns
    -------
    DataFrame
        ``scheme``, ``norm``, ``attack`` and ``epsilon`` as they are there, ``flip_rate``, ``low``
        and ``high`` (its interval), and ``n``: cells on which the scheme decides and that a
        control can change by so much.
    """
    by = ["scheme", "norm", "attack", "epsilon"]
    rows = [
        (*key, *draw.mean(each.to_numpy(np.float64)), int(each.notna().sum()))
        for key, each in flips.groupby(by, sort=False)["flipped"]
    ]
    return pd.DataFrame(rows, columns=[*by, "flip_rate", "low", "high", "n"])


def cell_table(crops: NDArray[np.float32], masks: NDArray[np.bool_], found: Found) -> pd.DataFrame:
    """Tell what it took to flip each cell.

    Returns
    -------
    DataFrame
        ``scheme``, ``norm``, ``cell`` (its place among the crops), ``own`` (number of its class,
        −1 not decided), ``epsilon`` (the smallest norm found; infinite: none), ``inside`` (share
        of the squared change within the central cell and its blurred edge), ``inside_area`` (share
        of the crop that they are: what `inside` would be of noise), ``others`` and ``others_area``
        (the same of other objects; NaN where there are none), and ``area`` (pixels),
        ``eccentricity`` and ``intensity`` of the central cell, as it was and, with ``_after``, as
        it is measured in the adversarial crop; NaN where there is none.
    """
    inner = np.stack([with_edge(mask) for mask in masks])
    pairs = zip(crops, masks, strict=True)
    others = np.stack([with_edge(other_objects(crop[0], mask)[0]) for crop, mask in pairs])
    others &= ~inner
    alone = ~others.any((1, 2))
    before = shape_features(crops)[list(MEASURED)].rename(columns=MEASURED)
    before = before.mask(before["area"] == 0)
    parts = []
    for (name, norm), each in found.items():
        hit = np.isfinite(each.least)
        after = pd.DataFrame(np.nan, before.index, [f"{key}_after" for key in before])
        if hit.any():
            changed = np.clip(crops[hit] + each.change[hit], 0, 1)
            measured = shape_features(changed)[list(MEASURED)]
            after.loc[hit] = measured.mask(measured["area"] == 0).to_numpy()
        energy = (each.change.astype(np.float64) ** 2).sum(1)
        with np.errstate(invalid="ignore"):
            inside, beside = (
                np.where(part, energy, 0).sum((1, 2)) / energy.sum((1, 2))
                for part in (inner, others)
            )
        about = pd.DataFrame(
            {
                "scheme": name,
                "norm": norm,
                "cell": np.arange(len(crops)),
                "own": each.own,
                "epsilon": each.least,
                "inside": np.where(hit, inside, np.nan),
                "inside_area": inner.mean((1, 2)),
                "others": np.where(hit & ~alone, beside, np.nan),
                "others_area": np.where(alone, np.nan, others.mean((1, 2))),
            }
        )
        parts.append(pd.concat([about, before, after], axis=1))
    return pd.concat(parts, ignore_index=True)


def summary_table(cells: pd.DataFrame, draw: Resampling) -> pd.DataFrame:
    """Put each scheme into one row for each norm.

    Returns
    -------
    DataFrame
        ``scheme``, ``norm``, ``n`` (cells on which it decides), ``flipped`` (share, at the
        largest budget), ``epsilon`` (median of the smallest that flip; infinite where more than
        half are never flipped) with ``epsilon_low`` and ``epsilon_high``, ``inside`` and ``others``
        (medians) with their intervals, ``inside_area`` and ``others_area`` (medians), and the
        medians of the change of ``area`` and ``intensity`` (relative, without sign) and of
        ``eccentricity`` (without sign).
    """
    rows = []
    for (name, norm), each in cells.groupby(["scheme", "norm"], sort=False):
        epsilon = each["epsilon"].to_numpy()
        known = ~np.isnan(epsilon)
        row = {"scheme": name, "norm": norm, "n": int(known.sum())}
        row["flipped"] = float(np.isfinite(epsilon[known]).mean()) if known.any() else np.nan
        for key in ("epsilon", "inside", "others"):
            middle, low, high = draw.median(each[key].to_numpy())
            row |= {key: middle, f"{key}_low": low, f"{key}_high": high}
        row |= {key: float(each[key].median()) for key in ("inside_area", "others_area")}
        for key in MEASURED.values():
            change = (each[f"{key}_after"] - each[key]).abs()
            relative = change if key == "eccentricity" else change / each[key]
            row[f"{key}_change"] = float(relative.median())
        rows.append(row)
    return pd.DataFrame(rows)
