"""Make the nuclei VAEs that are shipped in ``napari_parsimony/vae/pretrained``.

    PARSIMONY_DATA=/path/to/data python benchmarks/pretrained.py OUT

cuts the dsb2018 fluorescence fields into crops, as imaged and turned to the principal axis, each
normalised by crop and by image, trains a VAE on each of the four and writes its weights in half
precision, nuclei-*.safetensors. Several processes may train one each: see ``--help``. Printed are
figures on images that no weight was learned from: validation images decided when to stop and
between numbers of steps, test images nothing. Minutes with a GPU, hours without.

``--ranges`` trains nothing: it finds out once more which range the cells of the shipped weights
had, and writes it into them. Minutes.
"""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mitocheck_studies import ORIENTATIONS, data, run_steps

from napari_parsimony.study.steps import crops_made
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.familiarity import learn_range
from napari_parsimony.vae.latents import ACTIVE_KL, decode_latents, encode_crops
from napari_parsimony.vae.loss import decompose_full, kl_per_latent
from napari_parsimony.vae.model import Vae, pixel_weights, reconstruction_loss
from napari_parsimony.vae.pretrained import NORMALISATIONS, weights_to_start_from
from napari_parsimony.vae.store import load_vae, save_vae

STEPS = {"percentile": 40_000, "image": 30_000}

LEFT_OUT = "4dbbb275960a"
"""The field of which the demo study shows a part: what is shown there stays new to the VAE."""


def cells_of(orientation: str, normalisation: str) -> dict[str, Any]:
    """Return settings of the cells step; those that are not named are the defaults."""
    labels = sorted((data() / "dsb2018_fluorescence").glob("*_labels.tif"))
    labels = [path for path in labels if not path.name.startswith(LEFT_OUT)]
    return {
        "image": [path.with_name(path.name.replace("_labels", "")) for path in labels],
        "labels": labels,
        "orientation": orientation,
        "normalisation": normalisation,
        "group_by": "image",
        "folds": 10,
    }


def trained(out: Path, orientation: str, normalisation: str, steps: int) -> Study:
    """Cut crops and train a VAE on them; all settings that are not named are the defaults."""
    cells = cells_of(orientation, normalisation)
    # stops only where a fifth of all steps brought nothing
    vae = {"steps": steps, "check_every": max(1, steps // 100), "patience": 20}
    name = f"{orientation}, {normalisation}, {steps} steps"
    return run_steps(out / name, {"cells": cells, "vae": vae})


def write_range(out: Path, orientation: str, normalisation: str) -> None:
    """Write into shipped weights what the cells were like that they were trained on."""
    cells = cells_of(orientation, normalisation)
    path = out / f"{orientation}, {normalisation}, as shipped"
    study = run_steps(path, {"cells": cells, "vae": {"pretrained": "nuclei", "steps": 0}})
    config = VaeConfig(pretrained="nuclei", steps=0)
    shipped = weights_to_start_from(config, crops_made(study))
    vae, _ = load_vae(shipped)
    statistics = study.latent_statistics()
    mean = study.latents()[statistics["name"].tolist()].to_numpy(np.float32)
    active, split = statistics["active"].to_numpy(), study.cells()["split"].to_numpy(str)
    # trained with the defaults, as far as it is asked for here
    vae.training_range = found = learn_range(vae, study.crops(), mean, split, active, config)
    save_vae(vae, crops_made(study), shipped, torch.float16)
    limits = {"error": found.error, "distance": found.distance, "judges": found.judges}
    show(shipped.name, limits)


def figures(vae: Vae, crops: np.ndarray, focus: float) -> dict[str, float]:
    """Describe how a VAE does on some crops; terms are in nats per crop."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mean, log_variance = (torch.from_numpy(value) for value in encode_crops(vae, crops))
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
    z = mean + noise * torch.exp(0.5 * log_variance)
    pixels, weights = torch.from_numpy(crops).float(), pixel_weights(crops.shape[-1], focus)
    with torch.inference_mode():
        losses = [
            reconstruction_loss(vae.decode_logits(part), target, weights, "bernoulli", 1.0)
            for part, target in zip(z.split(512), pixels.split(512), strict=True)
        ]
        with device:
            terms = decompose_full(mean.to(device), log_variance.to(device), z.to(device))
    kl = kl_per_latent(mean, log_variance).mean(0)
    return {
        "cells": len(crops),
        "reconstruction": float(torch.cat(losses).mean()),
        "KL": float(kl.sum()),
        "active latents": int((kl > ACTIVE_KL).sum()),
        "mutual information": float(terms.mutual_information),
        "total correlation": float(terms.total_correlation),
        "dimension-wise KL": float(terms.dimension_wise_kl),
        "error of a pixel": rms(decode_latents(vae, mean.numpy()) - crops),
        "that of the average crop": rms(pixels.mean(0).numpy() - crops),
    }


def reconstructions(vae: Vae, crops: np.ndarray) -> np.ndarray:
    """Encode and decode."""
    return decode_latents(vae, encode_crops(vae, crops)[0])


def rms(differences: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(differences, dtype=np.float64))))


def show(title: str, values: dict[str, Any]) -> None:
    """Print figures on one line."""
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    print(f"{title}: {numbers}", flush=True)


def main() -> None:
    """Train, write and describe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, help="by default, as the shipped ones")
    parser.add_argument("--orientation", choices=ORIENTATIONS, action="append")
    parser.add_argument("--normalisation", choices=NORMALISATIONS, action="append")
    parser.add_argument("--ranges", action="store_true", help="of shipped weights only")
    given = parser.parse_args()
    out = given.out.resolve()
    kinds = product(given.orientation or ORIENTATIONS, given.normalisation or NORMALISATIONS)
    for orientation, normalisation in kinds:
        if given.ranges:
            write_range(out, orientation, normalisation)
            continue
        steps = given.steps or STEPS[normalisation]
        study = trained(out, orientation, normalisation, steps)
        record, split = study.step("vae"), study.cells()["split"].to_numpy()
        assert record is not None
        print(f"{study.path.name}: best of {study.history()['step'].max()} steps")
        single = study.vae()
        made = f"{orientation}-{normalisation}".replace(" ", "-")
        path = study.path / f"nuclei-{made}.safetensors"
        save_vae(single, crops_made(study), path, torch.float16)
        half, _ = load_vae(path)
        focus = float(record.config["focus"])
        for part in ("validation", "test", "all"):
            crops = np.array(study.crops()[(split == part) | (part == "all")])
            show(f"  {part}", figures(half, crops, focus))
            if part == "validation":
                show("  before halving", figures(single, crops, focus))
                change = reconstructions(half, crops) - reconstructions(single, crops)
                show("  change", {"of a pixel": rms(change), "at most": np.abs(change).max()})


if __name__ == "__main__":
    main()
