"""The study of the tutorial, and how its scores agree with the PH3 marker.

    python benchmarks/tutorial.py OUT [--seed 1]

Runs the steps of ``docs/tutorial.md`` on scikit-image's ``human_mitosis`` (downloaded once, or
taken from the folder that PARSIMONY_DATA names) with the annotations made by eye, and prints each
scheme's agreement with PH3 on the nuclei that nobody annotated. The black box is a single network,
and what sparsity costs is not swept: neither has a say in the other schemes.
"""

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from scipy import ndimage
from scipy.stats import binomtest
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


def main(out: Path, seed: int) -> None:
    """Run all steps and print the table."""
    out.mkdir(parents=True, exist_ok=True)
    image = dna(out)
    study = Study.create(out / f"tutorial, seed {seed}")
    study.run(
        "cells",
        CellsConfig(
            image=(image,),
            labels=(FILES / "labels.tif",),
            orientation="principal axis",
            normalisation="image",
        ),
    )
    said = pd.read_csv(FILES / "annotations.csv")
    cells = {(image.name, 0, int(label)): str(name) for label, name in said.itertuples(index=False)}
    study.annotate(Annotations(COLOURS, cells))
    study.run("vae", VaeConfig(pretrained="nuclei", steps=300, guidance=100, seed=seed))
    study.run("classify", ClassifyConfig(seed=seed, black_box_seeds=1, sweep=False))
    study.run("equations", EquationsConfig(seed=seed))
    study.run("evaluate", EvaluateConfig())
    show(study)


def show(study: Study) -> None:
    """Print how each scheme agrees with PH3 on the nuclei that nobody annotated.

    Beside them stands the mean brightness of a nucleus in the image, with the threshold that does
    best on the annotated nuclei. Intervals are of 95 %.
    """
    cells, scores = study.cells(), study.scores()
    marker = pd.read_csv(FILES / "ph3.csv").set_index("label")["class"].reindex(cells["label"])
    truth, new = marker.to_numpy() == "mitosis", cells["class"].isna().to_numpy()
    told = cells["class"].to_numpy()[~new] == "mitosis"
    print(f"annotated by eye: {len(told)}, as PH3 says: {(told == truth[~new]).sum()}")
    print(f"not annotated: {new.sum()}, {(truth & new).sum()} of them in mitosis by PH3")
    print(study.front().choice.unicode())
    image = tifffile.imread(study.path.parent / "human_mitosis.tif")
    brightness = ndimage.mean(image, tifffile.imread(FILES / "labels.tif"), cells["label"])
    values = {
        name: scores[name].to_numpy() for name in ("black_box", "dense", "sparse", "symbolic")
    }
    values["mean brightness"] = brightness - threshold(brightness[~new], told)
    print("| scheme | mitoses found | false alarms | accuracy | balanced | AUC |")
    print("|---|---|---|---|---|---|")
    for name, value in values.items():
        score, here = value[new], truth[new]
        positive = score > 0
        found, alarms = (positive & here).sum(), (positive & ~here).sum()
        right = (positive == here).sum()
        low, high = wilson(right, len(here))
        balanced = (found / here.sum() + 1 - alarms / (~here).sum()) / 2
        least, most = resampled_auc(here, score)
        print(
            f"| {name} | {found} of {here.sum()} | {alarms} of {(~here).sum()} "
            f"| {right / len(here):.3f} ({low:.2f} to {high:.2f}) | {balanced:.3f} "
            f"| {roc_auc_score(here, score):.3f} ({least:.2f} to {most:.2f}) |"
        )
    always = 1 - truth[new].mean()
    print(f"saying 'interphase' of all: accuracy {always:.3f}, balanced {np.float64(0.5):.3f}")


def threshold(values: np.ndarray, positive: np.ndarray) -> float:
    """Threshold with the best balanced accuracy on the annotated nuclei."""
    edges = np.sort(values)
    edges = (edges[1:] + edges[:-1]) / 2
    above = values > edges[:, None]
    return float(edges[np.argmax(above[:, positive].mean(1) - above[:, ~positive].mean(1))])


def wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    interval = binomtest(int(right), of).proportion_ci(method="wilson")
    return interval.low, interval.high


def resampled_auc(truth: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Bootstrap over nuclei, of each class as many as there are."""
    random = np.random.default_rng(0)
    parts = [np.flatnonzero(truth), np.flatnonzero(~truth)]
    draws = [
        np.concatenate([random.choice(part, len(part)) for part in parts]) for _ in range(2000)
    ]
    return np.percentile([roc_auc_score(truth[rows], score[rows]) for rows in draws], [2.5, 97.5])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.out, given.seed)
