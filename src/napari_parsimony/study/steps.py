"""The steps from images to numbers, in order.

Rooms are imported when their step runs: torch would make every start of napari slower.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_parsimony.artefact import replace_file
from napari_parsimony.cells.config import CellsConfig, movie_groups
from napari_parsimony.classify.config import ClassifyConfig
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Report
from napari_parsimony.study.relearn import run_ablations_step, run_stability_step
from napari_parsimony.study.step import Step
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.config import EquationsConfig
from napari_parsimony.trust.config import EvaluateConfig, TrustConfig
from napari_parsimony.trust.relearn_config import AblationsConfig, StabilityConfig
from napari_parsimony.trust.robustness_config import RobustnessConfig
from napari_parsimony.vae.config import VaeConfig

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "STEPS",
    "Step",
    "crops_made",
    "group_word",
    "learned_elsewhere",
    "scheme_scores",
    "target",
]


def crops_made(study: Study) -> dict[str, object]:
    """How the crops of a study were made: what a model trained on them asks of other crops."""
    record = study.step("cells")
    config = record.config if record else {}
    return {name: config[name] for name in ("size", "normalisation", "orientation")}


def group_word(study: Study) -> str:
    """Name what the splits of a study keep together: movie, image or tile, or a column's name."""
    cells, record = study.cells(), study.step("cells")
    config = record.config if record else {}
    if config.get("group_column"):
        return str(config["group_column"])
    if config["group_by"] != "auto":
        return str(config["group_by"])
    if movie_groups(config["pattern"]):
        return "movie"
    return "image" if (cells["group"] == cells["image"]).all() else "tile"


def target(study: Study) -> "tuple[np.ndarray, tuple[str, ...]]":
    """Which of the classes each cell of a study belongs to, as the classifier was told.

    Returns
    -------
    target
        (N,) number of the class, NaN for cells of none.
    classes
        Names of the classes.
    """
    import numpy as np

    from napari_parsimony.classify.targets import class_targets

    raw, record = study.classes_told(), study.step("classify")
    if record is not None and raw.isna().all():
        # networks were taken over to classify cells of which nobody knows the class
        return np.full(len(raw), np.nan), study.class_names()
    return class_targets(raw, record.config["classes"] if record else {})


def learned_elsewhere(study: Study) -> bool:
    """Whether no class of this study had a say in its networks, equation and latents."""
    records = [study.step(name) for name in ("classify", "equations")]
    vae = study.step("vae")
    guided = vae is not None and vae.config.get("guidance", 0) > 0 and vae.config["steps"] > 0
    return not guided and all(
        record is None or record.config.get("start_from") is not None for record in records
    )


def scheme_scores(study: Study) -> "dict[str, np.ndarray]":
    """Scores (N, outputs) of all cells by each of the four schemes; see `classify.scores`."""
    import numpy as np

    from napari_parsimony.classify.scores import as_outputs, scores_of
    from napari_parsimony.symbolic.losses import scores_on

    networks, classes = study.network_scores(), target(study)[1]
    found = {name: scores_of(networks, name, classes) for name in ("black_box", "dense")}
    found["sparse"] = scores_of(networks, "sparse_mean", classes)
    equation = study.front().choice.expression
    values = study.latents()[list(equation.variables)].to_numpy(np.float64)
    found["symbolic"] = as_outputs(scores_on(equation, values, equation.variables))
    return found


def _cells(study: Study, config: CellsConfig, out: Path, _: Path, report: Report) -> None:
    from napari_parsimony.cells.build import build_cells

    build_cells(config, out, report)


def _vae(study: Study, config: VaeConfig, out: Path, checkpoints: Path, report: Report) -> None:
    from napari_parsimony.vae.step import run_vae

    made = crops_made(study)
    run_vae(study.crops(), study.cells(), made, config, out, checkpoints, report)


def _classify(study: Study, config: ClassifyConfig, out: Path, _: Path, report: Report) -> None:
    import pandas as pd

    from napari_parsimony.cells.table import KEY
    from napari_parsimony.classify.classifier import FILES as CLASSIFIER_FILES
    from napari_parsimony.classify.classifier import Classifier
    from napari_parsimony.classify.targets import class_targets
    from napari_parsimony.classify.train import train_classifier

    cells, crops, latents = study.cells(), study.crops(), study.latents()
    if config.start_from is not None:
        classifier = Classifier.load(config.start_from)
        known = cells["class"].notna().any()
        here = class_targets(cells["class"], config.classes)[1] if known else classifier.names
        if here != classifier.names:
            raise UserError(
                f"The networks in {config.start_from} tell {' from '.join(classifier.names)}, but "
                f"here the classes are {', '.join(here)}: set 'classes' to the same, in the same "
                "order."
            )
        for name in CLASSIFIER_FILES:
            replace_file(out / name, (config.start_from / name).read_bytes())
    else:
        statistics = study.latent_statistics()
        classifier = train_classifier(
            crops,
            latents,
            cells["class"],
            cells["split"],
            cells["group"],
            statistics.loc[statistics["active"], "name"].tolist(),
            str(crops_made(study)["orientation"]),
            config,
            report,
        )
        classifier.save(out)
    scores = classifier.scores(crops, latents, report)
    pd.concat([latents[KEY], scores], axis=1).to_parquet(out / "scores.parquet", index=False)
    # what follows speaks of the classes that were learned from, not of those of tomorrow
    cells[[*KEY, "class"]].to_parquet(out / "classes.parquet", index=False)


def _equations(
    study: Study, config: EquationsConfig, out: Path, checkpoints: Path, report: Report
) -> None:
    from napari_parsimony.classify.scores import scores_of
    from napari_parsimony.symbolic.choice import with_choice
    from napari_parsimony.symbolic.front import Front
    from napari_parsimony.symbolic.search import search_front

    cells = study.cells()
    targets, classes = target(study)
    more = classes if len(classes) > 2 else ()
    if config.start_from is not None:
        front = Front.load(config.start_from)
        if front.classes != more:
            told = [", ".join(names) or "two classes" for names in (front.classes, more)]
            raise UserError(
                f"The equations in {config.start_from} are of {told[0]}, but here there are "
                f"{told[1]}: take those of a study with the same classes, in the same order."
            )
    else:
        scores = scores_of(study.network_scores(), "sparse_mean", classes)
        front = search_front(
            study.latents()[study.classifier().agreed],
            scores if more else scores[:, 0],
            targets,
            cells["split"].to_numpy(),
            cells["group"].to_numpy(),
            config,
            report,
            guided=study.vae().guidance > 0,
            keep=checkpoints,
            classes=more,
        )
    with_choice(front, config.choice).save(out / "front.json")


def _evaluate(study: Study, config: EvaluateConfig, out: Path, _: Path, report: Report) -> None:
    import pandas as pd

    from napari_parsimony.classify.scores import columns_of
    from napari_parsimony.trust.schemes import Complexity
    from napari_parsimony.trust.step import run_evaluate

    classifier, equation = study.classifier(), study.front().choice
    targets, classes = target(study)
    scores = pd.concat(
        [
            pd.DataFrame(each, columns=columns_of(name, classes))
            for name, each in scheme_scores(study).items()
        ],
        axis=1,
    )
    cells = study.cells()
    notes = []
    if learned_elsewhere(study):
        cells = cells.assign(split="test")
        config = config.model_copy(update={"baseline": False})
        notes.append(
            "Networks and equation were taken over from another study, so all cells are new to "
            "them."
        )
    facts, boxes, nets = classifier.facts, len(classifier.black_box), classifier.dense.seeds
    pixels = sum(parameter.numel() for parameter in classifier.black_box[0].parameters())
    run_evaluate(
        scores,
        targets,
        cells,
        study.crops(),
        {
            "black_box": Complexity(parameters=pixels),
            "dense": Complexity(
                parameters=facts["dense_weights"], expression_size=facts["dense_size"]
            ),
            "sparse": Complexity(
                parameters=facts["live_weights"][classifier.chosen],
                expression_size=facts["sparse_size"],
            ),
            "symbolic": Complexity(
                parameters=len(equation.expression.constants), expression_size=equation.size
            ),
        },
        config,
        out,
        classes,
        group_word(study),
        [
            *notes,
            f"Scores of networks are means over random starts: {boxes} of the black box, {nets} "
            "each of the dense and the sparse network; their sizes are those of one network.",
        ],
        report,
    )


def _trust(study: Study, config: TrustConfig, out: Path, _: Path, report: Report) -> None:
    from napari_parsimony.study.trusting import trust_step

    trust_step(study, config, out, report)


def _robustness(study: Study, config: RobustnessConfig, out: Path, _: Path, report: Report) -> None:
    from napari_parsimony.trust.robustness_step import run_robustness

    cells = study.cells()
    if learned_elsewhere(study):
        cells = cells.assign(split="test")
    run_robustness(
        cells,
        study.crops(),
        study.latents(),
        target(study)[0],
        study.front().choice.expression,
        study.classifier(),
        study.vae(),
        config,
        out,
        report,
    )


def _by_name(*steps: Step) -> dict[str, Step]:
    return {step.name: step for step in steps}


STEPS = _by_name(
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
        reads_classes=lambda config: config.guidance > 0,
    ),
    Step(
        "classify",
        "Classifiers",
        "Train black box, dense and sparse networks to tell classes apart.",
        ClassifyConfig,
        ("cells", "vae"),
        _classify,
        reads_classes=lambda config: True,
    ),
    Step(
        "equations",
        "Equations",
        "Look for equations that decide as the sparse network does.",
        EquationsConfig,
        ("cells", "vae", "classify"),
        _equations,
    ),
    Step(
        "evaluate",
        "Evaluation",
        "Compare black box, dense, sparse and symbolic on held-out cells.",
        EvaluateConfig,
        ("cells", "vae", "classify", "equations"),
        _evaluate,
    ),
    Step(
        "trust",
        "Trust",
        "Find out what the law reads, whether it rests on a short-cut, and where not to trust it.",
        TrustConfig,
        ("cells", "vae", "classify", "equations"),
        _trust,
    ),
    Step(
        "robustness",
        "Robustness",
        "Find out what it takes to change the law's mind: adversarial crops, edits, latents.",
        RobustnessConfig,
        ("cells", "vae", "classify", "equations"),
        _robustness,
        optional=True,
    ),
    Step(
        "stability",
        "Stability",
        "Learn the law again from other random starts, and find out what stays.",
        StabilityConfig,
        ("cells", "vae", "classify", "equations"),
        run_stability_step,
        optional=True,
    ),
    Step(
        "ablations",
        "Ablations",
        "Leave out or replace parts of the method, and find out which one does the work.",
        AblationsConfig,
        ("cells", "vae", "classify", "equations", "evaluate"),
        run_ablations_step,
        optional=True,
    ),
)
