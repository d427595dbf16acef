"""Which cells the gallery shows, and in which order. No Qt here."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.classify.scores import probabilities
from napari_parsimony.gui.annotator import Annotator
from napari_parsimony.gui.scoring import uncertainties
from napari_parsimony.gui.session import Session

Values = NDArray[np.float64]
FEW = 2  # decimals that are enough below a crop


def orders(session: Session, which: str) -> dict[str, str]:
    """List what cells of one of `filters` can be sorted by, and how it is called."""
    found = {"image": "image order", "class": "class"}
    if which == "selected":
        found["given"] = "order given"
    if session.expression is not None or session.has("classify"):
        if len(session.classes) == 2:
            found["score"] = "score"
        else:
            likely = {f"probability {i}": name for i, name in enumerate(session.classes)}
            found |= {key: f"probability of {name}" for key, name in likely.items()}
        found["uncertainty"] = "uncertainty"
    if session.has("vae"):
        names = [f"z{index}" for index in session.latent_order]
        found |= {name: f"latent {session.title_of(name)}" for name in names}
    return found


def filters(annotator: Annotator) -> dict[str, str]:
    """Which cells can be shown, and how they are called."""
    classes = {f"class {name}": f"class {name}" for name in annotator.colours}
    return {
        "all": "all cells",
        "selected": "selected cells",
        "none": "cells without a class",
        **classes,
    }


def chosen(session: Session, cells: pd.DataFrame, which: str) -> NDArray[np.int64]:
    """Rows of the cells that one of `filters` lets through."""
    if which == "selected":
        return session.selection
    if which == "none":
        return np.flatnonzero(cells["class"].isna())
    if which.startswith("class "):
        return np.flatnonzero(cells["class"] == which.removeprefix("class "))
    return np.arange(len(cells))


def values_of(session: Session, by: str) -> Values | None:
    """Look up what one of `orders` says of every cell; None if that is no number."""
    kind, _, which = by.partition(" ")
    if kind in ("score", "probability", "uncertainty"):
        scores = session.best_scores()
        if scores is None:
            return None
        if kind == "uncertainty":
            return uncertainties(scores)
        return scores[:, 0] if kind == "score" else probabilities(scores)[:, int(which)]
    if by.startswith("z"):
        assert session.study is not None
        return session.study.latents()[by].to_numpy(np.float64)
    return None


def ordered(
    rows: NDArray[np.int64],
    by: str,
    values: Values | None,
    cells: pd.DataFrame,
    annotator: Annotator,
    *,
    descending: bool,
) -> NDArray[np.int64]:
    """Sort rows by one of `orders`; cells of which nothing is known come last."""
    if by != "given":
        rows = np.sort(rows)
    if by == "class":
        rank = {name: float(number) for number, name in enumerate(annotator.colours)}
        values = np.array([rank.get(name, np.nan) for name in cells["class"]])
    if values is None:
        return rows[::-1] if descending else rows
    key = -values[rows] if descending else values[rows]
    return rows[np.argsort(key, kind="stable")]  # NaN is sorted to the end


def caption(value: float) -> str:
    """Write a value below a crop."""
    return "" if np.isnan(value) else f"{value:.{FEW}f}".replace("-", "−")
