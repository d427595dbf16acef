"""Everything that a study knows of its cells, as one table for other programs."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_parsimony import __version__
from napari_parsimony.cells.table import KEY
from napari_parsimony.classify.scores import (
    UNDECIDED,
    columns_of,
    named,
    probabilities,
    schemes_in,
    scores_of,
)
from napari_parsimony.errors import UserError
from napari_parsimony.study.familiarity import read_familiarity
from napari_parsimony.study.latent_names import read_latent_names
from napari_parsimony.study.steps import STEPS
from napari_parsimony.study.study import Study
from napari_parsimony.trust.flags import FLAG, UNLIKE

if TYPE_CHECKING:
    import pandas as pd

FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".h5ad": "AnnData"}
NAME = "napari-parsimony"  # of what is said about the table, in Parquet and AnnData


@dataclass(frozen=True)
class Export:
    """A study's table of cells.

    Attributes
    ----------
    cells
        One row a cell, in the study's order: the table of cells with the classes that people gave
        by now in ``class``, and of the steps that are ready

        - ``class_told``: the class that the step 'classify' was told;
        - ``score_…``, ``probability_…``: logit and probability of the second class, by each
          scheme; of more than two classes a score and a probability for each, as in
          ``probability_symbolic G1``. ``sparse`` is the network that the docks show,
          ``sparse_mean`` the mean over networks that the evaluation compares; ``symbolic`` is the
          equation in use;
        - ``class_by_equation``, and ``term_1 …``, …: what each term of it adds to the score, of
          more than two classes ``term_1 G1 …``;
        - ``do_not_trust``, ``unlikeness``: whether a cell is unlike those that the VAE was trained
          on, and how much; above 1 it is flagged.
    latents
        ``z0``, ``z1``, …, one row a cell; no columns before there is a VAE.
    statistics
        One row a latent: its ``name`` as people call it, ``kl``, ``active``, ….
    about
        Where the numbers come from, as JSON can hold it.
    notes
        Sentences on what is missing.
    """

    cells: "pd.DataFrame"
    latents: "pd.DataFrame"
    statistics: "pd.DataFrame"
    about: dict[str, Any]
    notes: list[str]

    @property
    def table(self) -> "pd.DataFrame":
        """Cells and latents side by side, latents with the names that people gave them."""
        import pandas as pd

        names = {z: f"{z} {name}".strip() for z, name in self.statistics["name"].items()}
        return pd.concat([self.cells, self.latents.rename(columns=names)], axis=1)


def export(study: Study) -> Export:
    """Put together what a study knows of its cells; what is stale is left out.

    Raises
    ------
    UserError
        If it has no cells yet, or something cannot be read.
    """
    import pandas as pd

    cells = study.cells()
    # what was made of other cells fits no row
    ready = {name for name in STEPS if study.state(name) == "ready"}
    if "cells" not in ready:
        raise UserError(f"{study.why_stale('cells')} Run the step 'cells' again.")
    columns: dict[str, Any] = {str(name): cells[name] for name in cells}
    about = _about(study, ready)
    latents = pd.DataFrame(index=cells.index)
    statistics = pd.DataFrame({"name": []}, index=pd.Index([], dtype="str"))
    if "vae" in ready:
        statistics = study.latent_statistics().set_index("name")
        latents = study.latents()[list(statistics.index)]
        names = read_latent_names(study)
        statistics.insert(0, "name", [names.get(z, "") for z in statistics.index])
    scores = pd.DataFrame(index=cells.index)
    if "classify" in ready:
        columns["class_told"] = study.classes_told()
        classes = study.class_names()
        about["classes"] = list(classes)
        networks = study.network_scores()
        for scheme in ("black_box", "dense", "sparse", "sparse_mean"):
            scores[columns_of(scheme, classes)] = networks[columns_of(scheme, classes)]
        if "evaluate" in ready and "shape" in schemes_in(study.scores(), classes):
            shape = columns_of("shape", classes)
            scores[shape] = study.scores()[shape]
        if "equations" in ready:
            columns |= _equation(study, latents, scores, about)
        columns |= _schemes(scores, classes)
    familiarity = read_familiarity(study) if "vae" in ready else None
    if familiarity is not None:
        columns["do_not_trust"] = familiarity[FLAG]
        columns["unlikeness"] = familiarity[UNLIKE]
    notes = [
        f"Left out, as the step '{name}' {'is out of date' if study.step(name) else 'was not run'}."
        for name, step in STEPS.items()
        if name not in ready and not (step.optional and study.step(name) is None)
    ]
    return Export(pd.DataFrame(columns), latents, statistics, about, notes)


def _schemes(scores: "pd.DataFrame", classes: Sequence[str]) -> dict[str, Any]:
    columns = {}
    for scheme in schemes_in(scores, classes):
        names = columns_of(scheme, classes)
        of_classes = probabilities(scores_of(scores, scheme, classes))
        for name, probability in zip(names, of_classes.T[-len(names) :], strict=True):
            columns[f"score_{name}"] = scores[name]
            columns[f"probability_{name}"] = probability
    return columns


def _equation(
    study: Study, latents: "pd.DataFrame", scores: "pd.DataFrame", about: dict[str, Any]
) -> dict[str, Any]:
    """Class and terms of every cell; the scores go to the other schemes'."""
    import numpy as np

    from napari_parsimony.symbolic.class_scores import ClassScores

    choice, classes = study.front().choice, about["classes"]
    equation = choice.expression
    values = {name: latents[name].to_numpy(np.float64) for name in equation.variables}

    def on_cells(part: Any) -> Any:
        return np.broadcast_to(part.evaluate(values), len(latents))

    if isinstance(equation, ClassScores):
        parts = {f" {name}": each for name, each in equation.lines}
        found = np.broadcast_to(equation.evaluate(values), (len(latents), len(classes)))
    else:
        parts, found = {"": equation}, on_cells(equation)[:, None]
    scores[columns_of("symbolic", classes)] = found
    said = [classes[number] if number != UNDECIDED else None for number in named(found)]
    columns: dict[str, Any] = {"class_by_equation": said}
    for of_class, each in parts.items():
        for number, term in enumerate(each.terms, 1):
            column = f"term_{number}{of_class} {term.unicode(choice.digits)}"
            columns[column] = on_cells(term)
    about["equation"] = str(equation)
    return columns


def _about(study: Study, ready: set[str]) -> dict[str, Any]:
    records = {name: study.step(name) for name in STEPS if name in ready}
    return {
        "study": study.name,
        "created": study.created.isoformat(),
        "exported_by": f"{NAME} {__version__}",
        "annotations": study.annotations().stamp,
        "steps": {
            name: record.model_dump(
                mode="json", include={"config", "seed", "versions", "fingerprint", "finished"}
            )
            for name, record in records.items()
            if record is not None
        },
    }


def export_study(study: Study, path: Path) -> Export:
    """Write the table of a study's cells; its suffix says how.

    Parameters
    ----------
    study
        With cells.
    path
        ``.csv``, ``.parquet`` (in whose schema is what is said about the table), or ``.h5ad`` for
        AnnData: latents are its matrix, all else its ``obs``, and ``uns`` says where they are from.

    Raises
    ------
    UserError
        If the suffix is another, the file would be within the study, or cannot be written; what
        was there is then as before.
    """
    path = path.absolute()
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(f"{end} for {name}" for end, name in FORMATS.items())
        raise UserError(f"The file name '{path.name}' does not say how to write it: use {known}.")
    if study.path.resolve() in path.resolve().parents:
        raise UserError(f"{path} is within the study: choose a place outside of its folder.")
    if suffix == ".h5ad":
        _anndata()  # before the long part
    exported = export(study)
    with _replaced(path) as fresh:
        if suffix == ".csv":
            exported.table.to_csv(fresh, index=False)
        elif suffix == ".parquet":
            _write_parquet(exported, fresh)
        else:
            _write_h5ad(exported, fresh)
    return exported


def _write_parquet(exported: Export, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(exported.table, preserve_index=False)
    told = {**(table.schema.metadata or {}), NAME.encode(): json.dumps(exported.about).encode()}
    pq.write_table(table.replace_schema_metadata(told), path)


def _anndata() -> Any:
    try:
        import anndata
    except ImportError as error:
        raise UserError(
            "AnnData files need the package anndata: install it with "
            f"\"pip install '{NAME}[anndata]'\", or export CSV or Parquet."
        ) from error
    return anndata


def _write_h5ad(exported: Export, path: Path) -> None:
    import pandas as pd

    cells = exported.cells
    # the only kind of text with gaps that every release of anndata writes
    texts = [name for name in cells if not pd.api.types.is_numeric_dtype(cells[name])]
    observed = cells.astype(dict.fromkeys(texts, "category"))
    keys = zip(*(cells[name] for name in KEY), strict=True)
    observed.index = pd.Index(["|".join(map(str, key)) for key in keys])
    # HDF5 takes a slash for a folder
    observed.columns = observed.columns.str.replace("/", "÷")
    data = _anndata().AnnData(
        exported.latents.to_numpy(),
        obs=observed,
        var=exported.statistics.rename_axis(None),
        uns={NAME: json.dumps(exported.about)},
    )
    data.write_h5ad(path)


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """Give a name to write to, which is renamed when all went well."""
    fresh = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield fresh
        fresh.replace(path)
    except OSError as error:
        raise UserError(
            f"Could not write {path}: {error.strerror or error}. Nothing was changed."
        ) from error
    finally:
        fresh.unlink(missing_ok=True)
