"""How well each held-out movie is told, and whether some are told worse than chance explains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony import bootstrap
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import GROUPS, Finding
from napari_parsimony.trust.judged import LAW, Judged
from napari_parsimony.trust.regress import Rows

GROUPS_FILE = "groups.parquet"
CHANCE = 0.05
NAMED = 5

_LEAST_DRAWS = 4_000  # a p of 0.05 needs more than the resamples of an interval
_AT_ONCE = 4_000_000  # counts held in memory


def group_table(judged: Judged, config: TrustConfig) -> pd.DataFrame:
    """Tell how often each scheme is right in each held-out group.

    Returns
    -------
    DataFrame
        One row a group, the most surprisingly bad first: ``group``; ``cells``; a column for each
        scheme, the share of them that is given its class; ``wrong`` by the law, ``expected`` to be
        wrong if wrong cells of each class were spread over groups by chance; and ``p``, how often
        chance makes any group of the study as bad (see `surprise`).
    """
    names, group = bootstrap.encode(judged.groups)
    cells = np.bincount(group, minlength=len(names))
    columns: dict[str, NDArray | Sequence[str]] = {"group": names, "cells": cells}
    for scheme in judged.scores:
        right = np.bincount(group[~judged.wrong(scheme)], minlength=len(names))
        columns[scheme] = right / cells
    wrong = judged.wrong()
    expected, p = surprise(wrong, judged.target, group, config)
    columns["wrong"] = np.bincount(group[wrong], minlength=len(names))
    columns |= {"expected": expected, "p": p}
    table = pd.DataFrame(columns)
    excess = table["wrong"] - table["expected"]
    order = np.lexsort((-excess.to_numpy(), p))
    return table.iloc[order].reset_index(drop=True)


def surprise(
    wrong: NDArray[np.bool_], target: Rows, group: Rows, config: TrustConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compare the wrong cells of each group with what chance would give it.

    Wrong cells are dealt out anew among the cells of their own class, so that a group is not
    blamed for having many cells of a class that is hard to tell. The largest excess over all
    groups, in standard deviations, is what each is compared with (Westfall & Young 1993): p holds
    for all groups together, however many they are.

    Parameters
    ----------
    wrong, target, group
        (N,) whether a cell is wrong, number of its class and of its group.
    config
        Seed; resamples, but 4,000 at least.

    Returns
    -------
    expected, p
        (groups,) each.
    """
    number, draws = int(group.max()) + 1, max(config.resamples, _LEAST_DRAWS)
    rng = np.random.default_rng(config.seed)
    expected, variance = np.zeros(number), np.zeros(number)
    tables = []
    for kind in np.unique(target):
        own = target == kind
        many, bad = int(own.sum()), int((own & wrong).sum())
        count = np.bincount(group[own], minlength=number)
        tables.append((count, bad))
        share = count / many
        expected += bad * share
        if many > 1:
            variance += bad * share * (1 - share) * (many - bad) / (many - 1)
    spread = np.sqrt(np.where(variance > 0, variance, np.inf))
    excess = (np.bincount(group[wrong], minlength=number) - expected) / spread
    as_bad = np.ones(number)
    step = max(1, _AT_ONCE // number)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = sum(rng.multivariate_hypergeometric(c, bad, size, "marginals") for c, bad in tables)
        worst = ((drawn - expected) / spread).max(axis=1)
        as_bad += (worst[:, None] >= excess - 1e-9).sum(axis=0)
    return expected, as_bad / (draws + 1)


def check_groups(judged: Judged, table: pd.DataFrame) -> Finding | None:
    """Name the groups in which the law is wrong more often than chance explains.

    None where there is one group only: nothing to compare it with.
    """
    if len(table) < 2:
        return None
    word, bad = judged.group_word, table[(table["p"] < CHANCE) & (table["wrong"] > 1)]
    numbers: dict[str, float | None] = {
        "groups": float(len(table)),
        "groups that are worse": float(len(bad)),
        "least share that is right": float(table[LAW].min()),
        "least p": float(table["p"].min()),
    }
    if bad.empty:
        sentence = (
            f"In none of the {len(table):,} held-out {word}s is the equation wrong more often than "
            "chance explains."
        )
        return Finding(GROUPS, "fine", sentence, (), numbers)
    each = [
        f"{row['group']} ({row['wrong']:,} of {row['cells']:,} cells wrong, {row['expected']:.1f} "
        "expected)"
        for _, row in bad.iloc[:NAMED].iterrows()
    ]
    more = f" and {len(bad) - NAMED:,} more" if len(bad) > NAMED else ""
    plural = "s" if len(bad) > 1 else ""
    sentence = (
        f"In {len(bad):,} of {len(table):,} held-out {word}s the equation is wrong more often than "
        f"in others, beyond chance: {word}{plural} {', '.join(each)}{more}. Look there for what is "
        "different."
    )
    place = {name: index for index, name in enumerate(bad["group"])}
    rows = np.flatnonzero(judged.wrong() & np.isin(judged.groups.astype(str), list(place)))
    of = np.array([place[str(name)] for name in judged.groups[rows]])
    return Finding(
        GROUPS, "note", sentence, judged.keys_of(rows[np.argsort(of, kind="stable")]), numbers
    )
