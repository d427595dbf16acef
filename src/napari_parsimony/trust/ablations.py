"""The ablations step: which part of the method does the work."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.classify.classifier import Classifier
from napari_parsimony.classify.scores import as_outputs, columns_of, scores_of
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.symbolic.front import Candidate
from napari_parsimony.symbolic.losses import scores_on
from napari_parsimony.trust.ablation_findings import ablation_findings
from napari_parsimony.trust.ablation_models import MODELS, has_boosting_machine
from napari_parsimony.trust.ablation_table import (
    DISENTANGLING,
    EQUATION,
    LATENTS,
    REWIRING,
    SPARSITY,
    STUDY,
    Row,
    compared,
)
from napari_parsimony.trust.findings import FINDINGS_FILE, save_findings
from napari_parsimony.trust.judged import LAW
from napari_parsimony.trust.pca import pca_latents
from napari_parsimony.trust.relearn import (
    NETWORK_UNITS,
    SEARCH_UNITS,
    VAE_UNITS,
    Cells,
    Floats,
    OwnVae,
    Parts,
    alone,
    learn,
    search,
    train_other,
)
from napari_parsimony.trust.relearn_config import AblationsConfig
from napari_parsimony.trust.schemes import Schemes
from napari_parsimony.trust.traits import CENTRAL, measure_traits, names_in, trait_groups

TABLE_FILE, SCORES_FILE = "ablations.parquet", "scores.parquet"
MEASURE_UNITS = 10
WAYS = {"rigl": "RigL", "set": "SET", "magnitude": "magnitude pruning", "l1": "L1"}


@dataclass(frozen=True)
class Studied:
    """A study with all that its ablations start from; see `run_ablations`."""

    cells: Cells
    crops: NDArray
    own: OwnVae
    law: Candidate
    classifier: Classifier
    network_scores: pd.DataFrame
    scores: pd.DataFrame
    schemes: Schemes


def run_ablations(
    study: Studied, config: AblationsConfig, out: Path, checkpoints: Path, report: Report = silent
) -> None:
    """Leave out or replace parts of the method, and compare on the same held-out cells.

    Writes ``ablations.parquet``, a row for each way to a decision, see `ablation_table.Row` and
    `ablation_table.compared`; differences are to the row whose ``reference`` is True: the law that
    the same engines find as those of all other rows. ``scores.parquet`` has the scores of the
    held-out cells by each row; and ``findings.json`` says which part does the work.

    Parameters
    ----------
    study
        What to start from: cells with the settings of networks and search, crops, the VAE, the
        law, the networks and their scores, the scores that were evaluated, and the sizes of the
        schemes.
    config
        Settings.
    out, checkpoints
        Folders to write into, and to keep what is done in if this is interrupted.
    report
        Is told how far all is.

    Raises
    ------
    UserError
        If no cell with a class is held out, or something cannot be learned.
    """
    rows = study.cells.held_out
    ablations = _Ablations(study, config, checkpoints, report)
    made = list(ablations.rows())
    tell = ablations.parts.next(1, "Comparing")
    names = {row.name for row in made}
    reference = "again" if "again" in names else LAW
    target = study.cells.target[rows].astype(np.intp)
    groups = study.cells.table["group"].to_numpy()[rows]
    scores = {row.name: None if row.scores is None else row.scores[rows] for row in made}
    table = compared(scores, reference, target, groups, config)
    networks = compared(
        {row.name: None if row.networks is None else row.networks[rows] for row in made},
        reference, target, groups, config.model_copy(update={"resamples": 100}),
    )  # fmt: skip
    columns = ("name", "title", "part", "inputs", "parameters", "size", "equation", "note")
    about = pd.DataFrame([{c: getattr(row, c) for c in columns} for row in made])
    about[["inputs", "parameters", "size"]] = about[["inputs", "parameters", "size"]].astype(
        "Int64"
    )
    about["reference"] = about["name"] == reference
    about["networks"] = networks["balanced_accuracy"].to_numpy()
    table = about.merge(table.reset_index(), on="name")
    table.to_parquet(out / TABLE_FILE, index=False)
    keys = study.cells.table[KEY].iloc[rows].reset_index(drop=True)
    parts = [
        pd.DataFrame(each, columns=columns_of(name, study.cells.classes))
        for name, each in scores.items()
        if each is not None
    ]
    pd.concat([keys, *parts], axis=1).to_parquet(out / SCORES_FILE, index=False)
    save_findings(ablation_findings(table), out / FINDINGS_FILE)
    tell(Progress(1, 1, "done"))


class _Ablations:
    """Makes the rows of one study, one after another."""

    def __init__(
        self, study: Studied, config: AblationsConfig, checkpoints: Path, report: Report
    ) -> None:
        self.study, self.checkpoints, self.beta = study, checkpoints, config.beta
        settings = study.cells.equations
        mine = alone(settings, config.engines)
        self.searched_alike = mine == settings
        self.cells = replace(study.cells, equations=mine)
        self.latents = study.own.latents[study.own.active].astype(np.float64)
        self.ways = [way for way in WAYS if way != study.cells.classify.rewiring]
        vae = study.own.config
        self.other_beta = config.beta and vae.steps > 0 and vae.beta != 1
        learned = 3 + len(self.ways) + self.other_beta
        searched = 1 if self.searched_alike else 2
        total = learned * (NETWORK_UNITS + SEARCH_UNITS) + searched * SEARCH_UNITS
        total += VAE_UNITS * self.other_beta + MEASURE_UNITS + len(MODELS) + 1
        self.parts = Parts(report, total)

    def rows(self) -> Iterator[Row]:
        yield from self._own()
        if self.beta:
            yield self._beta()
        yield self._pca()
        yield self._unselected()
        for way in self.ways:
            yield self._rewired(way)
        yield from self._models()
        yield from self._traits()

    def _own(self) -> Iterator[Row]:
        study, classes = self.study, self.cells.classes
        reads = {
            "black_box": None, "dense": len(study.own.active),
            "sparse": len(study.classifier.used), LAW: len(study.law.expression.variables),
        }  # fmt: skip
        for name, inputs in reads.items():
            scheme = study.schemes.get(name)
            size = None if scheme is None else scheme.complexity
            yield Row(
                name, "symbolic: the law" if name == LAW else name.replace("_", " "), STUDY,
                scores_of(study.scores, name, classes),
                inputs=inputs,
                parameters=None if size is None else size.parameters,
                size=None if size is None else size.expression_size,
                equation=study.law.unicode() if name == LAW else "",
            )  # fmt: skip
        if self.searched_alike:
            return
        scores = scores_of(study.network_scores, "sparse_mean", classes)
        agreed = self.latents[study.classifier.agreed]
        law = self._search("again", "The law once more", self.cells, agreed, scores)
        engines = " and ".join(self.cells.equations.engines)
        yield self._law("again", f"the law by {engines} alone", STUDY, law, agreed, scores)

    def _beta(self) -> Row:
        title, own = "β = 1", self.study.own
        if not self.other_beta:
            note = (
                "the study's own VAE has β = 1" if own.config.steps
                else "the VAE was taken over, and is not trained here"
            )  # fmt: skip
            return Row("beta", title, DISENTANGLING, None, note=note)
        config = own.config.model_copy(update={"beta": 1.0})
        tell = self.parts.next(VAE_UNITS, title)
        folder = self.checkpoints / "beta vae"
        latents = train_other(self.cells, self.study.crops, own, config, folder, tell)
        started = config.pretrained != "none" or config.start_from is not None
        note = "from the same weights as the study's own" if started else ""
        return self._learned("beta", title, DISENTANGLING, self.cells, latents, note)

    def _pca(self) -> Row:
        study, count = self.study, len(self.study.own.active)
        train = study.cells.table["split"].to_numpy() == "train"
        found = pca_latents(study.crops, train, count).latents
        inputs = pd.DataFrame(found, columns=[f"p{i}" for i in range(count)])
        cells = replace(self.cells, guided=False)
        return self._learned("pca", "principal components", DISENTANGLING, cells, inputs)

    def _unselected(self) -> Row:
        scores = scores_of(self.study.network_scores, "dense", self.cells.classes)
        title = "engines on all active latents"
        law = self._search("unselected", title, self.cells, self.latents, scores)
        note = "imitates the dense network"
        row = self._law("unselected", title, SPARSITY, law, self.latents, None)
        return replace(row, note=note)

    def _rewired(self, way: str) -> Row:
        classify = self.cells.classify.model_copy(update={"rewiring": way})
        own = WAYS[self.cells.classify.rewiring]
        title = f"{WAYS[way]} instead of {own}"
        return self._learned(
            way, title, REWIRING, replace(self.cells, classify=classify), self.latents
        )

    def _models(self) -> Iterator[Row]:
        split = self.cells.table["split"].to_numpy().astype(str)
        for name, (title, fit) in MODELS.items():
            self.parts.next(1, title)
            if name == "ebm" and not has_boosting_machine():
                note = "needs the package 'interpret', which is not installed"
                yield Row(name, title, EQUATION, None, note=note)
                continue
            model = fit(self.latents, self.cells.target, split)
            yield Row(
                name, title, EQUATION, model.scores, None, model.inputs, model.parameters,
                model.size,
            )  # fmt: skip

    def _traits(self) -> Iterator[Row]:
        study, target = self.study, self.cells.target
        known = np.flatnonzero(np.isfinite(target))
        border = study.cells.table["border"].to_numpy(bool)
        traits = measure_traits(
            study.crops, known, border, self.parts.next(MEASURE_UNITS, "Traits")
        )
        groups = trait_groups(traits, study.own.made)
        measured = traits.notna().all(axis=1).to_numpy()
        found = np.zeros(len(target), bool)
        found[known[measured]] = True
        cells = replace(self.cells.take(found), guided=False)
        fitted = cells.table["split"].to_numpy() != "test"
        for name, title, names in (
            ("central", "traits of the central cell", groups[CENTRAL]),
            ("traits", "all traits", names_in(groups)),
        ):
            values = traits.loc[measured, names].reset_index(drop=True)
            values = values.loc[:, values[fitted].std() > 0]
            spoken = {trait.replace(" ", "_").replace("°", "").replace("-", "_").replace(",", ""):
                      trait for trait in values}  # fmt: skip
            values = values.set_axis(list(spoken), axis=1)
            # engines work with numbers near 1
            values = (values - values[fitted].mean()) / values[fitted].std()
            row = self._learned(name, title, LATENTS, cells, values)
            yield replace(
                row, scores=_spread(row.scores, found), networks=_spread(row.networks, found),
                note="traits as standard deviations from their mean",
            )  # fmt: skip

    def _learned(
        self, name: str, title: str, part: str, cells: Cells, inputs: pd.DataFrame, note: str = ""
    ) -> Row:
        """Train sparse networks on other inputs or in another way, and look for an equation."""
        tell = self.parts.next(NETWORK_UNITS, title)
        learned = learn(cells, inputs, self.checkpoints / f"{name} networks", tell)
        law = self._search(name, title, cells, inputs[learned.agreed], learned.scores)
        return replace(self._law(name, title, part, law, inputs, learned.scores), note=note)

    def _search(
        self, name: str, title: str, cells: Cells, inputs: pd.DataFrame, scores: Floats
    ) -> Candidate:
        tell = self.parts.next(SEARCH_UNITS, title)
        return search(cells, inputs, scores, self.checkpoints / f"{name} law", tell)

    def _law(
        self, name: str, title: str, part: str, law: Candidate, inputs: pd.DataFrame,
        networks: Floats | None,
    ) -> Row:  # fmt: skip
        equation: Equation = law.expression
        reads = equation.variables
        scores = as_outputs(scores_on(equation, inputs[list(reads)].to_numpy(np.float64), reads))
        return Row(
            name, title, part, scores, networks, len(reads), len(equation.constants),
            equation.size, law.unicode(),
        )  # fmt: skip


def _spread(scores: Floats | None, found: NDArray[np.bool_]) -> Floats:
    """Scores of some cells among all; NaN for those that were not found."""
    assert scores is not None, "an equation was found"
    spread = np.full((len(found), scores.shape[1]), np.nan)
    spread[found] = scores
    return spread
