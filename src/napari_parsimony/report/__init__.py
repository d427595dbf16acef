"""One self-contained page about a study, and with it the list of all steps."""

from napari_parsimony.report.steps import REPORT, STEPS

__all__ = ["REPORT", "STEPS"]
