"""How good and how simple each scheme is: the result of the evaluate step, and its file."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_parsimony.artefact import read_json, write_json
from napari_parsimony.errors import UserError
from napari_parsimony.trust.metrics import Counts

TITLES = {
    "black_box": "black box",
    "dense": "dense",
    "sparse": "sparse",
    "symbolic": "symbolic",
    "shape": "shape features",
}
"""What people read for each column of scores."""

_VERSION = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Estimate(_Frozen):
    """A number with its interval.

    Attributes
    ----------
    value
        None where it does not exist, for instance an AUC of cells of one class.
    low, high
        Bounds of the interval, None where there is none.
    reason
        Why the value or the interval is missing; empty otherwise.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str = ""


class Complexity(_Frozen):
    """How much there is to read in a model.

    Attributes
    ----------
    parameters
        Fitted numbers; only live ones in a sparse network.
    expression_size
        Operators + constants + variables of the model written out; None where nobody would.
    """

    parameters: int | None = None
    expression_size: int | None = None


class Scheme(_Frozen):
    """One scheme on the held-out cells.

    Attributes
    ----------
    name, title
        Column of the scores, and what people read.
    complexity
        Parameters and expression size.
    accuracy, balanced_accuracy, auc
        With intervals from resampling groups.
    accuracy_ratio, balanced_accuracy_ratio, auc_ratio
        Divided by the black box's under the same resamples; None for the black box itself and
        where there is no black box.
    parameters_ratio, expression_size_ratio
        Divided by the black box's.
    parameters_ratio_dense, expression_size_ratio_dense
        Divided by the dense network's.
    counts
        Confusion table and the number of cells without a decision (counted as wrong).
    """

    name: str
    title: str
    complexity: Complexity
    accuracy: Estimate
    balanced_accuracy: Estimate
    auc: Estimate
    accuracy_ratio: Estimate | None = None
    balanced_accuracy_ratio: Estimate | None = None
    auc_ratio: Estimate | None = None
    parameters_ratio: float | None = None
    expression_size_ratio: float | None = None
    parameters_ratio_dense: float | None = None
    expression_size_ratio_dense: float | None = None
    counts: Counts


class Schemes(_Frozen):
    """All schemes on the same held-out cells.

    Attributes
    ----------
    classes
        Name of the negative and the positive class.
    cells
        Number of held-out cells of each of the two.
    groups, folds
        Number of held-out groups and of models that scored them.
    group_word
        What a group is: movie, image or tile.
    resamples, confidence, seed
        Of the bootstrap.
    notes
        Sentences to read beside the numbers: what they cannot say.
    """

    format_version: int = _VERSION
    classes: tuple[str, str]
    cells: tuple[int, int]
    groups: int
    group_word: str = "movie"
    folds: int
    resamples: int
    confidence: float
    seed: int
    schemes: tuple[Scheme, ...]
    notes: tuple[str, ...] = ()

    def get(self, name: str) -> Scheme | None:
        """Find the scheme of this name, None if it was not scored."""
        return next((scheme for scheme in self.schemes if scheme.name == name), None)

    def save(self, path: Path) -> None:
        """Write JSON."""
        write_json(path, self.model_dump(mode="json"))

    @classmethod
    def load(cls, path: Path) -> "Schemes":
        """Read what `save` wrote.

        Raises
        ------
        UserError
            If the file is missing, damaged or from a newer version.
        """
        value = read_json(path)
        version = value.get("format_version") if isinstance(value, dict) else None
        if isinstance(version, int) and version > _VERSION:
            raise UserError(
                f"The file {path} was written by a newer napari-parsimony (format {version}): "
                "update the plugin to read it."
            )
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UserError(
                f"The file {path} is damaged at '{place}': {first['msg']}; "
                "run the evaluate step again."
            ) from error
