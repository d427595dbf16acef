"""What it takes to change the mind of the four schemes on MitoCheck.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck_robustness.py OUT

writes ``docs/results/robustness.md`` and pictures beside it. Goes on from the studies that
``mitocheck.py`` left in OUT, of crops turned to the principal axis, and does their step robustness.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck import PAGES
from mitocheck_studies import fold_study, run_steps, settings

from napari_parsimony.cells.table import KEY
from napari_parsimony.study.study import Study
from napari_parsimony.trust.robustness_config import RobustnessConfig
from napari_parsimony.trust.robustness_files import RobustnessFiles

RESULTS = Path(__file__).parents[1] / "docs" / "results"
ORIENTATION = "principal axis"
CONFIG = {"cells": 60}


def main() -> None:
    """Run what is missing and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    for task in PAGES:
        for fold in range(settings()["study"]["cells"]["folds"]):
            study = fold_study(options.out.resolve(), ORIENTATION, fold, task=task)
            run_steps(study.path, {"robustness": CONFIG})


if __name__ == "__main__":
    main()
