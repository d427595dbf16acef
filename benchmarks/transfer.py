"""Models of MitoCheck on cells that they were not made for, and whether *do not trust* tells.

    PARSIMONY_DATA=/path/to/data python benchmarks/transfer.py OUT

writes ``docs/results/transfer.md``. It takes the studies that ``mitocheck.py OUT`` made, turned to
the principal axis, of two classes and of five, and leaves them as they are; of each fold, VAE,
networks and equation are applied to ``human_mitosis`` without retraining. Minutes on two cores.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck import show
from mitocheck_studies import data, run_steps, settings
from sklearn.metrics import roc_auc_score

from napari_parsimony import bootstrap
from napari_parsimony.classify.scores import probabilities
from napari_parsimony.study.familiarity import read_familiarity
from napari_parsimony.study.steps import crops_made, scheme_scores, target
from napari_parsimony.study.study import Study
from napari_parsimony.study.trusting import training_range
from napari_parsimony.trust.familiarity import familiarity_table
from napari_parsimony.trust.flags import UNLIKE
from napari_parsimony.trust.metrics import auc, calibration, correct, metrics
from napari_parsimony.trust.schemes import TITLES, Estimate
from napari_parsimony.vae.store import save_vae

PAGE = Path(__file__).parents[1] / "docs" / "results" / "transfer.md"
SCHEMES = ("black_box", "dense", "sparse", "symbolic")
DRAWS = 2_000
ORIENTATION = "principal axis"
WINDOWS = (32, 16, 24, 48, 64)
"""Pixels that a crop of human_mitosis shows; the first is right."""


SAYS = """\
- **Familiar is not the same as right.** In held-out movies and in the other data set, nearly all
  errors are made on cells that look familiar: the flag finds a small part of them. Cells that it
  flags are wrong more often by the networks that read latents, and by the equation, but few are
  flagged and the intervals are wide; of the black box, which reads the crop and not the latents, it
  says little. How sure a scheme is of its own answer warns of errors much better.
- **It guards against cells of another kind, and not against all.** Of crops that show too much, a
  third (48 pixels) to two thirds (64) are flagged. Crops that show too little are not, though at
  16 pixels the equation is little better than chance: large smooth pictures are easy to redraw, and
  there are large nuclei and such out of focus among the training cells. Detectors that go by
  likelihood are known to take smooth pictures for familiar ones (Serrà et al. 2020, arXiv
  1909.11480). An error that is too small might be a flag, too; that was not tried, as these cells
  were to be measured on.
- **Other classes are hardly flagged**, as the VAE was shown them without their names. It knows
  them; classifiers that have to choose between two or five names do not. This flag cannot tell that
  a cell belongs to none of the classes.
- **In transfer the models lose about a sixth of their balanced accuracy**, and are surer than they
  are right. By AUC, the mean brightness of a nucleus does better than all: normalising each crop,
  which the models need in MitoCheck, takes it away. They were shown interphase and metaphase only,
  where PH3 marks nuclei from prophase on, and there are only 21 of these.
"""


@dataclass(frozen=True)
class Cells:
    """N cells that models have not seen.

    Attributes
    ----------
    scores
        (N, outputs) of each scheme.
    target, groups
        (N,) class, NaN without one, and what is drawn anew.
    unlike
        (N,) how unlike training cells; above 1: *do not trust*.
    kind
        (N,) class as the data set calls it.
    fold
        (N,) which models judged a cell.
    """

    scores: Mapping[str, np.ndarray]
    target: np.ndarray
    groups: np.ndarray
    unlike: np.ndarray
    kind: np.ndarray
    fold: np.ndarray

    def where(self, rows: np.ndarray) -> "Cells":
        """Take some of the cells."""
        scores = {name: each[rows] for name, each in self.scores.items()}
        others = (self.target, self.groups, self.unlike, self.kind, self.fold)
        return Cells(scores, *(each[rows] for each in others))

    @property
    def flagged(self) -> np.ndarray:
        """(N,) which are not to be trusted."""
        return self.unlike > 1

    def wrong(self, scheme: str) -> np.ndarray:
        """(N,) which are not given their class."""
        return ~correct(self.scores[scheme], self.target.astype(np.intp))


def together(parts: list[Cells]) -> Cells:
    """Put the cells of several folds into one table."""
    scores = {name: np.concatenate([part.scores[name] for part in parts]) for name in SCHEMES}
    names = ("target", "groups", "unlike", "kind", "fold")
    return Cells(scores, *(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def mitocheck(study: Study, familiarity: pd.DataFrame, fold: int) -> Cells:
    """Take the held-out cells of a study of MitoCheck, those of none of its classes too."""
    cells, (number, _) = study.cells(), target(study)
    new = (cells["split"] == "test").to_numpy()
    scores = {name: each[new] for name, each in scheme_scores(study).items()}
    groups, kind = cells["group"].to_numpy()[new], cells["class"].to_numpy()[new]
    unlike = familiarity[UNLIKE].to_numpy()[new]
    return Cells(scores, number[new], groups, unlike, kind, np.full(new.sum(), fold))


def human_mitosis(out: Path, fold: int, model: Study, weights: Path, window: int = 32) -> Cells:
    """Apply the models of a study to the field of nuclei, and judge them by PH3.

    Nuclei are half as wide as MitoCheck's, so that a window of 32 pixels makes them alike.
    """
    source = data() / "human_mitosis"
    steps = {
        "cells": {
            "image": [source / "dna.tif"],
            "labels": [source / "labels_auto.tif"],
            "classes": source / "nuclei.csv",
            "window": window,
            "orientation": ORIENTATION,
        },
        "vae": {"start_from": weights, "steps": 0},
        "classify": {
            "start_from": model.path / "classify",
            "classes": {"interphase": ["interphase"], "metaphase": ["mitotic"]},
        },
        "equations": {
            "start_from": model.path / "equations" / "front.json",
            "choice": model.front().choice.size,
        },
        "evaluate": {},
        "trust": {},
    }
    study = run_steps(out / f"human_mitosis, window {window}, fold {fold}", steps)
    cells, familiarity = study.cells(), read_familiarity(study)
    assert familiarity is not None
    return Cells(
        scheme_scores(study),
        target(study)[0],
        cells["group"].to_numpy(),
        familiarity[UNLIKE].to_numpy(),
        cells["class"].to_numpy(),
        np.full(len(cells), fold),
    )


def estimate(values: np.ndarray) -> str:
    """Write the first of some values, the others being resamples of it."""
    if not np.isfinite(values[0]):
        return "–"
    low, high = bootstrap.interval(values[1:], 0.95) or (None, None)
    return show(Estimate(value=float(values[0]), low=low, high=high))


def weights_of(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Index of each cell's group, and how often each is drawn: once in the first row."""
    names, group = bootstrap.encode(cells.groups)
    return group, np.vstack([np.ones(len(names)), bootstrap.draw(len(names), DRAWS, 0)])


def share(cells: Cells, values: np.ndarray, among: np.ndarray) -> str:
    """Write the mean of some cells' values, with an interval from drawing groups anew."""
    if not among.any():
        return "–"
    group, weights = weights_of(cells)
    number = weights.shape[1]
    total = np.bincount(group[among], values[among].astype(float), number)
    with np.errstate(invalid="ignore", divide="ignore"):
        return estimate((weights @ total) / (weights @ np.bincount(group[among], None, number)))


def error_rates(cells: Cells) -> str:
    """Write how often each scheme is wrong inside and outside of the training range."""
    known = cells.where(np.isfinite(cells.target))
    lines = [
        "| scheme | wrong, inside | wrong, outside | of its errors flagged | of what is right "
        "flagged |",
        "|---|---|---|---|---|",
    ]
    for name in SCHEMES:
        wrong, out = known.wrong(name), known.flagged
        found = [
            share(known, wrong, ~out), share(known, wrong, out),
            share(known, out, wrong), share(known, out, ~wrong),
        ]  # fmt: skip
        lines.append(f"| {TITLES[name]} | {' | '.join(found)} |")
    inside, outside = (~known.flagged).sum(), known.flagged.sum()
    return "\n".join(lines) + f"\n\nCells: {inside:,} inside, {outside:,} outside.\n"


def warnings(cells: Cells) -> str:
    """Write how well unlikeness, and a scheme's own doubt, tell its errors from what is right."""
    known = cells.where(np.isfinite(cells.target))
    group, weights = weights_of(known)
    lines = ["| scheme | unlike training cells | unsure |", "|---|---|---|"]
    for name in SCHEMES:
        wrong = known.wrong(name)
        unsure = 1 - np.nan_to_num(probabilities(known.scores[name]).max(axis=1))
        found = [
            estimate(auc(value, wrong, group, weights, known.fold))
            for value in (known.unlike, unsure)
        ]
        lines.append(f"| {TITLES[name]} | {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


def performance(cells: Cells) -> str:
    """Write balanced accuracy, AUC and calibration, each the mean over the models of all folds."""
    folds = [cells.where(cells.fold == fold) for fold in np.unique(cells.fold)]
    lines = [
        "| scheme | balanced accuracy | accuracy | AUC | sure | right | calibration error |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in SCHEMES:
        found = []
        for fold in folds:
            group, weights = weights_of(fold)
            found.append(metrics(fold.scores[name], fold.target.astype(np.intp), group, weights))
        mean = {each: np.mean([one[each] for one in found], axis=0) for each in found[0]}
        sure = np.nanmean([probabilities(f.scores[name]).max(1).mean() for f in folds])
        error = np.mean([calibration(f.scores[name], f.target.astype(int))[0] for f in folds])
        columns = [estimate(mean[each]) for each in ("balanced_accuracy", "accuracy", "auc")]
        columns += [f"{sure:.2f}", f"{mean['accuracy'][0]:.2f}", f"{error:.2f}"]
        lines.append(f"| {TITLES[name]} | {' | '.join(columns)} |")
    return "\n".join(lines) + "\n"


def per_fold(folds: list[Cells]) -> str:
    """Write balanced accuracies, and how many cells are flagged, of each fold's models."""
    lines = [f"| fold | {' | '.join(TITLES[n] for n in SCHEMES)} | flagged |", "|---" * 6 + "|"]
    for number, fold in enumerate(folds):
        group, weights = weights_of(fold)
        found = [
            metrics(fold.scores[name], fold.target.astype(np.intp), group, weights[:1])
            for name in SCHEMES
        ]
        values = [f"{each['balanced_accuracy'][0]:.3f}" for each in found]
        lines.append(f"| {number} | {' | '.join(values)} | {fold.flagged.mean():.3f} |")
    return "\n".join(lines) + "\n"


def by_class(cells: Cells, learned: Mapping[str, list[str]]) -> str:
    """Write how many held-out cells of each class are flagged."""
    lines = ["| class | cells | flagged |", "|---|---|---|"]
    kinds = {raw for members in learned.values() for raw in members}
    for kind in sorted(set(cells.kind), key=lambda name: (name not in kinds, name)):
        own = cells.kind == kind
        mark = "" if kind in kinds else " (other)"
        lines.append(f"| {kind}{mark} | {own.sum():,} | {share(cells, cells.flagged, own)} |")
    for title, other in (("all of the five", False), ("all others", True)):
        own = np.isin(cells.kind, list(kinds), invert=other)
        lines.append(f"| *{title}* | {own.sum():,} | {share(cells, cells.flagged, own)} |")
    return "\n".join(lines) + "\n"


def windows(folds: Mapping[str, list[Cells]]) -> str:
    """Write how many cells are flagged, and what schemes are worth, at each window."""
    lines = [
        "| pixels in a crop | flagged | balanced accuracy, black box | symbolic |",
        "|---|---|---|---|",
    ]
    for window in sorted(WINDOWS):
        each = folds[_name(window)]
        every = together(each)
        found = [share(every, every.flagged, every.unlike >= 0)]
        for name in ("black_box", "symbolic"):
            values = []
            for fold in each:
                group, weights = weights_of(fold)
                values.append(
                    metrics(fold.scores[name], fold.target.astype(np.intp), group, weights)
                )
            mean = np.mean([value["balanced_accuracy"] for value in values], axis=0)
            found.append(estimate(mean))
        lines.append(f"| {window} | {' | '.join(found)} |")
    return "\n".join(lines) + "\n"


def brightness() -> str:
    """Write how well the mean brightness of a nucleus alone agrees with PH3."""
    nuclei = pd.read_csv(data() / "human_mitosis" / "nuclei.csv")
    area = roc_auc_score(nuclei["class"] == "mitotic", nuclei["dna_mean"])
    return f"{area:.3f}"


def page(folds: dict[str, list[Cells]]) -> str:
    """Write what was measured."""
    two, five, far = (folds[name] for name in ("two", "five", "window 32"))
    every = together(far)
    mitotic, count = int((far[0].target == 1).sum()), len(far[0].target)
    return "\n".join([
        "# Transfer, and *do not trust*\n",
        "Made by `python benchmarks/transfer.py OUT` from studies of `benchmarks/mitocheck.py`,\n"
        "crops turned to the principal axis, VAE without labels. A cell is flagged *do not trust*\n"
        "if its reconstruction error or its distance to training cells is above the 99th\n"
        "percentile of validation cells; see [Trust](../trust.md). Limits are from MitoCheck's\n"
        "training movies only. In brackets: 95 % intervals by bootstrap over movies; of\n"
        "human_mitosis, which is one field, over its nine tiles: too few, so too narrow.\n",
        "## Held-out movies of MitoCheck\n",
        "Every cell once, by models that saw no cell of its movie; five folds together.\n",
        f"Flagged: {share(all_two := together(two), all_two.flagged, all_two.flagged >= 0)} of "
        f"{len(all_two.flagged):,} cells.\n",
        "### Interphase against metaphase\n", error_rates(all_two),
        "### Five classes\n", error_rates(together(five)),
        "### Classes that no classifier was shown\n",
        "The VAE was trained without classes, on cells of all sixteen.\n",
        by_class(together(five), settings()["tasks"]["five"]),
        "## human_mitosis, without retraining\n",
        f"{count} nuclei of another cell line, fixed, from another microscope, {mitotic} of\n"
        "them in mitosis by PH3 (mean above 20). Crops of 32 pixels, resampled to 64, as nuclei\n"
        "are half as wide as MitoCheck's. PH3 marks mitosis from prophase on; the models know\n"
        "interphase and metaphase only. Numbers are means over the models of the five folds;\n"
        "*sure* is the mean probability of the class that a scheme gives, *right* how often it\n"
        "is that one.\n",
        performance(every),
        f"The mean brightness of a nucleus alone has an AUC of {brightness()}. Balanced accuracy\n"
        "of each fold's models, and the share of nuclei that is flagged:\n",
        per_fold(far),
        "### Errors and flags\n", "All nuclei five times, once by the models of each fold.\n",
        error_rates(every),
        "### What warns of an error\n",
        "AUC with which wrong cells are told from right ones, 0.5 by chance: by how unlike\n"
        "training cells they are, and by the probability that the scheme gives its own answer.\n",
        "MitoCheck, interphase against metaphase:\n", warnings(all_two),
        "MitoCheck, five classes:\n", warnings(together(five)),
        "human_mitosis:\n", warnings(every),
        "### Nuclei in mitosis\n",
        f"Flagged are {share(every, every.flagged, every.target == 1)} of nuclei in mitosis and\n"
        f"{share(every, every.flagged, every.target == 0)} of those in interphase.\n",
        "### Crops that show too little or too much\n",
        "The same nuclei as they look to the models if nobody minds their size:\n",
        windows(folds),
        "## What this says\n", SAYS,
    ])  # fmt: skip


def _name(window: int) -> str:
    return f"window {window}"


def main() -> None:
    """Apply, measure and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=Path, help="where mitocheck.py's OUT is, if elsewhere")
    options = parser.parse_args()
    out = options.out.resolve()
    models = (options.models or out).resolve()
    folds: dict[str, list[Cells]] = {name: [] for name in ("two", "five", *map(_name, WINDOWS))}
    for fold in range(settings()["study"]["cells"]["folds"]):
        two = Study.open(models / f"{ORIENTATION}, fold {fold}")
        five = Study.open(models / f"{ORIENTATION}, fold {fold}, five classes")
        known, vae = training_range(two), two.vae()
        assert known is not None
        vae.training_range = known
        weights = out / f"weights, fold {fold}.safetensors"
        if not weights.exists():
            save_vae(vae, crops_made(two), weights)
        familiarity = familiarity_table(vae, two.crops(), two.latents(), known)
        if not five.latents().equals(two.latents()):
            raise SystemExit(f"The five classes of fold {fold} are of another VAE.")
        folds["two"].append(mitocheck(two, familiarity, fold))
        folds["five"].append(mitocheck(five, familiarity, fold))
        for window in WINDOWS:
            folds[_name(window)].append(human_mitosis(out, fold, two, weights, window))
    PAGE.write_text(page(folds))


if __name__ == "__main__":
    main()
