"""A few crops of a study that is being set up: what the step 'cells' would make of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells import normalise
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.cells.crops import fixed_range, image_range, scaled_crops
from napari_parsimony.cells.extract import Sampler
from napari_parsimony.cells.field import Field, angles, open_fields
from napari_parsimony.cells.folder import list_crops, read_crops, whole_crop
from napari_parsimony.cells.geometry import crop_to_image
from napari_parsimony.errors import UserError


@dataclass(frozen=True)
class Preview:
    """Some crops.

    Attributes
    ----------
    crops
        ``(N, C, S, S)`` in 0..1.
    names
        Which cell each is, for people.
    count
        Cells that there are in the frames looked at.
    windows
        Sides of the crops in pixels of the source: the smallest and the largest of an image.
    border
        ``(N,)`` whether a crop reaches beyond its image.
    """

    crops: NDArray[np.float32]
    names: list[str]
    count: int
    windows: tuple[float, float]
    border: NDArray[np.bool_]


def preview_cells(
    config: CellsConfig, fields: Sequence[Field] | None = None, frame: int = 0, most: int = 12
) -> Preview:
    """Cut a few cells out, spread evenly over those of one frame of each image.

    The cells are cut as the step does. Where grey values are of a whole image or data set, that is
    the frames looked at; and where the window follows the nuclei, it is those in these frames.

    Parameters
    ----------
    config
        Settings of the step.
    fields
        Images that are open already; None: those of the settings.
    frame
        Which frame is looked at, or the last one of an image that has fewer.
    most
        Largest number of crops.

    Raises
    ------
    UserError
        If a file or setting cannot be used, or there is no cell.
    """
    if fields is None and config.folder is not None:
        return _of_folder(config, most)
    fields = list(open_fields(config)) if fields is None else fields
    found, pictures = [], []
    for field in fields:
        t = min(frame, field.image.count - 1)
        found.append(field.cells(config, [t]))
        pictures.append(field.image.read(t))
    count = sum(map(len, found))
    if not count:
        raise UserError(
            "There is no cell in the frame that is looked at."
            if any(field.image.count > 1 for field in fields)
            else "There is no cell in these images."
        )
    kinds: dict[str, str] = {}
    for field, picture in zip(fields, pictures, strict=True):
        number = "1 channel" if len(picture) == 1 else f"{len(picture)} channels"
        kinds.setdefault(f"{number} of {picture.dtype}", field.image.path.name)
    if len(kinds) > 1:
        raise UserError(
            "All images of a study must be alike in channels and pixel type, but "
            + ", ".join(f"'{name}' has {kind}" for kind, name in kinds.items())
            + ": leave some out, or convert them."
        )
    fixed = None
    if config.normalisation != "image":
        fixed = fixed_range(config, pictures[0].dtype, iter(pictures), len(pictures))
    chosen = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))
    crops, names, border, first = [], [], [], 0
    for field, cells, picture in zip(fields, found, pictures, strict=True):
        here = chosen[(chosen >= first) & (chosen < first + len(cells))] - first
        first += len(cells)
        if not len(here):
            continue
        some = cells.iloc[here]
        if config.normalisation == "image":
            name = field.image.path.name
            fixed = image_range(name, [(cells, picture)], 1, config.size)
        sampler = Sampler(picture, float(some["scale"].iloc[0]), "background")
        turned = angles(sampler, some, config)
        affine = crop_to_image(turned, some["scale"], config.size, some["y"], some["x"])
        cut = scaled_crops(sampler, affine, config, fixed)
        crops.append(cut.crops)
        border.append(cut.padded)
        names += [f"Cell {label} of {field.image.path.name}" for label in some["label"]]
    scales = pd.concat(found)["scale"]
    windows = float(scales.min()) * config.size, float(scales.max()) * config.size
    return Preview(_pixels(crops), names, count, windows, np.concatenate(border))


def _of_folder(config: CellsConfig, most: int) -> Preview:
    assert config.folder is not None
    listed = list_crops(config.folder)
    chosen = np.unique(np.linspace(0, len(listed) - 1, min(most, len(listed))).round().astype(int))
    paths = [listed["path"][row] for row in chosen]
    pictures = list(read_crops(paths, config.axes, config.channels))
    fixed = fixed_range(config, pictures[0].dtype, iter(pictures), len(pictures))
    cuts = []
    sides = [float(max(picture.shape[1:])) for picture in pictures]
    for picture in pictures:
        whole = whole_crop(picture, config)
        cuts.append(scaled_crops(whole.sampler, whole.affine, config, fixed))
    return Preview(
        _pixels([cut.crops for cut in cuts]),
        [listed["image"][row] for row in chosen],
        len(listed),
        (min(sides), max(sides)),
        np.concatenate([cut.padded for cut in cuts]),
    )


def _pixels(crops: list[normalise.Floats]) -> NDArray[np.float32]:
    return np.concatenate(crops).astype(np.float32)
