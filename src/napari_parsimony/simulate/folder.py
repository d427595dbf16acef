"""Simulated fields as a folder of files that the step cells reads."""

from pathlib import Path

import tifffile
from numpy.typing import NDArray

from napari_parsimony import __version__
from napari_parsimony.artefact import replace_folder, write_json
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.simulate.config import SimulateConfig
from napari_parsimony.simulate.fields import Simulated, image_names
from napari_parsimony.simulate.places import window

TABLE = "cells.csv"
IMAGES, LABELS, CENTROIDS = "images", "labels", "centroids"


def write_folder(simulated: Simulated, out: Path | str, report: Report = silent) -> CellsConfig:
    """Write fields as files: whole, or not at all.

    These are ``images/*.tif`` and ``labels/*.tif``, ``cells.csv`` with class, group and factors of
    every cell, and ``simulation.json`` with the settings; where nuclei do not lie in the middle
    of their crops, also ``centroids/*.csv`` with the middles of these.

    Parameters
    ----------
    simulated
        The fields.
    out
        A folder that does not exist yet, or is empty.
    report
        Called after each field.

    Returns
    -------
    CellsConfig
        Settings for the step cells.

    Raises
    ------
    UserError
        If the folder has something in it, or cannot be written.
    """
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} exists already: give a new folder to write the simulation into.")
    names, cells = simulated.names, simulated.cells
    with replace_folder(out) as folder:
        for part in (IMAGES, LABELS, CENTROIDS)[: 3 if simulated.config.position else 2]:
            (folder / part).mkdir()
        for number, (image, labels) in enumerate(simulated):
            _write(folder / IMAGES / names[number], image)
            _write(folder / LABELS / names[number], labels)
            report(Progress(number + 1, len(names), f"Drawing {names[number]}"))
        if simulated.config.position:
            for name, field in cells.groupby("image", sort=False):
                middles = field[["label"]].assign(
                    y=field["y"] - field["position_y"], x=field["x"] - field["position_x"]
                )
                middles.to_csv(folder / CENTROIDS / _table_of(str(name)), index=False)
        cells.to_csv(folder / TABLE, index=False)
        settings = simulated.config.model_dump(mode="json")
        write_json(folder / "simulation.json", {"version": __version__, "settings": settings})
    return cells_config(simulated.config, out)


def cells_config(config: SimulateConfig, folder: Path) -> CellsConfig:
    """Make the settings with which the step cells reads a folder of simulated fields.

    Parameters
    ----------
    config
        What they were simulated by.
    folder
        Where they are, or what paths are to be relative to.
    """
    names = image_names(config)
    if config.position:
        where = {"centroids": tuple(folder / CENTROIDS / _table_of(name) for name in names)}
    else:
        where = {"labels": tuple(folder / LABELS / name for name in names)}
    # brightness that matters has to be left in the crops
    bright = config.shortcut == "brightness" or "brightness" in config.expression.variables
    # fewer groups cannot be divided: tiles of images then
    grouped = {"group_column": "group"} if config.groups >= config.folds else {}
    return CellsConfig.model_validate(
        {
            "image": tuple(folder / IMAGES / name for name in names),
            **where,
            "classes": folder / TABLE,
            **grouped,
            "normalisation": "dataset" if bright else "percentile",
            "window": window(config),
            "folds": config.folds,
            "fold": config.fold,
        }
    )


def _table_of(image: str) -> str:
    return str(Path(image).with_suffix(".csv"))


def _write(path: Path, picture: NDArray) -> None:
    tifffile.imwrite(
        path, picture, metadata={"axes": "YX"}, photometric="minisblack", compression="zlib"
    )
