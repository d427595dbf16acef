"""Weights that come with the package; how they were made is told beside them."""

from pathlib import Path
from typing import Any

from napari_parsimony.errors import UserError
from napari_parsimony.vae.config import VaeConfig

NORMALISATIONS = ("percentile", "image")
"""Of crops that there are shipped weights for, in either orientation."""


def weights_to_start_from(config: VaeConfig, crops_made: dict[str, Any]) -> Path | None:
    """Find the weights that a training starts from.

    Parameters
    ----------
    config
        Settings.
    crops_made
        How the crops were made. Of the shipped weights only those for crops of the same
        orientation and normalisation are of use; whether all else fits is for their reader to
        check.

    Returns
    -------
    Path or None
        A ``.safetensors`` file, or None where training starts from scratch.

    Raises
    ------
    UserError
        If there are no shipped weights for crops of this normalisation.
    """
    if config.pretrained == "none":
        return config.start_from
    normalisation = crops_made["normalisation"]
    if normalisation not in NORMALISATIONS:
        raise UserError(
            f"The weights '{config.pretrained}' are for crops with normalisation = "
            f"{' or '.join(map(repr, NORMALISATIONS))}, but these have {normalisation!r}: change "
            "the cells step or train from scratch."
        )
    made = f"{crops_made['orientation']}-{normalisation}".replace(" ", "-")
    return Path(__file__).with_suffix("") / f"{config.pretrained}-{made}.safetensors"
