"""What each latent means, by what is measured of real cells and of decoded ones."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.trust.morphology import LEAST as FOLLOWS
from napari_parsimony.trust.morphology import correlate
from napari_parsimony.trust.regress import Floats, predict, r_squared
from napari_parsimony.trust.subject import Subject
from napari_parsimony.trust.traits import CENTRAL, UNCLEAR

LEAST = 0.2
"""R² on held-out cells below which a latent stays unclear."""

HALF = 0.5
"""Part of that R² that the best group must account for."""

MONOTONE = 0.9
"""Rank correlation along a traversal from which a change counts as monotone."""

STEPS = 9


def explain(subject: Subject) -> pd.DataFrame:
    """Regress every latent on the traits, and see which group of them it needs.

    R² is of held-out cells, by regressions that have not seen their groups; see `regress`. A group
    explains the mean of what it does alone and of what is lost without it: the Shapley value of
    this group and all others together (Lundberg & Lee 2017, arXiv 1705.07874).

    Returns
    -------
    DataFrame
        A row for each latent: ``latent``; ``group`` that explains it best, `UNCLEAR` if R² is below
        `LEAST` or no group explains `HALF` of it; ``r2`` by all traits; for each group ``alone …``
        and ``lost without …``; ``trait`` that it follows most closely among the group's (if
        unclear, among the central cell's if by `FOLLOWS`, or else among all), and ``r``,
        Spearman's correlation with it over the held-out cells.
    """
    told = subject.latents.to_numpy(np.float64)
    rows, names = subject.plan.held_out, list(subject.groups)

    def fit(*groups: str) -> Floats:
        return r_squared(told[rows], predict(subject.values(*groups), told, subject.plan)[rows])

    every = fit(*names)
    alone = {name: fit(name) for name in names}
    lost = {name: every - fit(*(other for other in names if other != name)) for name in names}
    explains = np.stack([(alone[name] + lost[name]) / 2 for name in names])
    best = np.nan_to_num(explains, nan=-np.inf).argmax(axis=0)
    clear = (every >= LEAST) & (explains.max(axis=0) >= HALF * every)
    followed = correlate(subject.latents[rows], subject.traits[rows])
    table = pd.DataFrame({"latent": list(subject.latents)})
    table["group"] = [names[b] if c else UNCLEAR for b, c in zip(best, clear, strict=True)]
    table["r2"] = every
    for name in names:
        table[f"alone {name}"], table[f"lost without {name}"] = alone[name], lost[name]
    traits = []
    for latent, group in zip(table["latent"], table["group"], strict=True):
        found = followed.loc[latent].dropna()
        own = found[found.index.isin(list(subject.groups.get(group, subject.groups[CENTRAL])))]
        if group != UNCLEAR or own.abs().max() >= FOLLOWS:
            found = own
        name = found.abs().idxmax() if len(found) else ""
        traits.append((name, found[name] if name else np.nan))
    table[["trait", "r"]] = pd.DataFrame(traits, columns=["trait", "r"])
    return table


def traverse_traits(
    names: Sequence[str],
    draw: Callable[[str], tuple[Floats, NDArray]],
    measure: Callable[[NDArray], pd.DataFrame],
    spread: pd.Series,
) -> pd.DataFrame:
    """Measure the decoded traversal of each latent.

    Parameters
    ----------
    names
        Latents.
    draw
        Values along one latent, and the crops (steps, C, S, S) decoded there.
    measure
        From crops to traits.
    spread
        Standard deviation of each trait over real cells.

    Returns
    -------
    DataFrame
        ``latent``, ``trait``, ``change`` from the lowest to the highest value in these standard
        deviations, ``r``, Spearman's along the traversal, and ``monotone``; only traits that can
        be measured on all steps.
    """
    parts = []
    for name in names:
        values, crops = draw(name)
        traits = measure(crops)[spread.index]
        found = correlate(pd.DataFrame({name: values}), traits).loc[name]
        change = (traits.iloc[-1] - traits.iloc[0]) / spread.where(spread > 0)
        part = pd.DataFrame({"change": change, "r": found}).rename_axis("trait").reset_index()
        part.insert(0, "latent", name)
        parts.append(part[part["change"].notna() & part["r"].notna()])
    table = pd.concat(parts, ignore_index=True)
    return table.assign(monotone=table["r"].abs() >= MONOTONE)


def with_traversals(meanings: pd.DataFrame, traversals: pd.DataFrame) -> pd.DataFrame:
    """Add ``change`` (NaN if unknown) and ``monotone`` of each latent's trait in its traversal."""
    known = traversals[["latent", "trait", "change", "monotone"]]
    table = meanings.merge(known, how="left", on=["latent", "trait"])
    return table.assign(monotone=table["monotone"].eq(True))
