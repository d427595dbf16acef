"""One self-contained page: what was found, how well it does, how it came about."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_parsimony.artefact import replace_file
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.report import (
    ablations,
    generalised,
    origins,
    results,
    robust,
    stability,
    trusted,
    words,
)
from napari_parsimony.report.config import ReportConfig
from napari_parsimony.report.content import Content
from napari_parsimony.report.css import STYLE
from napari_parsimony.report.html import Markup, join, tag

if TYPE_CHECKING:
    from napari_parsimony.study.study import Study

FILE = "report.html"


def write_report(study: "Study", config: ReportConfig, out: Path, report: Report = silent) -> None:
    """Write ``report.html`` about a study in which all other steps have been run.

    Parameters
    ----------
    study
        The study.
    config
        What to show.
    out
        Folder to write into.
    report
        Is told which section is being drawn.

    Raises
    ------
    UserError
        If a step is missing, or the map is asked for latents that the equation has not.
    """
    from napari_parsimony.report.gather import gather

    report(Progress(0, len(SECTIONS) + 1, "Reading the study"))
    content = gather(study, config)
    replace_file(out / FILE, page(content, report))


def page(content: Content, report: Report = silent) -> str:
    """Write the page as HTML."""
    parts, links = [], []
    for number, (name, heading, section) in enumerate(SECTIONS):
        report(Progress(number + 1, len(SECTIONS) + 1, f"Report: {heading}"))
        if written := section(content):  # nothing, of an optional step that was not run
            parts.append(tag("section", tag("h2", heading), *written, id=name))
            links.append(tag("a", heading, href=f"#{name}"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", content.title),
        tag("style", Markup(STYLE)),
    )
    body = tag(
        "body",
        tag(
            "header",
            tag("h1", content.title),
            *(tag("p", text) for text in words.headline(content)),
            _notes(content),
            tag("nav", join(links, " ")),
        ),
        tag("main", *parts),
        tag("footer", tag("p", _footer(content))),
    )
    report(Progress(len(SECTIONS) + 1, len(SECTIONS) + 1, "Report: done"))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _notes(content: Content) -> Markup:
    if not content.schemes.notes:
        return Markup("")
    return tag("ul", *(tag("li", note) for note in content.schemes.notes), class_="notes")


def _footer(content: Content) -> str:
    version = content.provenance.get("evaluate", {}).get("versions", {}).get("napari-parsimony", "")
    return f"Written by napari-parsimony {version}".strip() + "."


SECTIONS = (
    ("equation", "The equation", results.equation_section),
    ("trust", "What the law reads", trusted.trust_section),
    ("generalisation", "Where not to trust it", generalised.generalisation_section),
    ("robustness", "What it takes to change its mind", robust.robustness_section),
    ("stability", "Does it stay the same law?", stability.stability_section),
    ("ablations", "Which part does the work", ablations.ablations_section),
    ("decision", "Decision map", results.decision_section),
    ("schemes", "Four schemes", results.schemes_section),
    ("front", "Pareto front", results.front_section),
    ("network", "The sparse network", origins.network_section),
    ("traversals", "What the latents mean", origins.traversals_section),
    ("reconstructions", "Reconstructions", origins.reconstructions_section),
    ("verdict", "What the latents are worth", origins.verdict_section),
    ("training", "Training of the VAE", origins.training_section),
    ("cells", "Cells and splits", origins.data_section),
    ("provenance", "Provenance", origins.provenance_section),
)
"""Anchor, title and content of each section, in order."""
