"""Latent positions that have a name: means of classes, and cells."""

from html import escape

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.cells.annotations import CellKey
from napari_parsimony.figures.text import file_name
from napari_parsimony.gui.session import Session
from napari_parsimony.study.steps import target


def mean_of_class(session: Session, which: int) -> NDArray[np.float64] | None:
    """Mean latents, (latents,), of the cells of a class, by its number.

    None before classes are known, or where no cell of the study is of that class.
    """
    if not (session.has("classify") and session.has("vae")):
        return None
    assert session.study is not None
    members = target(session.study)[0] == which
    if not members.any():
        return None
    names = list(session.latent_statistics["name"])
    mean: NDArray[np.float64] = session.study.latents()[names][members].to_numpy(float).mean(0)
    return mean


def name_of_cell(session: Session, key: CellKey, crops: bool) -> str:
    """Name what tells a cell from the others, and the class that it was given, in rich text.

    Parameters
    ----------
    session
        Whose cell it is.
    key
        The cell.
    crops
        Whether the study has crops alone: each is a file then, and its label always 1.
    """
    image, frame, label = key
    row = session.cells.iloc[session.row_of(key)]
    known = f" ({escape(row['class'])})" if isinstance(row["class"], str) else ""
    file = escape(file_name(image))
    if crops:
        return f"{file}{known}"
    time = f", frame {frame}" if session.cells["frame"].any() else ""
    return f"Cell {label}{known}</b>{time}, {file}<b>"


def name_of_position(session: Session) -> str:
    """Name the position that is looked at, shortly, in plain text."""
    if session.cell is None:
        mean = session.latent_statistics["mean"].to_numpy(np.float64)
        return "mean of all" if np.array_equal(session.latents, mean) else "position"
    image, _, label = session.cell
    row = session.study.latents().iloc[session.row_of(session.cell)] if session.study else None
    names = list(session.latent_statistics["name"])
    name = f"cell {label}" if (session.cells["label"] != 1).any() else file_name(image)
    there = row is not None and np.array_equal(row[names].to_numpy(np.float64), session.latents)
    return name if there else f"near {name}"
