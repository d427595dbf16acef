"""What the dock 'Sparse classifier' shows, read from a study's folder; for threads, without Qt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.classify.scores import (
    UNDECIDED,
    as_outputs,
    columns_of,
    decided,
    schemes_in,
    scores_of,
)
from napari_parsimony.errors import UserError
from napari_parsimony.study.steps import group_word, learned_elsewhere
from napari_parsimony.study.steps import target as learned_target
from napari_parsimony.study.study import Study
from napari_parsimony.symbolic.losses import scores_on
from napari_parsimony.trust.findings import listed
from napari_parsimony.trust.metrics import confusion

if TYPE_CHECKING:
    from napari_parsimony.classify.sweep import Point
    from napari_parsimony.classify.topology import Compact
    from napari_parsimony.symbolic.class_scores import Equation
    from napari_parsimony.trust.per_class import ClassEstimates
    from napari_parsimony.trust.schemes import Schemes

STRIP = 5  # pictures along a latent

CELLS = {
    "test": "held-out cells (test)",
    "validation": "validation cells",
    "train": "training cells",
    "all": "all cells with a class",
}
SCHEMES = {
    "black_box": "black box",
    "dense": "dense",
    "sparse": "sparse, mean of all",
    "chosen": "sparse, chosen one",
    "symbolic": "equation looked at",
    "shape": "shape features",
}


@dataclass(frozen=True)
class NetworksRead:
    """The sparse networks of a study.

    Attributes
    ----------
    fingerprint
        Of the step that they are from.
    inputs
        Latents that networks may read.
    classes
        That are told apart; of two, below and above a score of 0.
    chosen
        Which network stands for all.
    networks
        Without their dead parts; the inputs are places in `inputs`.
    losses
        Validation loss of each network.
    kept_before, kept_after
        Share of the networks that use a latent, before and after latents were removed.
    total
        Weights of the dense network.
    sweep
        Networks of other densities; empty where none were trained.
    accuracy
        Balanced accuracy on validation cells by scheme and network; empty where not recorded.
    validation_cells
        How many those are, None where not recorded.
    taken_over
        Whether they are from another study.
    """

    fingerprint: str
    inputs: list[str]
    classes: tuple[str, ...]
    chosen: int
    networks: list["Compact"]
    losses: list[float]
    kept_before: dict[str, float]
    kept_after: dict[str, float]
    total: int
    sweep: list["Point"]
    accuracy: Mapping[str, Sequence[float]]
    validation_cells: int | None
    taken_over: bool

    def used(self, which: int) -> list[str]:
        """Latents that a network uses."""
        return [self.inputs[i] for i in self.networks[which].inputs]

    def connections(self, which: int) -> int:
        """Live weights of a network."""
        return int(sum(np.count_nonzero(weight) for weight in self.networks[which].weights))


def read_networks(folder: str) -> NetworksRead:
    """Read the sparse networks of a study.

    Raises
    ------
    UserError
        If there are none that can be read.
    """
    from napari_parsimony.classify.sweep import read_sweep

    study = Study.open(folder)
    classifier, record = study.classifier(), study.step("classify")
    assert record is not None, "its networks were just read"
    seeds, facts = classifier.sparse.seeds, classifier.facts
    return NetworksRead(
        fingerprint=record.fingerprint,
        inputs=classifier.inputs,
        classes=tuple(classifier.names),
        chosen=classifier.chosen,
        networks=[classifier.compact(i) for i in range(seeds)],
        losses=_numbers(classifier.losses.get("sparse"), seeds),
        kept_before=classifier.kept_before,
        kept_after=classifier.kept_after,
        total=int(facts["dense_weights"]),
        sweep=read_sweep(facts),
        accuracy=_accuracy(facts.get("validation_accuracy")),
        validation_cells=_whole(facts.get("validation_cells")),
        taken_over=record.config.get("start_from") is not None,
    )


def read_strips(folder: str, names: Sequence[str]) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """Decode what a latent does while the others are at their mean.

    Returns
    -------
    fingerprint
        Of the step that the VAE is from.
    strips
        (STRIP, C, S, S) of each of `names`, from its 1st to its 99th percentile.
    """
    from napari_parsimony.vae.latents import traverse

    study = Study.open(folder)
    statistics, vae, record = study.latent_statistics(), study.vae(), study.step("vae")
    assert record is not None, "its VAE was just read"
    centre, strips = statistics["mean"].to_numpy(np.float64), {}
    for name in names:
        row = statistics.loc[int(name[1:])]
        values = np.linspace(row["low"], row["high"], STRIP)
        strips[name] = traverse(vae, centre, int(name[1:]), values)
    return record.fingerprint, strips


@dataclass(frozen=True)
class Evaluated:
    """Schemes compared on some cells.

    Attributes
    ----------
    cells
        Which: one of `CELLS`.
    where
        The same in words, with their number.
    rows
        (n,) their rows in the table of cells.
    target
        (n,) number of the class.
    scores
        n rows, columns as by `classify.scores.columns_of`; NaN: not decided.
    schemes
        Accuracies with intervals.
    per_class
        Precision, recall and F1 of all classes by scheme.
    """

    cells: str
    where: str
    rows: NDArray[np.int64]
    target: NDArray[np.intp]
    scores: pd.DataFrame
    schemes: "Schemes"
    per_class: Mapping[str, Sequence["ClassEstimates"]]

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""
        return self.schemes.classes

    def said(self, scheme: str) -> NDArray[np.intp]:
        """Decide of each cell by a scheme: number of a class, one more where it says nothing."""
        found = decided(scores_of(self.scores, scheme, self.classes))
        return np.where(found == UNDECIDED, len(self.classes), found)

    def confusion(self, scheme: str) -> NDArray[np.intp]:
        """(classes, classes + 1): what cells are, and what they are said to be."""
        return confusion(scores_of(self.scores, scheme, self.classes), self.target)

    def members(self, scheme: str, row: int, column: int) -> NDArray[np.int64]:
        """Rows in the table of cells of one cell of `confusion`."""
        return self.rows[(self.target == row) & (self.said(scheme) == column)]


def evaluate_cells(folder: str, expression: "Equation | None", cells: str | None) -> Evaluated:
    """Compare the schemes on the classes that cells have now.

    Parameters
    ----------
    folder
        Of the study.
    expression
        The equation looked at.
    cells
        One of `CELLS`; None: those that no network has learned from.

    Raises
    ------
    UserError
        If there are no networks, or none of the cells has a class that they tell apart.
    """
    from napari_parsimony.trust.config import EvaluateConfig
    from napari_parsimony.trust.evaluate import compare
    from napari_parsimony.trust.per_class import per_class

    study = Study.open(folder)
    table, networks = study.cells(), study.network_scores()
    classes, target = _classes_now(study, table["class"])
    elsewhere = learned_elsewhere(study)
    cells = cells or ("all" if elsewhere else "test")
    chosen = np.isfinite(target)
    if cells != "all":
        chosen &= (table["split"] == cells).to_numpy(bool)
    rows = np.flatnonzero(chosen)
    if not len(rows):
        quoted = [f"'{name}'" for name in classes]
        raise UserError(
            f"None of the {CELLS[cells].replace('all cells with a class', 'cells')} is annotated "
            f"as {listed(quoted, 'or')}: annotate some, or choose other cells."
        )
    found = {
        name: scores_of(networks, source, classes)[rows]
        for name, source in (
            ("black_box", "black_box"), ("dense", "dense"), ("sparse", "sparse_mean"),
            ("chosen", "sparse"),
        )
    }  # fmt: skip
    if expression is not None:
        latents = study.latents().iloc[rows]
        names = expression.variables
        found["symbolic"] = as_outputs(
            scores_on(expression, latents[list(names)].to_numpy(), names)
        )
    if study.state("evaluate") == "ready" and not study.annotated_since("classify"):
        scored = study.scores()
        if "shape" in schemes_in(scored, classes):
            found["shape"] = scores_of(scored, "shape", classes)[rows]
    scores = pd.DataFrame(
        {
            column: values
            for name, each in found.items()
            for column, values in zip(columns_of(name, classes), each.T, strict=True)
        }
    )
    truth, groups = target[rows].astype(np.intp), table["group"].iloc[rows].to_numpy()
    word, config = group_word(study), EvaluateConfig.model_validate({})
    return Evaluated(
        cells=cells,
        where=_where(cells, len(rows), len(pd.unique(groups)), word, elsewhere),
        rows=rows,
        target=truth,
        scores=scores,
        schemes=compare(scores, truth, groups, {}, config, classes, group_word=word),
        per_class={name: per_class(each, truth, groups, config) for name, each in found.items()},
    )


def _classes_now(study: Study, raw: pd.Series) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the classes, and the number, or NaN, of that which every cell has now."""
    classes, record = learned_target(study)[1], study.step("classify")
    told = record.config["classes"] if record else {}
    mapping = told or {name: (name,) for name in classes}
    now = np.full(len(raw), np.nan)
    for value, members in enumerate(mapping.values()):
        now[raw.isin(list(members)).to_numpy(bool)] = value
    return classes, now


def _where(cells: str, number: int, groups: int, word: str, elsewhere: bool) -> str:
    kind = {"test": "held-out ", "validation": "validation ", "train": "training ", "all": ""}
    split = "" if elsewhere else kind[cells]
    part = f" ({cells} split)" if elsewhere and cells != "all" else ""
    of = (
        f"On {number:,} {split}cell{'' if number == 1 else 's'} of {groups:,} "
        f"{word}{'' if groups == 1 else 's'}{part}"
    )
    if elsewhere:
        return f"{of}, all of them new to the networks, which were taken over."
    return (
        of
        + {
            "test": ", of which no network has learned.",
            "validation": ": training was stopped, and the network chosen, by them.",
            "train": ": the networks have learned from them, so that this flatters.",
            "all": ": the networks have learned from most of them, so that this flatters.",
        }[cells]
    )


def _numbers(values: Any, count: int) -> list[float]:
    """One number for each network, NaN where they are not recorded."""
    if not isinstance(values, list) or len(values) != count:
        return [float("nan")] * count
    return [float(value) if isinstance(value, int | float) else float("nan") for value in values]


def _accuracy(values: Any) -> dict[str, list[float]]:
    found = values.items() if isinstance(values, dict) else ()
    return {str(name): _numbers(one, len(one)) for name, one in found if isinstance(one, list)}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
