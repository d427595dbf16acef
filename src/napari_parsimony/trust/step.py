"""The evaluate step: scores of all cells to a comparison of the schemes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.shape import shape_features
from napari_parsimony.cells.table import KEY
from napari_parsimony.classify.scores import columns_of
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.trust.baseline import shape_baseline
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.evaluate import evaluate
from napari_parsimony.trust.schemes import Complexity, Schemes

SCHEMES_FILE, SCORES_FILE = "schemes.json", "scores.parquet"

_AT_ONCE = 256


def run_evaluate(
    scores: pd.DataFrame,
    target: NDArray[np.float64],
    cells: pd.DataFrame,
    crops: NDArray,
    complexity: Mapping[str, Complexity],
    config: EvaluateConfig,
    out: Path,
    classes: Sequence[str],
    group_word: str = "movie",
    notes: Sequence[str] = (),
    report: Report = silent,
) -> Schemes:
    """Compare the schemes and write ``schemes.json`` and ``scores.parquet``.

    Parameters
    ----------
    scores
        The columns `classify.scores.columns_of` the schemes black_box, dense, sparse and symbolic;
        row i is row i of `cells`. NaN: not decided.
    target
        (N,) number of the class, NaN for cells of none.
    cells
        Table of cells.
    crops
        (N, C, S, S), possibly memory mapped: read in pieces, and only cells with a class.
    complexity
        Parameters and expression size of each scheme.
    config
        Settings.
    out
        Folder to write into. The scores are written for every cell; those of the shape baseline,
        columns of the scheme ``shape``, only for cells with a class.
    classes
        Names of the classes.
    group_word
        What the splits keep together: movie, image or tile.
    notes
        Sentences to keep with the numbers.
    report
        Is told how many cells are done.
    """
    if not len(scores) == len(target) == len(cells) == len(crops):
        raise ValueError("scores, target, cells and crops must belong to the same cells")
    table = pd.concat([cells[KEY].reset_index(drop=True), scores.reset_index(drop=True)], axis=1)
    complexity = dict(complexity)
    rows = np.flatnonzero(np.isfinite(target))
    if config.baseline:
        features = _features(crops, rows, report)
        baseline = shape_baseline(features, target[rows], cells["split"].to_numpy()[rows])
        columns = columns_of("shape", classes)
        table[columns] = np.nan
        table.loc[rows, columns] = baseline.scores
        complexity["shape"] = baseline.complexity
    report(Progress(len(rows), len(rows) + 1, "Resampling the held-out cells"))
    schemes = evaluate(
        table.drop(columns=KEY),
        target,
        cells["split"].to_numpy(),
        cells["group"].to_numpy(),
        complexity,
        config,
        classes,
        group_word,
        notes,
    )
    schemes.save(out / SCHEMES_FILE)
    table.to_parquet(out / SCORES_FILE, index=False)
    report(Progress(len(rows) + 1, len(rows) + 1, "Schemes compared"))
    return schemes


def _features(crops: NDArray, rows: NDArray[np.intp], report: Report) -> pd.DataFrame:
    parts = []
    for start in range(0, len(rows), _AT_ONCE):
        parts.append(shape_features(crops[rows[start : start + _AT_ONCE]]))
        done = min(start + _AT_ONCE, len(rows))
        report(Progress(done, len(rows) + 1, f"Measuring the shape of cell {done:,}"))
    return pd.concat(parts, ignore_index=True) if parts else shape_features(crops[:0])
