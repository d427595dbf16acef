"""Latent positions that people want to come back to, kept in the study."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError
from napari_parsimony.study.study import Study

FILE = "bookmarks.json"
FORMAT_VERSION = 1

Bookmarks = dict[str, NDArray[np.float64]]


def read_bookmarks(study: Study) -> Bookmarks:
    """Read the positions, (latents,) each, by name; those of an earlier VAE are forgotten.

    Raises
    ------
    UserError
        If the file is something else, or of a newer version.
    """
    path, record = study.path / FILE, study.step("vae")
    if record is None or not path.exists():
        return {}
    content = read_json(path)
    try:
        version = int(content["format_version"])
        if version > FORMAT_VERSION:
            raise UserError(
                f"The file {path} has format {version}, but this napari-parsimony reads formats "
                f"up to {FORMAT_VERSION}: update napari-parsimony to open it."
            )
        if content["vae"] != record.fingerprint:
            return {}
        found = {
            str(name): np.array(latents, np.float64)
            for name, latents in content["bookmarks"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"The file {path} holds no bookmarks that can be read: restore it, or move it away."
        ) from error
    count = len(study.latent_statistics())
    for name, latents in found.items():
        if latents.shape != (count,) or not np.isfinite(latents).all():
            raise UserError(
                f"The bookmark '{name}' in {path} is no position of {count} latents: mend it, or "
                "move the file away."
            )
    return found


def write_bookmarks(study: Study, bookmarks: Mapping[str, NDArray[Any]]) -> None:
    """Replace the bookmarks, whole or not at all.

    Raises
    ------
    UserError
        If there is no VAE, or they cannot be written.
    """
    record = study.step("vae")
    if record is None:
        raise UserError(f"The study '{study.name}' has no latents yet: run the step 'vae'.")
    positions = {name: [float(value) for value in latents] for name, latents in bookmarks.items()}
    content = {
        "format_version": FORMAT_VERSION,
        "vae": record.fingerprint,
        "bookmarks": positions,
    }
    write_json(study.path / FILE, content)
