"""Whether what was learned holds for cells of other movies: the second part of the step trust."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.constants import Learned, check_constants
from napari_parsimony.trust.familiarity import UNKNOWN, check_familiarity
from napari_parsimony.trust.findings import Finding
from napari_parsimony.trust.groups import GROUPS_FILE, check_groups, group_table
from napari_parsimony.trust.judged import Judged
from napari_parsimony.trust.sureness import check_calibration
from napari_parsimony.vae.familiarity import TrainingRange


def judge_generalisation(
    judged: Judged,
    rows: NDArray[np.intp],
    new: NDArray[np.bool_],
    familiarity: pd.DataFrame | None,
    known: TrainingRange | None,
    equation: Equation,
    learned: Learned | None,
    config: TrustConfig,
    out: Path,
) -> list[Finding]:
    """Judge cells that no model has seen, and write ``groups.parquet``, see `groups.group_table`.

    Parameters
    ----------
    judged, rows
        Held-out cells with a class, and their rows among all N cells.
    new
        (N,) held-out cells, with a class or without.
    familiarity, known
        From `familiarity.familiarity_table`, and what it was told by; None if the weights of the
        VAE do not say what they were trained on.
    equation
        The law.
    learned
        What its numbers were fitted to; None if that was done in another study.
    config
        Settings.
    out
        Folder to write into.
    """
    findings = [UNKNOWN]
    if familiarity is not None and known is not None:
        findings = [check_familiarity(familiarity, known, new, judged, rows, config)]
    table = group_table(judged, config)
    table.to_parquet(out / GROUPS_FILE, index=False)
    findings.append(check_calibration(judged, config))
    more = [check_groups(judged, table)]
    if learned is not None:
        more.append(check_constants(equation, learned, judged.group_word, config.seed))
    return [*findings, *(finding for finding in more if finding is not None)]
