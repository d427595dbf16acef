"""All steps: those of the study, and the report about them."""

from pathlib import Path

from napari_parsimony.progress import Report
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.study import steps
from napari_parsimony.study.step import Step
from napari_parsimony.study.study import Study


def _report(study: Study, config: ReportConfig, out: Path, _: Path, report: Report) -> None:
    from napari_parsimony.report.page import write_report

    write_report(study, config, out, report)


REPORT = Step(
    "report",
    "Report",
    "Write one page about the study: the equation, how good it is, how it came about.",
    ReportConfig,
    ("cells", "vae", "classify", "equations", "evaluate", "trust"),
    _report,
    also_reads=tuple(step.name for step in steps.STEPS.values() if step.optional),
)

STEPS: dict[str, Step] = {**steps.STEPS, REPORT.name: REPORT}
