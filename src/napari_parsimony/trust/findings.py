"""What was found out about whether a law can be believed, and its file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from napari_parsimony.artefact import read_versioned, write_json
from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Severity = Literal["alarm", "note", "fine"]
Key = tuple[str, int, int]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
FORMAT_VERSION = 1
FINDINGS_FILE = "findings.json"
LAW = "law in words"
"""Kind of the finding that says the law."""
RANGE, CALIBRATION, GROUPS, CONSTANTS = GENERALISATION = (
    "training range", "calibration", "worse groups", "constants",
)  # fmt: skip
"""Kinds of those on whether it holds for other cells."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    kind
        What was looked for, for instance ``"short-cut"``.
    severity
        ``"alarm"``: do not believe the law before you have looked; ``"note"``: worth knowing;
        ``"fine"``.
    sentence
        What was found, for a biologist.
    cells
        Keys (image, frame, label) of the cells that it is about, the most telling first; empty if
        it is about all.
    numbers
        What it was judged by, by name; None where a number does not exist.
    """

    kind: str
    severity: Severity
    sentence: str
    cells: tuple[Key, ...] = ()
    numbers: Mapping[str, float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"a severity of {self.severity!r}")


def listed(names: Sequence[str], word: str = "and") -> str:
    """Write for instance ``z3, z17 and z29``."""
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def keys_of(cells: "pd.DataFrame", rows: "NDArray") -> tuple[Key, ...]:
    """Keys of some rows of a table of cells, in their order."""
    found = cells[KEY].iloc[rows].itertuples(index=False)
    return tuple((str(image), int(frame), int(label)) for image, frame, label in found)


def save_findings(findings: Sequence[Finding], path: Path) -> None:
    """Write JSON, the gravest first."""
    ordered = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
    content = [asdict(finding) for finding in ordered]
    write_json(path, {"format_version": FORMAT_VERSION, "findings": content})


def load_findings(path: Path) -> tuple[Finding, ...]:
    """Read what `save_findings` wrote.

    Raises
    ------
    UserError
        If the file is missing, damaged or from a newer version.
    """
    content = read_versioned(path, FORMAT_VERSION)
    try:
        return tuple(_read(each) for each in content["findings"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"The file {path} is damaged ({type(error).__name__}: {error}); run the step 'trust' "
            "again."
        ) from error


def _read(each: Mapping[str, Any]) -> Finding:
    cells = tuple((str(image), int(frame), int(label)) for image, frame, label in each["cells"])
    numbers = {str(k): None if v is None else float(v) for k, v in each["numbers"].items()}
    return Finding(str(each["kind"]), each["severity"], str(each["sentence"]), cells, numbers)
