"""The study of the tutorial, and how its scores agree with the PH3 marker.

    python benchmarks/tutorial.py OUT

Runs the steps of ``docs/tutorial.md`` on scikit-image's ``human_mitosis`` (downloaded once, or
taken from the folder that PARSIMONY_DATA names) with the annotations made by eye, and prints each
scheme's agreement with PH3 on the nuclei that nobody annotated.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from sklearn.metrics import roc_auc_score

from napari_parsimony.cells.annotations import Annotations
from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.vae.config import VaeConfig

FILES = Path(__file__).parents[1] / "docs" / "tutorial"
COLOURS = {"interphase": "#0072b2", "mitosis": "#d55e00"}


def dna(folder: Path) -> Path:
    """Save the image as a user finds it."""
    path = folder / "human_mitosis.tif"
    if not path.exists():
        data = os.environ.get("PARSIMONY_DATA")
        if data:
            image = tifffile.imread(Path(data) / "human_mitosis" / "dna.tif")
        else:
            from skimage.data import human_mitosis

            image = human_mitosis()
        tifffile.imwrite(path, image)
    return path


def main(out: Path) -> None:
    """Run all steps and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    image = dna(out)
    study = Study.create(out / "tutorial")
    study.run(
        "cells",
        CellsConfig(image=(image,), labels=(FILES / "labels.tif",), orientation="principal axis"),
    )
    said = pd.read_csv(FILES / "annotations.csv")
    cells = {(image.name, 0, int(label)): str(name) for label, name in said.itertuples(index=False)}
    study.annotate(Annotations(COLOURS, cells))
    study.run("vae", VaeConfig(pretrained="nuclei", steps=300, guidance=100))
    study.run("classify", ClassifyConfig())
    study.run("equations", EquationsConfig())
    study.run("evaluate", EvaluateConfig())
    show(study)


def show(study: Study) -> None:
    """Print how each scheme agrees with PH3 on the nuclei that nobody annotated."""
    cells, scores = study.cells(), study.scores()
    marker = pd.read_csv(FILES / "ph3.csv").set_index("label")["class"].reindex(cells["label"])
    truth, new = marker.to_numpy() == "mitosis", cells["class"].isna().to_numpy()
    eye = cells["class"].to_numpy()[~new] == marker.to_numpy()[~new]
    print(f"annotated by eye: {len(eye)}, as PH3 says: {eye.sum()}")
    print(f"not annotated: {new.sum()}, {(truth & new).sum()} of them in mitosis by PH3")
    print(study.front().choice.unicode())
    print("| scheme | mitoses found | false alarms | accuracy | balanced | AUC |")
    print("|---|---|---|---|---|---|")
    for name in ("black_box", "dense", "sparse", "symbolic"):
        score = scores[name].to_numpy()[new]
        positive, here = score > 0, truth[new]
        found, alarms = (positive & here).sum(), (positive & ~here).sum()
        right = (positive == here).mean()
        balanced = (found / here.sum() + 1 - alarms / (~here).sum()) / 2
        auc = roc_auc_score(here, score)
        print(
            f"| {name} | {found} of {here.sum()} | {alarms} of {(~here).sum()} "
            f"| {right:.3f} | {balanced:.3f} | {auc:.3f} |"
        )
    always = 1 - truth[new].mean()
    print(f"saying 'interphase' of all: accuracy {always:.3f}, balanced {np.float64(0.5):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
