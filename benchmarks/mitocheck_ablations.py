"""Which part of the method does the work, on MitoCheck: five folds by movie.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck_ablations.py OUT

writes ``docs/results/ablations.md`` from the studies of ``mitocheck.py`` in the folder OUT, and
goes on where it was interrupted. ``--only two`` takes one of the tasks, ``--only none`` runs
nothing; the page has what there is. The explainable boosting machine needs the package
``interpret-core``.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck_studies import PAGES, fold_study, settings, step_of

from napari_parsimony.classify.scores import columns_of, schemes_in, scores_of
from napari_parsimony.study.steps import target
from napari_parsimony.study.study import Study
from napari_parsimony.trust.ablation_findings import ablation_findings
from napari_parsimony.trust.ablation_table import compared
from napari_parsimony.trust.relearn_config import AblationsConfig

RESULTS = Path(__file__).parents[1] / "docs" / "results"


def pooled(studies: list[Study]) -> pd.DataFrame:
    """Compare all rows on held-out cells of all folds, each scored by the models of its fold."""
    parts = [pd.read_parquet(study.path / "ablations" / "scores.parquet") for study in studies]
    tables = [pd.read_parquet(study.path / "ablations" / "ablations.parquet") for study in studies]
    targets, groups = [], []
    for study in studies:
        number, classes = target(study)
        rows = (study.cells()["split"] == "test").to_numpy() & np.isfinite(number)
        targets.append(number[rows].astype(np.intp))
        groups.append(study.cells()["group"].to_numpy()[rows])
    scores = pd.concat([part.drop(columns=["image", "frame", "label"]) for part in parts])
    made = [name for name in schemes_in(scores, classes) if _everywhere(parts, name, classes)]
    reference = str(tables[0].loc[tables[0]["reference"], "name"].iloc[0])
    table = compared(
        {name: scores_of(scores, name, classes) for name in made},
        reference,
        np.concatenate(targets),
        np.concatenate(groups),
        AblationsConfig(),
    )
    about = tables[0].set_index("name").loc[made, ["title", "part", "note", "reference"]]
    numbers = ["inputs", "parameters", "size", "networks"]
    each = pd.concat(tables).groupby("name")[numbers].median()
    return about.join(each).join(table).reset_index()


def _everywhere(parts: list[pd.DataFrame], name: str, classes: tuple[str, ...]) -> bool:
    return all(set(columns_of(name, classes)) <= set(part.columns) for part in parts)


def written(table: pd.DataFrame) -> str:
    """Write the comparison as a Markdown table."""
    lines = [
        "| | balanced accuracy | difference | its networks | inputs | parameters | size |",
        "|---" * 7 + "|",
    ]
    for _, row in table.iterrows():
        numbers = [
            "" if pd.isna(row[name]) else f"{row[name]:,.0f}"
            for name in ("inputs", "parameters", "size")
        ]
        networks = "" if pd.isna(row["networks"]) else f"{row['networks']:.3f}"
        difference = "reference" if row["reference"] else _bounds(row, "difference", "+.3f")
        value = _bounds(row, "balanced_accuracy", ".3f")
        cells = [row["title"], value, difference, networks, *numbers]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _bounds(row: pd.Series, what: str, form: str) -> str:
    value, low, high = (format(row[f"{what}{end}"], form) for end in ("", " low", " high"))
    return f"{value} ({low} to {high})".replace("-", "\N{MINUS SIGN}")


def section(task: str, studies: list[Study]) -> list[str]:
    """Write what the studies of all folds say together."""
    table = pooled(studies)
    notes = [f"- {row['title']}: {row['note']}." for _, row in table.iterrows() if row["note"]]
    folds = f"{len(studies)} fold{'s' if len(studies) > 1 else ''}"
    return [
        f"## {PAGES[task][1].removeprefix('MitoCheck: ')}, {folds}\n",
        written(table) + "\n",
        *notes,
        *(f"- {finding.sentence}" for finding in ablation_findings(table)),
        "",
    ]


def head() -> list[str]:
    """Write what the page is about."""
    return [
        "# MitoCheck: which part of the method does the work\n",
        "Made by `python benchmarks/mitocheck_ablations.py OUT` from the studies of\n"
        "[two](mitocheck.md) and [five classes](mitocheck-five.md), crops turned, VAE without\n"
        "labels. Every cell is scored once, by models that saw no cell of its movie. In\n"
        "brackets: 95 % intervals by bootstrap over movies; differences from the same resamples.\n"
        "Equations of all rows are searched by the engine quick alone, and compared with the law\n"
        "that it finds in the study's own latents and networks. Inputs, parameters, size and the\n"
        "balanced accuracy of the networks that an equation imitates are medians over folds.\n",
        "All VAEs of these studies start from weights that were trained with β = 4, and go on\n"
        "with β = 1.5, or β = 1 in its row: it keeps some of what the start had disentangled.\n",
    ]


def main() -> None:
    """Run what is missing and write the page."""
    tasks = settings()["tasks"]
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=[*tasks, "none"])
    options = parser.parse_args()
    page = head()
    for task in tasks:
        ready = []
        for fold in range(settings()["study"]["cells"]["folds"]):
            study = fold_study(options.out.resolve(), "principal axis", fold, task=task)
            if options.only in (None, task):
                step_of(study, "ablations")
            if study.state("ablations") == "ready":
                ready.append(study)
        if ready:
            page += section(task, ready)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "ablations.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
