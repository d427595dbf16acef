"""Section of the page on whether the law holds for cells of other movies."""

import pandas as pd

from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, table, tag
from napari_parsimony.report.parts import estimate
from napari_parsimony.report.trusted import findings_list
from napari_parsimony.report.words import plural
from napari_parsimony.trust.findings import GENERALISATION, RANGE, Finding
from napari_parsimony.trust.flags import error_rate
from napari_parsimony.trust.schemes import TITLES, Estimate

SHOWN = 10  # groups
_SCHEMES = ("black_box", "dense", "sparse", "symbolic")


def generalisation_section(content: Content) -> list[Markup]:
    """Say where not to trust the law; nothing if the step trust is of a former version."""
    found = [each for each in content.findings["trust"] if each.kind in GENERALISATION]
    if not found:
        return []
    parts = [findings_list(found)]
    for finding in found:
        if finding.kind == RANGE and finding.numbers:
            parts += _inside_and_outside(finding)
    if content.groups is not None and len(content.groups) > 1:
        parts += _groups(content.groups, content.schemes.group_word)
    return parts


def _inside_and_outside(finding: Finding) -> list[Markup]:
    places = ("inside", "outside")
    rows = [
        [TITLES[scheme], *(_estimate(finding, error_rate(scheme, place)) for place in places)]
        for scheme in ("symbolic", "black_box")
    ]
    rows.append(["cells", *(_count(finding, f"cells with a class, {place}") for place in places)])
    return [
        tag("h3", "Inside and outside of the training range"),
        table(["wrong for", "familiar cells", "do not trust"], rows),
        tag(
            "p",
            "Share of held-out cells with a class that are not given it. Do not trust: "
            "reconstruction error, or distance to training cells in the latents, above the 99th "
            "percentile of validation cells.",
        ),
    ]


def _estimate(finding: Finding, name: str) -> Markup:
    value, low, high = (finding.numbers.get(f"{name}{end}") for end in ("", ", low", ", high"))
    return estimate(Estimate(value=value, low=low, high=high), in_percent=True)


def _count(finding: Finding, name: str) -> str:
    return f"{finding.numbers.get(name) or 0:,.0f}"


def _groups(groups: pd.DataFrame, word: str) -> list[Markup]:
    rows = [
        [
            str(row["group"]),
            f"{row['cells']:,}",
            *(f"{100 * row[scheme]:.0f} %" for scheme in _SCHEMES),
            f"{row['wrong']:,}",
            f"{row['expected']:.1f}",
            f"{row['p']:.2g}",
        ]
        for _, row in groups.iloc[:SHOWN].iterrows()
    ]
    which = f"The {SHOWN} of {len(groups):,}" if len(groups) > SHOWN else f"All {len(groups):,}"
    return [
        tag("h3", f"Held-out {plural(word, 2)}"),
        tag(
            "p",
            f"{which} held-out {plural(word, 2)}, the most surprisingly bad first: the share of "
            "cells that each scheme gives their class, how many the equation gets wrong, and how "
            "many it would if wrong cells of each class were spread by chance. p: how often chance "
            f"makes any {word} as bad.",
        ),
        table(
            [word, "cells", *(TITLES[scheme] for scheme in _SCHEMES), "wrong", "expected", "p"],
            rows,
        ),
    ]
