"""Make the demo study that is shipped in ``sample_data``.

    PARSIMONY_DATA=/path/to/data python benchmarks/demo_study.py OUT

trains the models on the MitoCheck crops (``OUT/model``) as ``benchmarks/mitocheck.toml`` says and
applies them, as they are, to one field of other cells from another laboratory (``OUT/demo_study``).
All seeds are in the settings. The classes of the field were annotated by eye, see ``METAPHASE``.
"""

import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
import torch
from skimage.measure import regionprops_table

from napari_parsimony.config import parse_config
from napari_parsimony.report import STEPS
from napari_parsimony.study.run import run_step
from napari_parsimony.study.study import Study
from napari_parsimony.vae.store import load_vae, save_vae

METAPHASE = (3, 70, 81, 130, 147, 173)
"""Compact bright plates."""

UNDECIDED = (7, 43, 47, 53, 75, 153, 156, 160)
"""An anaphase pair, nuclei that overlap a plate, and others that the eye cannot settle."""

SMALLEST = 120  # pixels; smaller objects are pieces of nuclei, left without a class


def annotate(labels: np.ndarray) -> pd.DataFrame:
    """Return label and class of the annotated nuclei."""
    nuclei = pd.DataFrame(regionprops_table(labels, properties=("label", "area")))
    clear = nuclei[(nuclei["area"] >= SMALLEST) & ~nuclei["label"].isin(UNDECIDED)]
    state = np.where(clear["label"].isin(METAPHASE), "metaphase", "interphase")
    return pd.DataFrame({"label": clear["label"], "class": state})


def main() -> None:
    """Train on one data set, apply to the other."""
    data, out = Path(os.environ["PARSIMONY_DATA"]).resolve(), Path(sys.argv[1]).resolve()
    settings = tomllib.loads(Path(__file__).with_name("mitocheck.toml").read_text())
    settings["cells"]["folder"] = str(data / "mitocheck")
    model = out / "model"
    study = Study.open(model) if (model / "study.json").exists() else Study.create(model)
    for name in ("cells", "vae", "classify", "equations", "evaluate", "report"):
        if study.state(name) != "ready":
            run_step(study, STEPS[name], parse_config(STEPS[name].config, settings.get(name, {})))
    # half precision halves the download; what it changes is below the noise of a crop
    weights = out / "half" / "weights.safetensors"
    save_vae(*load_vae(model / "vae" / "weights.safetensors"), weights, torch.float16)

    demo = Study.create(out / "demo_study", "Demo: nuclei of one field")
    for name in ("image", "labels"):
        shutil.copy(data / "nuclei_field" / f"{name}.tif", demo.path)
    shutil.copy(data / "nuclei_field" / "LICENSE", demo.path / "LICENSE-images")
    annotate(tifffile.imread(demo.path / "labels.tif")).to_csv(
        demo.path / "classes.csv", index=False
    )
    steps = {
        "cells": {
            "image": [demo.path / "image.tif"],
            "labels": [demo.path / "labels.tif"],
            "classes": demo.path / "classes.csv",
            "orientation": settings["cells"]["orientation"],
        },
        "vae": {"start_from": weights, "steps": 0},
        "classify": {"start_from": model / "classify"},
        "equations": {"start_from": model / "equations" / "front.json"},
        "evaluate": {},
    }
    for name, values in steps.items():
        record = run_step(demo, STEPS[name], parse_config(STEPS[name].config, values))
        print(f"{name}: {record.seconds:.1f} s")
    # the models lie elsewhere on every machine
    for name in ("vae", "classify", "equations"):
        path = demo.path / name / "step.json"
        text = path.read_text().replace(str(out), "..").replace(str(data), "data")
        json.loads(text)
        path.write_text(text)
    print(json.dumps(json.loads((demo.path / "evaluate" / "schemes.json").read_text()), indent=1))


if __name__ == "__main__":
    main()
