"""The steps that learn a study's law once more: stability and ablations."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_parsimony.config import Config
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Report
from napari_parsimony.study.study import Study
from napari_parsimony.trust.relearn_config import AblationsConfig, StabilityConfig

if TYPE_CHECKING:
    from napari_parsimony.trust.relearn import Cells, OwnVae

C = TypeVar("C", bound=Config)


def run_stability_step(
    study: Study, config: StabilityConfig, out: Path, checkpoints: Path, report: Report
) -> None:
    """Run the step 'stability'."""
    from napari_parsimony.classify.scores import scores_of
    from napari_parsimony.trust.stability import run_stability

    law, agreed = study.front().choice, study.classifier().agreed
    cells, own = _cells(study), _own_vae(study)
    scores = scores_of(study.network_scores(), "sparse_mean", cells.classes)
    run_stability(cells, study.crops(), own, law, agreed, scores, config, out, checkpoints, report)


def run_ablations_step(
    study: Study, config: AblationsConfig, out: Path, checkpoints: Path, report: Report
) -> None:
    """Run the step 'ablations'."""
    from napari_parsimony.trust.ablations import Studied, run_ablations

    studied = Studied(
        _cells(study),
        study.crops(),
        _own_vae(study),
        study.front().choice,
        study.classifier(),
        study.network_scores(),
        study.scores(),
        study.schemes(),
    )
    run_ablations(studied, config, out, checkpoints, report)


def _cells(study: Study) -> "Cells":
    """Gather what a law is learned from.

    Raises
    ------
    UserError
        If networks or equations are another study's: then nothing was learned here.
    """
    from napari_parsimony.classify.config import ClassifyConfig
    from napari_parsimony.study.steps import target
    from napari_parsimony.symbolic.config import EquationsConfig
    from napari_parsimony.trust.relearn import Cells

    classify = _recorded(study, "classify", ClassifyConfig)
    equations = _recorded(study, "equations", EquationsConfig)
    if classify.start_from is not None or equations.start_from is not None:
        what = "networks" if classify.start_from is not None else "equations"
        raise UserError(
            f"The {what} of this study were taken over from another one, so there is nothing to "
            "learn once more: run this step in the study where they were made."
        )
    number, classes = target(study)
    return Cells(
        study.cells().reset_index(drop=True),
        number,
        classes,
        classify,
        equations,
        len(study.latent_statistics()),
        study.vae().guidance > 0,
    )


def _own_vae(study: Study) -> "OwnVae":
    from napari_parsimony.study.steps import crops_made
    from napari_parsimony.trust.relearn import OwnVae
    from napari_parsimony.vae.config import VaeConfig

    statistics = study.latent_statistics()
    active = statistics.loc[statistics["active"], "name"].tolist()
    return OwnVae(_recorded(study, "vae", VaeConfig), study.latents(), active, crops_made(study))


def _recorded(study: Study, name: str, kind: type[C]) -> C:
    """Read the settings that a step was run with."""
    record = study.step(name)
    assert record is not None, "it is an input"
    return record.settings(kind, study.path)
