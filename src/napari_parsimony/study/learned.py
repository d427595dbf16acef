"""What the latents of a study mean, and what they are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.config import parse_config
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.study.judge_config import JudgeConfig
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig
from napari_parsimony.vae.preview import from_preview, to_preview
from napari_parsimony.vae.verdict import Verdict, judge

MOST = 2000  # cells that are measured: about two seconds


def suggest_names(study: Study, most: int = MOST, seed: int = 0) -> pd.DataFrame:
    """Suggest names for the active latents, by what is measured of cells in their crops.

    Nothing is learned from test cells: they are left out.

    Parameters
    ----------
    study
        A study with latents.
    most
        Cells to measure, drawn at random from the training and validation cells.
    seed
        Of that draw.

    Returns
    -------
    DataFrame
        ``latent``, ``name``, ``r`` (Spearman's rank correlation with what gave the name, with its
        sign), ``n`` (cells), the most informative latent first; without those latents that follow
        nothing that is measured. See `trust.morphology`.

    Raises
    ------
    UserError
        If there are no latents yet.
    """
    from napari_parsimony.trust.morphology import best_names, correlate, measure_crops

    statistics = study.latent_statistics()
    active = statistics[statistics["active"]].sort_values("rank")["name"].tolist()
    rows = np.flatnonzero(study.cells()["split"].to_numpy() != "test")
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    measured = measure_crops(study.crops()[rows])
    return best_names(correlate(study.latents()[active].iloc[rows], measured))


@dataclass(frozen=True)
class Judged:
    """What the latents of a study are worth, and what they mean.

    Attributes
    ----------
    verdict
        In words, see `vae.verdict`.
    names
        See `suggest_names`.
    examples
        (2, n, C, S, S) some held-out crops, and their reconstructions.
    """

    verdict: Verdict
    names: pd.DataFrame
    examples: NDArray[np.float32]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can say."""
        return {
            "verdict": self.verdict.to_dict(),
            "names": self.names.to_dict("list"),
            "examples": to_preview(*self.examples),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Judged":
        """Read what `to_dict` wrote; ValueError or KeyError if it is something else."""
        examples = from_preview(content["examples"])
        if examples is None:
            raise ValueError("it shows no crops")
        names = pd.DataFrame(content["names"], columns=["latent", "name", "r", "n"])
        return cls(Verdict.from_dict(content["verdict"]), names, examples)


def judge_vae(study: Study, config: JudgeConfig | None = None, report: Report = silent) -> Judged:
    """Say what the latents of a study are worth; takes some seconds, and imports torch.

    Parameters
    ----------
    study
        A study with latents.
    config
        Settings.
    report
        Is told what is being looked at.

    Raises
    ------
    UserError
        If there are no latents yet.
    """
    config = parse_config(JudgeConfig, {}) if config is None else config
    record = study.step("vae")
    statistics = study.latent_statistics()
    report(Progress(0, 2, "Measuring what latents follow"))
    names = suggest_names(study, config.cells, config.seed)
    report(Progress(1, 2, "Redrawing held-out cells"))
    from napari_parsimony.vae.measure import measure

    split, active = study.cells()["split"].to_numpy(), statistics["active"].to_numpy()
    measured = measure(study.vae(), study.crops(), split, active, config.cells, config.seed)
    assert record is not None, "its statistics were read"
    trained = record.settings(VaeConfig, study.path)
    verdict = judge(statistics, measured, study.history(), trained, names)
    return Judged(verdict, names, measured.examples)
