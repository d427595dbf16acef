"""The four schemes on MitoCheck: five folds by movie, crops as imaged and turned.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck.py OUT

writes ``docs/results/mitocheck.md``, of two classes, and ``mitocheck-five.md``. No VAE, network or
equation has seen a movie that it is tested on; all five test sets together are every cell once.
Takes hours on two cores and goes on where it was interrupted; ``--only "principal axis"`` takes
crops of one orientation, and the pages have what there is.
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck_studies import ORIENTATIONS, PAGES, fold_study, settings

from napari_parsimony.classify.scores import columns_of, decided, scores_of
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.evaluate import Pooled, compare, pool
from napari_parsimony.trust.schemes import Complexity, Estimate, Schemes

RESULTS = Path(__file__).parents[1] / "docs" / "results"
SCHEMES = ["black_box", "dense", "sparse", "symbolic", "shape"]


def held_out(study: Study) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Scores, targets and movies of the test cells of one study."""
    cells, (number, classes) = study.cells(), target(study)
    rows = (cells["split"] == "test").to_numpy() & np.isfinite(number)
    columns = [column for scheme in SCHEMES for column in columns_of(scheme, classes)]
    return study.scores().loc[rows, columns], number[rows], cells["group"].to_numpy()[rows]


def median_complexity(studies: list[Study]) -> dict[str, Complexity]:
    """Median size of each scheme over the folds."""
    sizes: dict[str, Complexity] = {}
    for name in SCHEMES:
        found = [study.schemes().get(name) for study in studies]
        numbers = {
            field: [getattr(scheme.complexity, field) for scheme in found if scheme is not None]
            for field in Complexity.model_fields
        }
        sizes[name] = Complexity(
            **{
                field: None if None in values else int(np.median(values))
                for field, values in numbers.items()
            }
        )
    return sizes


def show(estimate: Estimate | None) -> str:
    """Write an estimate with its interval."""
    if estimate is None or estimate.value is None:
        return ""
    if estimate.low is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ({estimate.low:.3f}–{estimate.high:.3f})"


def table(schemes: Schemes) -> str:
    """Write the comparison as a Markdown table."""
    lines = [
        "| scheme | balanced accuracy | ÷ black box | accuracy | AUC | parameters | size |",
        "|---|---|---|---|---|---|---|",
    ]
    for scheme in schemes.schemes:
        cells = [
            scheme.title,
            show(scheme.balanced_accuracy),
            show(scheme.balanced_accuracy_ratio),
            show(scheme.accuracy),
            show(scheme.auc),
            *("" if n is None else f"{n:,}" for n in (
                scheme.complexity.parameters, scheme.complexity.expression_size)),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def per_class(pooled: Pooled, classes: tuple[str, ...]) -> str:
    """Write the share of each class that a scheme finds, and of what it calls so that is so."""
    lines = ["| class | cells | " + " | ".join(SCHEMES) + " |", "|---" * (len(SCHEMES) + 2) + "|"]
    said = {name: decided(scores_of(pooled.scores, name, classes)) for name in SCHEMES}
    for number, name in enumerate(classes):
        own = pooled.target == number
        found = [
            f"{(each[own] == number).mean():.2f} / {own[each == number].mean():.2f}"
            for each in said.values()
        ]
        lines.append("| " + " | ".join([name, str(own.sum()), *found]) + " |")
    return "\n".join(lines)


def per_fold(studies: list[Study]) -> str:
    """Write what each fold found."""
    lines = ["| fold | " + " | ".join(SCHEMES) + " | latents | equation |", "|---" * 8 + "|"]
    for fold, study in enumerate(studies):
        found = [study.schemes().get(name) for name in SCHEMES]
        values = [f"{scheme.balanced_accuracy.value:.3f}" if scheme else "" for scheme in found]
        used = len(study.classifier().used)
        active = int(study.latent_statistics()["active"].sum())
        equation = study.front().choice.unicode()
        row = [str(fold), *values, f"{used} of {active}", f"`{equation}`".replace("|", "\\|")]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def section(task: str, orientation: str, guided: bool, studies: list[Study]) -> list[str]:
    """Write what the studies of all folds say together."""
    pooled, classes = pool([held_out(study) for study in studies]), target(studies[0])[1]
    schemes = compare(
        pooled.scores,
        pooled.target,
        pooled.groups,
        median_complexity(studies),
        EvaluateConfig(),
        classes,
        folds=pooled.folds,
    )
    vae = "semi-supervised VAE" if guided else "VAE without labels"
    parts = [f"## Crops: {orientation}; {vae}\n", table(schemes) + "\n"]
    if task != "two":
        parts += ["Cells of each class that are found / cells called so that are:\n"]
        parts += [per_class(pooled, classes) + "\n"]
    return [*parts, per_fold(studies) + "\n", *(f"- {note}" for note in schemes.notes), ""]


def head(task: str) -> list[str]:
    """Write what a page is about."""
    weight = settings()["guided"]["vae"]["guidance"]
    chosen = "Both were chosen on training movies of fold 0,\nturned, for the task of two classes."
    return [
        f"# {PAGES[task][1]}\n",
        "Made by `python benchmarks/mitocheck.py OUT` with the settings in\n"
        "`benchmarks/mitocheck.toml`. Every cell is scored once, by models that saw no cell of\n"
        "its movie. In brackets: 95 % intervals by bootstrap over movies. Sizes: medians.\n"
        "Engines: quick and Operon; PySR needs Julia, which this was made without.\n",
        "VAEs start from the weights of the plugin, which have seen other nuclei only. The\n"
        "method's own VAE is trained without labels. Where it says *semi-supervised*, it was\n"
        f"guided by the classes of its training cells (`guidance = {weight:g}`) and trained for\n"
        f"twice as many steps; all else is alike. {chosen}\n",
    ]


def main() -> None:
    """Run what is missing and write the pages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=ORIENTATIONS)
    options = parser.parse_args()
    orientations = (options.only,) if options.only else ORIENTATIONS
    folds = range(settings()["study"]["cells"]["folds"])
    pages = {task: head(task) for task in PAGES}
    for orientation, guided, task in product(orientations, (False, True), PAGES):
        studies = [
            fold_study(options.out.resolve(), orientation, fold, task=task, guided=guided)
            for fold in folds
        ]
        pages[task] += section(task, orientation, guided, studies)
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / PAGES[task][0]).write_text("\n".join(pages[task]))


if __name__ == "__main__":
    main()
