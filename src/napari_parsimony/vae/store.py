"""A VAE on disk: tensors and one JSON header, nothing that can run code."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from napari_parsimony.artefact import replace_file
from napari_parsimony.errors import UserError
from napari_parsimony.vae.familiarity import TrainingRange
from napari_parsimony.vae.model import Architecture, Vae

FORMAT_VERSION = 2
"""1 knew no training range."""

_REFERENCE = "training range"  # the tensor of it; those of the model have dots in their names


def save_vae(
    vae: Vae, crops_made: dict[str, Any], path: Path, dtype: torch.dtype = torch.float32
) -> None:
    """Write the weights, and the range of the cells that they were trained on.

    Parameters
    ----------
    vae
        The model.
    crops_made
        How its training crops were made (normalisation, orientation, …): part of the model.
    path
        A ``.safetensors`` file.
    dtype
        Precision on disk; ``torch.float16`` halves the size.
    """
    header = {
        "format_version": FORMAT_VERSION,
        "architecture": vae.architecture.to_dict(),
        "crops": crops_made,
        "guidance": vae.guidance,
    }
    tensors = {
        name: value.detach().to("cpu", dtype).contiguous()
        for name, value in vae.state_dict().items()
    }
    if vae.training_range is not None:
        header["training_range"] = vae.training_range.to_dict()
        tensors[_REFERENCE] = torch.from_numpy(vae.training_range.reference).to(dtype)
    replace_file(path, save(tensors, metadata={"napari_parsimony": json.dumps(header)}))


def load_vae(path: Path) -> tuple[Vae, dict[str, Any]]:
    """Read a VAE.

    Returns
    -------
    vae
        The model, on the CPU, in evaluation mode, in single precision.
    crops_made
        How its training crops were made.

    Raises
    ------
    UserError
        If the file is missing, damaged, from a newer version or not a VAE.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["napari_parsimony"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        if header["format_version"] > FORMAT_VERSION:
            raise UserError(
                f"The VAE {path} was written by a newer version of napari-parsimony: update it."
            )
        reference = tensors.pop(_REFERENCE, None)
        vae = Vae(Architecture(**header["architecture"]))
        vae.load_state_dict(tensors)
        vae.guidance = float(header.get("guidance", 0.0))
        if reference is not None:
            vae.training_range = TrainingRange.from_dict(
                header["training_range"], reference.numpy()
            )
        crops_made = dict(header["crops"])
    except FileNotFoundError as error:
        raise UserError(f"The VAE {path} is missing: run the vae step.") from error
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"The file {path} is not a VAE of napari-parsimony: {error}.") from error
    return vae.eval().requires_grad_(False), crops_made


def check_crops(expected: dict[str, Any], given: dict[str, Any], path: Path) -> None:
    """Refuse crops that were made another way than those the model was trained on.

    Raises
    ------
    UserError
        Naming the first setting that differs.
    """
    for name, value in expected.items():
        if given.get(name) != value:
            raise UserError(
                f"The VAE {path} was trained on crops with {name} = {value!r}, but these have "
                f"{given.get(name)!r}: change the cells step or train another VAE."
            )
