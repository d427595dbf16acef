"""Where it is told which cells not to trust (no torch here: windows read it)."""

from napari_parsimony.trust.schemes import TITLES

FAMILIARITY_FILE = "familiarity.parquet"
"""A row for each cell of a study, see `familiarity.familiarity_table`."""
FLAG, UNLIKE = "do not trust", "unlikeness"
"""Two of its columns: whether a cell is flagged, and what by: above 1 it is."""


def error_rate(scheme: str, place: str) -> str:
    """Name the number of a finding that says how often a scheme is wrong inside or outside."""
    return f"{TITLES[scheme]} wrong, {place}"
