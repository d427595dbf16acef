"""How good and how simple each scheme is: the result of the evaluate step, and its file."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_parsimony.artefact import read_versioned, write_json
from napari_parsimony.errors import UserError

TITLES = {
    "black_box": "black box",
    "dense": "dense",
    "sparse": "sparse",
    "symbolic": "symbolic",
    "shape": "shape features",
}
"""What people read for each column of scores."""

_VERSION = 2


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
    wrong, not_decided
        Cells that are not given their class, and those of them without a decision.
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
    wrong: int
    not_decided: int


class Schemes(_Frozen):
    """All schemes on the same held-out cells.

    Attributes
    ----------
    classes
        Names of the classes; of two the second has the scores above 0.
    cells
        Number of held-out cells of each.
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
    classes: tuple[str, ...]
    cells: tuple[int, ...]
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
        value = read_versioned(path, _VERSION)
        old = isinstance(value, dict) and value.get("format_version") == 1
        try:
            return cls.model_validate(_migrated(value) if old else value)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UserError(
                f"The file {path} is damaged at '{place}': {first['msg']}; "
                "run the evaluate step again."
            ) from error
        except (KeyError, TypeError, ValueError) as error:  # of format 1
            raise UserError(
                f"The file {path} is damaged ({type(error).__name__}: {error}); "
                "run the evaluate step again."
            ) from error


def _migrated(value: dict[str, Any]) -> dict[str, Any]:
    """Turn format 1, which counted right and wrong cells of two classes, into the newest."""
    schemes = []
    for scheme in value["schemes"]:
        _, fn, fp, _, not_decided = scheme["counts"]
        others = {key: each for key, each in scheme.items() if key != "counts"}
        schemes.append(others | {"wrong": fn + fp, "not_decided": not_decided})
    return value | {"format_version": _VERSION, "schemes": schemes}
