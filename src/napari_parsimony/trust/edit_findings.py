"""What edits of pictures and of latents say about a law, in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.trust.counterfactual import Counterfactuals
from napari_parsimony.trust.edit_response import EDITED
from napari_parsimony.trust.edits import EDITS
from napari_parsimony.trust.findings import Finding, Key, Severity
from napari_parsimony.trust.judged import LAW
from napari_parsimony.trust.perturbation import Perturbed
from napari_parsimony.trust.robustness_findings import (
    MOST_CELLS,
    Estimate,
    estimates,
    number,
    percent,
    share,
)
from napari_parsimony.trust.robustness_tables import Resampling

Floats = NDArray[np.float64]

MANY = 0.1
"""Share of cells that must be flipped by taking away neighbours for an alarm."""

FEW = 0.05
"""Share of cells that may be flipped by it without a note."""

NEAREST = 0.1
"""Share of the cells that count as near the boundary."""

_MORE = {"size": "larger", "elongation": "longer", "brightness": "brighter"}
_DONE = {
    "size": "making it larger or smaller",
    "elongation": "stretching or squeezing it",
    "brightness": "making it brighter or darker",
}


def check_neighbours(done: Perturbed, keys: Sequence[Key], draw: Resampling) -> list[Finding]:
    """Say whether the law reacts to neighbours that are taken away, compared with edited cells."""
    gone = done.flips["neighbours", 1.0, LAW]
    rate = draw.mean(gone)
    strongest = {
        edit: max((done.flips[edit, dose, LAW] for dose in EDITS[edit].doses), key=np.nansum)
        for edit in EDITED
    }
    most = max(strongest, key=lambda edit: float(np.nansum(strongest[edit])))
    more = draw.mean(gone - strongest[most])
    numbers = {
        "cells": float(np.isfinite(gone).sum()),
        **estimates("flipped by removed neighbours", rate),
        **{
            name: value
            for edit, flips in strongest.items()
            for name, value in estimates(f"flipped by {edit}", draw.mean(flips)).items()
        },
        **estimates("removed neighbours more than the most of these", more),
    }
    if not np.isfinite(rate[0]):
        return []
    text = (
        f"Taking the neighbours out of the picture flips {share(rate)} of the cells; {_DONE[most]} "
        f"flips {share(draw.mean(strongest[most]))}."
    )
    severity: Severity = "fine"
    if rate[1] > MANY and more[1] > 0:
        severity = "alarm"
        text = f"The law reads what is around the cell. {text}"
    elif rate[0] > FEW:
        severity = "note"
        text = f"The law is not free from what is around the cell. {text}"
    rows = np.flatnonzero(gone == 1)[:MOST_CELLS]
    return [Finding("neighbours taken away", severity, text, tuple(keys[i] for i in rows), numbers)]


def check_edits(response: pd.DataFrame) -> list[Finding]:
    """Say whether edits move the score as real cells that differ in the same way lead to expect."""
    return [
        finding
        for edit in EDITED
        for finding in _check_edit(edit, response[response["edit"] == edit])
    ]


def _check_edit(edit: str, rows: pd.DataFrame) -> list[Finding]:
    numbers: dict[str, float | None] = {}
    same, still, against = [], [], []
    for _, row in rows.iterrows():
        name = str(row["class"])
        expected, observed, along = (_estimate(row, k) for k in ("expected", "observed", "along"))
        numbers |= estimates(f"{name}: expected for each doubling", expected)
        numbers |= estimates(f"{name}: observed for each doubling", observed)
        numbers |= estimates(f"{name}: cells that go along", along)
        if not _directed(expected):
            continue
        said = f"{name} ({percent(along[0])} of the cells)"
        agrees = np.sign(observed[0]) == np.sign(expected[0])
        if _directed(observed) and agrees and along[0] > 0.5:
            more = _MORE[edit] if expected[0] > 0 else _less(edit)
            same.append(f"{more} for {said}")
        elif agrees or not _directed(observed):
            still.append(said)
        else:
            against.append(said)
    if not (same or still or against):
        text = (
            f"Among real cells the score does not go along with {edit} alone: nothing is expected "
            "of edits of it."
        )
        return [Finding(f"edited {edit}", "fine", text, (), numbers)]
    parts = []
    if same:
        parts.append(
            "move its score as real cells that differ in this way lead to expect: "
            f"{', '.join(same)}"
        )
    if still:
        parts.append(f"do not move its score as expected, in most cells, for {', '.join(still)}")
    if against:
        parts.append(f"move its score the other way than expected for {', '.join(against)}")
    text = f"Edits of the cell's {edit} in its picture {'; they '.join(parts)}."
    if still or against:
        text += (
            " Either the law reads what goes along with it in real cells, or the edited picture is "
            "none that the encoder knows."
        )
    severity: Severity = "note" if still or against else "fine"
    return [Finding(f"edited {edit}", severity, text, (), numbers)]


def _less(edit: str) -> str:
    return {"size": "smaller", "elongation": "rounder", "brightness": "darker"}[edit]


def _estimate(row: pd.Series, key: str) -> Estimate:
    return float(row[key]), float(row[f"{key}_low"]), float(row[f"{key}_high"])


def _directed(found: Estimate) -> bool:
    """Whether the interval leaves out 0; False where there is none."""
    return found[1] > 0 or found[2] < 0


def check_counterfactuals(
    found: Counterfactuals, keys: Sequence[Key], wrong: Floats, draw: Resampling
) -> list[Finding]:
    """Say which latents flip cells, and whether the law errs near its boundary.

    Parameters
    ----------
    found
        Of N cells.
    keys
        (N,) their keys.
    wrong
        (N,) 1 where the law errs, 0 where it is right, NaN where that is not known.
    draw
        Of these cells.
    """
    table, distance = found.table, found.table["distance"].to_numpy(np.float64)
    moves = table.drop(columns=["cell", "own", "other", "distance"])
    hit = np.isfinite(distance)
    if not hit.any():
        text = "No change of the latents within the range of the cells flips the law."
        return [Finding("smallest change of latents", "note", text)]
    return [_movers(moves, distance, hit, draw), _near(distance, hit, keys, wrong, draw)]


def _movers(
    moves: pd.DataFrame, distance: Floats, hit: NDArray[np.bool_], draw: Resampling
) -> Finding:
    size = moves.abs().to_numpy()
    first = np.full(len(size), -1)
    first[hit] = size[hit].argmax(1)
    rows = []
    for column, name in enumerate(moves):
        mine = first == column
        if mine.any():
            part = draw.mean(np.where(hit, mine, np.nan))
            rows.append((str(name), part, float(np.median(size[mine, column]))))
    rows.sort(key=lambda row: -row[1][0])
    middle = draw.median(distance)
    parts = {name: estimates(f"flipped by {name}", part) for name, part, _ in rows}
    numbers = {
        "cells": float(hit.sum()),
        "not flipped": number(float((distance == np.inf).sum())),
        **estimates("median distance in SD", middle),
        **{key: value for part in parts.values() for key, value in part.items()},
    }
    name, part, far = rows[0]
    text = (
        f"The smallest change of latents that flips a cell is one of {name} above all in "
        f"{share(part)} of the cells, by {far:.2f} standard deviations in the median"
    )
    if len(rows) > 1:
        text += f"; {rows[1][0]} in {percent(rows[1][1][0])}"
    text += f". All used latents together have to move by {middle[0]:.2f}."
    return Finding("smallest change of latents", "fine", text, (), numbers)


def _near(
    distance: Floats, hit: NDArray[np.bool_], keys: Sequence[Key], wrong: Floats, draw: Resampling
) -> Finding:
    order = np.argsort(np.where(hit, distance, np.inf), kind="stable")
    nearest = order[: max(1, int(NEAREST * hit.sum()))]
    near = np.isin(np.arange(len(distance)), nearest)
    here = draw.mean(np.where(near, wrong, np.nan))
    there = draw.mean(np.where(near, np.nan, wrong))
    more = draw.difference(np.where(near, wrong, np.nan), np.where(near, np.nan, wrong))
    far = float(distance[nearest[-1]])
    numbers = {
        "cells": float(len(nearest)),
        "within, in SD": far,
        **estimates("wrong near the boundary", here),
        **estimates("wrong elsewhere", there),
        **estimates("more wrong near the boundary", more),
    }
    count = f"{len(nearest)} cell{'s are' if len(nearest) > 1 else ' is'}"
    text = f"{count} within {far:.2g} standard deviations of the law's boundary: worth looking at"
    if np.isfinite(here[0]) and np.isfinite(there[0]):
        text += f". It errs on {share(here)} of them, and on {share(there)} of the others"
    severity: Severity = "fine"
    if more[2] < 0:
        severity = "note"
        text += ": its errors are not where it is in doubt"
    cells = tuple(keys[i] for i in nearest[:MOST_CELLS])
    return Finding("near the boundary", severity, f"{text}.", cells, numbers)
