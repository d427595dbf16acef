"""Which part of the method does the work, on MitoCheck: five folds by movie.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck_ablations.py OUT

writes ``docs/results/ablations.md`` from the studies of ``mitocheck.py`` in the folder OUT, and
goes on where it was interrupted. ``--only two`` takes one of the tasks; the page has what there is.
The explainable boosting machine needs the package ``interpret-core``.
"""

import argparse
from pathlib import Path

from mitocheck_studies import fold_study, settings, step_of

from napari_parsimony.study.study import Study

RESULTS = Path(__file__).parents[1] / "docs" / "results"


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=list(settings()["tasks"]))
    options = parser.parse_args()
    studies: dict[str, list[Study]] = {}
    for task in settings()["tasks"]:
        for fold in range(settings()["study"]["cells"]["folds"]):
            study = fold_study(options.out.resolve(), "principal axis", fold, task=task)
            if options.only in (None, task):
                step_of(study, "ablations")
            if study.state("ablations") == "ready":
                studies.setdefault(task, []).append(study)


if __name__ == "__main__":
    main()
