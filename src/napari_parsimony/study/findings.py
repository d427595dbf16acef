"""What the steps of a study found out about whether its law can be believed."""

from napari_parsimony.study.steps import STEPS
from napari_parsimony.study.study import Study
from napari_parsimony.trust.findings import FINDINGS_FILE, Finding, load_findings


def findings_of(study: Study) -> dict[str, tuple[Finding, ...]]:
    """Read the findings of each step that has some and is ready, by its name.

    Raises
    ------
    UserError
        If a file of them is damaged.
    """
    return {
        name: study.read(name, FINDINGS_FILE, load_findings)
        for name in STEPS
        if (record := study.step(name)) is not None
        and FINDINGS_FILE in record.outputs
        and study.state(name) == "ready"
    }
