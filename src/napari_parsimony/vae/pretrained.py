"""Weights that come with the package; how they were made is told beside them."""

from pathlib import Path
from typing import Any

from napari_parsimony.vae.config import VaeConfig


def weights_to_start_from(config: VaeConfig, crops_made: dict[str, Any]) -> Path | None:
    """Find the weights that a training starts from.

    Parameters
    ----------
    config
        Settings.
    crops_made
        How the crops were made. Of the shipped weights only those for crops of the same
        orientation are of use; whether all else fits is for their reader to check.

    Returns
    -------
    Path or None
        A ``.safetensors`` file, or None where training starts from scratch.
    """
    if config.pretrained == "none":
        return config.start_from
    orientation = str(crops_made["orientation"]).replace(" ", "-")
    return Path(__file__).with_suffix("") / f"{config.pretrained}-{orientation}.safetensors"
