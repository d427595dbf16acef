"""The step trust over a study."""

from pathlib import Path

import numpy as np

from napari_parsimony.progress import Progress, Report, part_of
from napari_parsimony.study.steps import (
    crops_made,
    group_word,
    learned_elsewhere,
    scheme_scores,
    target,
)
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.trust.checks import run_trust
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.constants import Learned
from napari_parsimony.trust.familiarity import familiarity_table
from napari_parsimony.trust.findings import FINDINGS_FILE, save_findings
from napari_parsimony.trust.flags import FAMILIARITY_FILE
from napari_parsimony.trust.generalise import judge_generalisation
from napari_parsimony.trust.judged import Judged
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.familiarity import TrainingRange, learn_range

_SLOW = 5  # times as long as to compare a cell with training cells takes measuring its traits


def trust_step(study: Study, config: TrustConfig, out: Path, report: Report) -> None:
    """Judge the law of a study; see `trust.checks` and `trust.generalise`."""
    cells = study.cells()
    if learned_elsewhere(study):
        cells = cells.assign(split="test")
    targets, classes = target(study)
    equation, latents, word = study.front().choice.expression, study.latents(), group_word(study)
    measured = min(config.cells, int(np.isfinite(targets).sum()))
    units = len(cells) + _SLOW * measured
    found = run_trust(
        cells,
        study.crops(),
        latents,
        targets,
        classes,
        equation,
        study.classifier().used,
        study.vae(),
        study.latent_statistics(),
        crops_made(study),
        config,
        out,
        word,
        part_of(report, 0, _SLOW * measured, units),
    )
    known = training_range(study)
    familiarity = None
    if known is not None:
        told = part_of(report, _SLOW * measured, units, units)
        familiarity = familiarity_table(study.vae(), study.crops(), latents, known, told)
        familiarity.to_parquet(out / FAMILIARITY_FILE, index=False)
    new = (cells["split"] == "test").to_numpy()
    rows = np.flatnonzero(new & np.isfinite(targets))
    judged = Judged(
        cells.iloc[rows],
        targets[rows].astype(np.intp),
        classes,
        cells["group"].to_numpy()[rows],
        word,
        {name: scores[rows] for name, scores in scheme_scores(study).items()},
    )
    more = judge_generalisation(
        judged, rows, new, familiarity, known, equation, _learned(study), config, out
    )
    report(Progress(units, units, "Judged"))
    save_findings([*found, *more], out / FINDINGS_FILE)


def training_range(study: Study) -> TrainingRange | None:
    """Tell what the cells were like that the VAE of a study was trained on.

    Weights that were trained here before they said so themselves are looked at together with the
    cells that they were trained on. None for such weights from elsewhere.
    """
    vae, record = study.vae(), study.step("vae")
    if vae.training_range is not None or record is None:
        return vae.training_range
    trained = record.settings(VaeConfig, study.path)
    if trained.steps == 0:
        return None
    statistics = study.latent_statistics()
    mean = study.latents()[statistics["name"].tolist()].to_numpy(np.float32)
    active, split = statistics["active"].to_numpy(), study.cells()["split"].to_numpy()
    return learn_range(vae, study.crops(), mean, split, active, trained)


def _learned(study: Study) -> Learned | None:
    """Which cells the numbers of the law were fitted to."""
    record = study.step("equations")
    if record is None or record.config.get("start_from") is not None:
        return None
    config = record.settings(EquationsConfig, study.path)
    cells, (targets, _) = study.cells(), target(study)
    names = list(study.front().choice.expression.variables)
    values = study.latents()[names].to_numpy(np.float64)
    held_out = (cells["split"] == "test").to_numpy()
    rows = np.isfinite(targets) & ~held_out
    groups = cells["group"].to_numpy()[rows]
    return Learned(values[rows], targets[rows], groups, config.balanced, values[held_out])
