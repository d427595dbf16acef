"""The steps from images to numbers, in order.

Rooms are imported when their step runs: torch would make every start of napari slower.
"""

from pathlib import Path

from napari_parsimony.cells.config import CellsConfig
from napari_parsimony.progress import Report
from napari_parsimony.study.step import Step
from napari_parsimony.study.study import Study
from napari_parsimony.vae.config import VaeConfig

__all__ = ["STEPS", "Step"]


def crops_made(study: Study) -> dict[str, object]:
    """How the crops of a study were made: what a model trained on them asks of other crops."""
    record = study.step("cells")
    config = record.config if record else {}
    return {name: config[name] for name in ("size", "normalisation", "orientation")}


def _cells(study: Study, config: CellsConfig, out: Path, _: Path, report: Report) -> None:
    from napari_parsimony.cells.build import build_cells

    build_cells(config, out, report)


def _vae(study: Study, config: VaeConfig, out: Path, checkpoints: Path, report: Report) -> None:
    from napari_parsimony.vae.step import run_vae

    made = crops_made(study)
    run_vae(study.crops(), study.cells(), made, config, out, checkpoints, report)


STEPS = {
    step.name: step
    for step in (
        Step(
            "cells",
            "Cells",
            "Cut cells out of images, and split them by movie.",
            CellsConfig,
            (),
            _cells,
        ),
        Step(
            "vae",
            "Latents",
            "Train a β-TCVAE on the crops, and find the latents of every cell.",
            VaeConfig,
            ("cells",),
            _vae,
        ),
    )
}
