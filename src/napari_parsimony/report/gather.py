"""From a study to what its report shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.classify.scores import scores_of
from napari_parsimony.errors import UserError
from napari_parsimony.figures.score_map import STEPS as STRIP
from napari_parsimony.figures.score_map import AlongLatent
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.report.content import Again, Content, Decision
from napari_parsimony.report.words import natural
from napari_parsimony.study.findings import findings_of
from napari_parsimony.study.latent_names import read_latent_names
from napari_parsimony.study.learned import judge_vae
from napari_parsimony.study.steps import STEPS, learned_elsewhere, target
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.trust.ablations import TABLE_FILE
from napari_parsimony.trust.checks import MEANINGS_FILE
from napari_parsimony.trust.config import EvaluateConfig
from napari_parsimony.trust.findings import listed
from napari_parsimony.trust.groups import GROUPS_FILE
from napari_parsimony.trust.metrics import calibration, confusion
from napari_parsimony.trust.per_class import per_class
from napari_parsimony.trust.robustness_files import RobustnessFiles
from napari_parsimony.trust.schemes import Schemes
from napari_parsimony.trust.stability import AGREEMENT_FILE, KEPT_FILE, RUNS_FILE
from napari_parsimony.vae.latents import decode_latents, traverse
from napari_parsimony.vae.model import Vae

_MOST = 5_000  # cells on which the latents of an expression are ranked


class Latents:
    """The latents of all cells, and pictures of what they mean.

    Attributes
    ----------
    names
        Of the latents, by index.
    values
        (N, latents) posterior means.
    centre
        (latents,) their medians.
    low, high
        (latents,) their 1st and 99th percentiles.
    """

    def __init__(self, study: Study) -> None:
        statistics = pd.DataFrame(study.latent_statistics())
        self.names: list[str] = statistics["name"].tolist()
        self.low, self.high = statistics["low"].to_numpy(), statistics["high"].to_numpy()
        self.active = int(statistics["active"].sum())
        self.values = study.latents()[self.names].to_numpy(np.float32)
        self.centre = np.median(self.values, axis=0)
        self._vae: Vae = study.vae()
        self.guidance = self._vae.guidance

    def range(self, name: str) -> NDArray[np.float64]:
        """`STRIP` even values over the cells' range of one latent."""
        index = self.names.index(name)
        return np.linspace(self.low[index], self.high[index], STRIP)

    def traverse(self, name: str) -> NDArray[np.float32]:
        """(STRIP, C, S, S) decoded along one latent, the others at their median."""
        return traverse(self._vae, self.centre, self.names.index(name), self.range(name))

    def decode(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """(n, C, S, S) decoded from the latents of some cells."""
        return decode_latents(self._vae, self.values[rows])

    def along(self, name: str, rows: NDArray[np.intp]) -> AlongLatent:
        """One axis of a decision map, with these cells on it."""
        index = self.names.index(name)
        return AlongLatent(
            name,
            float(self.low[index]),
            float(self.high[index]),
            self.traverse(name),
            self.values[rows, index],
        )


def gather(study: Study, config: ReportConfig) -> Content:
    """Read all that the report shows.

    Raises
    ------
    UserError
        If a step is missing, or the map is asked for latents that the equation has not.
    """
    schemes, front, classifier = study.schemes(), study.front(), study.classifier()
    cells = study.cells()
    positive, _ = target(study)
    latents = Latents(study)
    held_out = np.flatnonzero((cells["split"].to_numpy() == "test") & np.isfinite(positive))
    chosen = _some(held_out, positive, config)
    traversed = sorted({*classifier.used, *front.choice.expression.variables}, key=natural)
    layers = classifier.sparse_layers()
    robust = study.state("robustness") == "ready"
    return Content(
        title=config.title or study.name,
        cells=_splits(cells, positive, schemes.classes),
        unlabelled=int(np.isnan(positive).sum()),
        schemes=schemes,
        **_of_classes(study, held_out, positive, schemes),
        crops=np.asarray(study.crops()[chosen], np.float32),
        decoded=latents.decode(chosen),
        traversals=np.stack([latents.traverse(name) for name in traversed]),
        traversal_values=np.stack([latents.range(name) for name in traversed]),
        traversal_names=traversed,
        weights=[weight * mask for weight, _, mask in layers],
        inputs=classifier.inputs,
        usage_before=classifier.kept_before,
        usage_after=classifier.kept_after,
        networks=classifier.sparse.seeds,
        active=latents.active,
        latents=len(latents.names),
        guidance=latents.guidance,
        latent_names=read_latent_names(study),
        verdict=judge_vae(study).verdict,
        front=front,
        decision=_decision(front.choice.expression, latents, held_out, positive, config),
        findings=findings_of(study),
        meanings=study.read("trust", MEANINGS_FILE, pd.read_parquet),
        groups=_groups(study),
        history=study.history(),
        provenance={
            name: record.model_dump(mode="json")
            for name in STEPS
            if (record := study.step(name)) is not None
        },
        robustness=RobustnessFiles.load(study.path / "robustness") if robust else None,
        again=_again(study),
        ablations=_ablations(study),
    )


def _again(study: Study) -> Again | None:
    if study.state("stability") != "ready":
        return None
    runs, kept = (study.read("stability", file, pd.read_parquet) for file in (RUNS_FILE, KEPT_FILE))

    def load(path: Path) -> NDArray[np.float64]:
        shares: NDArray[np.float64] = np.load(path, allow_pickle=False)
        return shares

    return Again(runs, kept, study.read("stability", AGREEMENT_FILE, load))


def _ablations(study: Study) -> pd.DataFrame | None:
    if study.state("ablations") != "ready":
        return None
    return study.read("ablations", TABLE_FILE, pd.read_parquet)


def _groups(study: Study) -> pd.DataFrame | None:
    record = study.step("trust")
    if record is None or GROUPS_FILE not in record.outputs:
        return None
    return study.read("trust", GROUPS_FILE, pd.read_parquet)


def _of_classes(
    study: Study, held_out: NDArray[np.intp], target: NDArray[np.float64], schemes: Schemes
) -> dict[str, Any]:
    """Tell what the equation says of the cells that the evaluation held out, class by class."""
    cells = study.cells()
    rows = np.flatnonzero(np.isfinite(target)) if learned_elsewhere(study) else held_out
    scores = scores_of(study.scores(), "symbolic", schemes.classes)[rows]
    numbers = target[rows].astype(np.intp)
    resampling = schemes.model_dump(include={"resamples", "confidence", "seed"})
    config = EvaluateConfig.model_validate(resampling)
    groups = cells["group"].to_numpy()[rows]
    return {
        "confusion": confusion(scores, numbers),
        "per_class": per_class(scores, numbers, groups, config),
        "calibration": calibration(scores, numbers)[0],
    }


def _some(
    rows: NDArray[np.intp], positive: NDArray[np.float64], config: ReportConfig
) -> NDArray[np.intp]:
    """Choose cells to show, as evenly from all classes as there are, the first class first."""
    random = np.random.default_rng(config.seed)
    kinds = range(int(np.nanmax(positive, initial=1)) + 1)
    by_class = [random.permutation(rows[positive[rows] == value]) for value in kinds]
    counts = np.zeros(len(by_class), int)
    room = np.array([len(members) for members in by_class])
    for _ in range(min(config.cells, int(room.sum()))):
        counts[np.where(counts < room, counts, config.cells + 1).argmin()] += 1
    parts = [members[:count] for members, count in zip(by_class, counts, strict=True)]
    return np.concatenate([np.sort(part) for part in parts])


def _splits(
    cells: pd.DataFrame, positive: NDArray[np.float64], classes: Sequence[str]
) -> pd.DataFrame:
    rows = []
    for split in ("train", "validation", "test"):
        here = (cells["split"].to_numpy() == split) & np.isfinite(positive)
        counts = {name: int((positive[here] == value).sum()) for value, name in enumerate(classes)}
        rows.append({"split": split, **counts, "groups": cells.loc[here, "group"].nunique()})
    return pd.DataFrame(rows)


def _decision(
    expression: Equation,
    latents: Latents,
    rows: NDArray[np.intp],
    positive: NDArray[np.float64],
    config: ReportConfig,
) -> Decision | None:
    ranked = by_importance(expression, latents)
    for axis in ("x", "y"):
        asked = getattr(config, axis)
        if asked and asked not in ranked:
            raise UserError(
                f"The decision map cannot have '{asked}' along its {axis} axis: the equation's "
                f"latents are {listed(ranked) or 'none'}."
            )
    if config.x and config.x == config.y:
        raise UserError(f"The decision map has '{config.x}' along both axes: choose two latents.")
    if not ranked:
        return None
    x = config.x or next(name for name in ranked if name != config.y or len(ranked) == 1)
    rest = [name for name in ranked if name != x]
    y = config.y if config.y and config.y != x else (rest[0] if rest else None)
    fixed = {name: float(latents.centre[latents.names.index(name)]) for name in rest if name != y}
    return Decision(
        latents.along(x, rows), latents.along(y, rows) if y else None, fixed, positive[rows]
    )


def by_importance(expression: Equation, latents: Latents) -> list[str]:
    """Sort an expression's latents by how far the score moves when one is put to its median.

    The median over cells of that move, so that a few extreme cells do not decide.
    """
    sample = np.random.default_rng(0).permutation(len(latents.values))[:_MOST]
    values = {
        name: latents.values[sample, latents.names.index(name)].astype(np.float64)
        for name in expression.variables
    }
    moves = {}
    with np.errstate(all="ignore"):
        scores = expression.evaluate(values)
        for name, value in values.items():
            still = expression.evaluate({**values, name: np.full_like(value, np.median(value))})
            move = np.abs(scores - still)
            if move.ndim == 2:  # of more than two classes, the one that moves most
                move = move.max(axis=1)
            known = move[np.isfinite(move)]
            moves[name] = float(np.median(known)) if len(known) else 0.0
    return sorted(moves, key=lambda name: (-moves[name], natural(name)))
