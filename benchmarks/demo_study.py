"""Make the demo study that is shipped in ``sample_data``.

    PARSIMONY_DATA=/path/to/data python benchmarks/demo_study.py OUT

applies the models of one MitoCheck study (trained if they are not in OUT yet), as they are, to one
field of other cells from another laboratory. All seeds are in ``mitocheck.toml``. The classes of
the field were annotated by eye, see ``METAPHASE``.

    PARSIMONY_DATA=/path/to/data python benchmarks/demo_study.py OUT WEIGHTS

takes a VAE that there is, such as that of the present demo study, instead of training one: minutes
instead of an hour.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch
from mitocheck_studies import data, fold_study, run_steps
from safetensors.torch import load_file, save_file
from skimage.measure import regionprops_table

from napari_parsimony.study.steps import crops_made
from napari_parsimony.study.study import Study
from napari_parsimony.study.trusting import training_range
from napari_parsimony.vae.store import save_vae

METAPHASE = (3, 70, 81, 130, 147, 173)
"""Compact bright plates."""

UNDECIDED = (7, 43, 47, 53, 75, 153, 156, 160)
"""An anaphase pair, nuclei that overlap a plate, and others that the eye cannot settle."""

FOLD = 2
"""Of the five MitoCheck models, the one whose equation tells the plates of this field best."""

SIZE = 11
"""Of the equation that is shown; longer ones are no better here."""

SMALLEST = 120  # pixels; smaller objects are pieces of nuclei, left without a class


def annotate(labels: np.ndarray) -> pd.DataFrame:
    """Return label and class of the annotated nuclei."""
    nuclei = pd.DataFrame(regionprops_table(labels, properties=("label", "area")))
    clear = nuclei[(nuclei["area"] >= SMALLEST) & ~nuclei["label"].isin(UNDECIDED)]
    state = np.where(clear["label"].isin(METAPHASE), "metaphase", "interphase")
    return pd.DataFrame({"label": clear["label"], "class": state})


def carry_models(demo: Path) -> None:
    """Record that models were taken from the study's own files, so that steps can be run again.

    What was trained elsewhere lies elsewhere on every machine, or nowhere.
    """
    own = {
        "vae": "vae/weights.safetensors",
        "classify": "classify",
        "equations": "equations/front.json",
    }
    for name, file in own.items():
        path = demo / name / "step.json"
        record = json.loads(path.read_text())
        record["config"]["start_from"] = file
        record["sources"] = {}
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """Train on one data set, apply to the other."""
    out = Path(sys.argv[1]).resolve()
    vae = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    model = fold_study(out, "principal axis", FOLD, vae=vae)
    # half precision halves the download; what it changes is below the noise of a crop
    weights, networks = out / "half" / "weights.safetensors", out / "half" / "classify"
    taken = model.vae()
    taken.training_range = training_range(model)  # weights of a former version do not say it
    save_vae(taken, crops_made(model), weights, torch.float16)
    networks.mkdir(exist_ok=True)
    classifier = model.classifier()
    classifier.black_box = classifier.black_box[:1]
    classifier.save(networks)
    tensors = load_file(networks / "networks.safetensors")
    for name in tensors:
        if tensors[name].is_floating_point():
            tensors[name] = tensors[name].half()
    save_file(tensors, networks / "networks.safetensors")

    demo = out / "demo_study"
    shutil.rmtree(demo, ignore_errors=True)
    Study.create(demo, "Demo: nuclei of one field")
    for name in ("image", "labels"):
        shutil.copyfile(data() / "nuclei_field" / f"{name}.tif", demo / f"{name}.tif")
    shutil.copyfile(data() / "nuclei_field" / "LICENSE", demo / "LICENSE-images")
    annotate(tifffile.imread(demo / "labels.tif")).to_csv(demo / "classes.csv", index=False)
    steps = {
        "cells": {
            "image": [demo / "image.tif"],
            "labels": [demo / "labels.tif"],
            "classes": demo / "classes.csv",
            "orientation": "principal axis",
        },
        "vae": {"start_from": weights, "steps": 0},
        "classify": {"start_from": networks},
        "equations": {"start_from": model.path / "equations" / "front.json", "choice": SIZE},
        "evaluate": {},
        "trust": {},
    }
    study = run_steps(demo, steps)
    carry_models(demo)
    for scheme in study.schemes().schemes:
        print(scheme.title, scheme.balanced_accuracy, scheme.auc)


if __name__ == "__main__":
    main()
