"""What is judged: a law, and cells of which latents, classes and traits are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.classify.scores import log_odds
from napari_parsimony.symbolic.losses import CERTAIN
from napari_parsimony.trust.findings import Key, keys_of
from napari_parsimony.trust.regress import Plan

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Subject:
    """A law and N cells with a class, in tables.

    Attributes
    ----------
    keys
        (N,) image, frame, label.
    target, classes
        (N,) number of the class, and the names.
    latents
        (N, L) those that the law or the sparse network reads.
    law
        From latents (N, L) to scores (N, outputs), see `classify.scores`.
    reads
        Names of the latents that the law reads.
    joint
        Latents that the law has in one term, so that one changes what another one does.
    traits, groups
        (N, F), and the traits of each group, see `traits.trait_groups`.
    plan
        Which cells are held out, and which are predicted from which.
    pairs
        Latents that turn together with the crop, see `angular`.
    group_word
        What a group is: movie, image or tile.
    brightness_kept
        Whether crops keep how bright cells are.
    """

    keys: pd.DataFrame
    target: Rows
    classes: Sequence[str]
    latents: pd.DataFrame
    law: Callable[[pd.DataFrame], Floats]
    reads: Sequence[str]
    traits: pd.DataFrame
    groups: Mapping[str, Sequence[str]]
    plan: Plan
    joint: Sequence[tuple[str, ...]] = ()
    pairs: Sequence[tuple[str, str]] = ()
    group_word: str = "movie"
    brightness_kept: bool = False

    def scores(self, latents: pd.DataFrame | None = None) -> Floats:
        """Score of every cell, cut where it counts as certain; NaN: not decided.

        Parameters
        ----------
        latents
            (N, L) other ones than the cells' own.

        Returns
        -------
        ndarray
            (N, 1); of more than two classes (N, classes), log-odds of each against the rest.
        """
        scores = self.law(self.latents if latents is None else latents)
        return np.clip(np.stack(log_odds(scores), axis=1), -CERTAIN, CERTAIN)

    def values(self, *groups: str) -> Floats:
        """(N, F) the traits of some groups."""
        names = [name for group in groups for name in self.groups[group]]
        return self.traits[names].to_numpy(np.float64)

    def keys_of(self, rows: Rows) -> tuple[Key, ...]:
        """Keys of some cells, in their order."""
        return keys_of(self.keys, rows)
