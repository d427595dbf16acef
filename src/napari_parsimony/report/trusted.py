"""Section of the page on what the law reads, and whether it can be believed."""

from collections.abc import Sequence

import numpy as np

from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, table, tag
from napari_parsimony.study.latent_names import title
from napari_parsimony.trust.findings import GENERALISATION, LAW, Finding


def trust_section(content: Content) -> list[Markup]:
    """Say the law in words, what was looked for, and what each latent means."""
    laws = [finding for finding in content.findings["trust"] if finding.kind == LAW]
    elsewhere = {LAW, *GENERALISATION}
    others = [finding for finding in content.findings["trust"] if finding.kind not in elsewhere]
    rows = [
        [
            title(str(row["latent"]), content.latent_names),
            " and ".join(kind for kind in ("equation", "sparse network") if row[kind]) or "–",
            str(row["group"]),
            f"{row['trait']} ({row['r']:+.2f})" if row["trait"] else "–",
            f"{row['r2']:.2f}",
            _change(row["change"], bool(row["monotone"])),
        ]
        for _, row in content.meanings.iterrows()
    ]
    return [
        *(tag("p", finding.sentence) for finding in laws),
        tag(
            "p",
            "The law in words says only what holds on held-out cells: cells of the class differ in "
            "a trait from others, and the score goes along with it.",
        ),
        findings_list(others),
        table(
            ["latent", "read by", "tells of", "follows", "R²", "decoded"],
            rows,
        ),
        tag(
            "p",
            "R²: how much of a latent all measured traits together explain, on held-out cells by "
            "a regression that has not seen their groups. Tells of: the group of traits that "
            "explains most of it. Follows: the trait closest to it, with Spearman's correlation. "
            "Decoded: how far this trait changes along the decoded traversal, in standard "
            "deviations over real cells.",
        ),
    ]


def findings_list(findings: Sequence[Finding]) -> Markup:
    """List findings, the gravest first as they come."""
    return tag("ul", *(tag("li", _written(finding)) for finding in findings), class_="notes")


def _written(finding: Finding) -> str:
    mark = {"alarm": "Alarm: ", "note": "", "fine": ""}[finding.severity]
    cells = f" ({len(finding.cells)} cells to look at are in the study.)" if finding.cells else ""
    return f"{mark}{finding.sentence}{cells}"


def _change(change: float, monotone: bool) -> str:
    if not np.isfinite(change):
        return "–"
    return f"{change:+.1f} SD" + ("" if monotone else ", not steadily")
