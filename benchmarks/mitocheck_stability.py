"""Whether other random starts lead to the same law, on MitoCheck with one fold held out.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck_stability.py OUT

writes ``docs/results/stability.md`` from the studies of ``mitocheck.py`` in the folder OUT, and
goes on where it was interrupted. ``--only two`` takes one of the tasks; the page has what there is.
"""

import argparse
from pathlib import Path

from mitocheck_studies import fold_study, settings, step_of

from napari_parsimony.study.study import Study

RESULTS = Path(__file__).parents[1] / "docs" / "results"
FOLD = 0


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=list(settings()["tasks"]))
    options = parser.parse_args()
    studies = {}
    for task in settings()["tasks"]:
        study = fold_study(options.out.resolve(), "principal axis", FOLD, task=task)
        if options.only in (None, task):
            step_of(study, "stability")
        if study.state("stability") == "ready":
            studies[task] = study


if __name__ == "__main__":
    main()
