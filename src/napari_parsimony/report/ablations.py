"""Section of the page on which part of the method does the work."""

import numpy as np
import pandas as pd

from napari_parsimony.figures.relearned import ablation_dots
from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, join, table, tag
from napari_parsimony.report.parts import svg
from napari_parsimony.report.trusted import findings_list

STEP = "ablations"


def ablations_section(content: Content) -> list[Markup]:
    """Compare the law with what is left without parts of the method; nothing if it was not run."""
    found = content.ablations
    if found is None:
        return []
    rows = [
        [
            _title(row),
            _with_bounds(row, "balanced_accuracy", ".2f"),
            "–" if row["reference"] else _with_bounds(row, "difference", "+.2f"),
            f"{row['networks']:.2f}" if np.isfinite(row["networks"]) else "–",
            *(f"{row[name]:,}" if pd.notna(row[name]) else "–"
              for name in ("inputs", "parameters", "size")),
        ]
        for _, row in found.iterrows()
    ]  # fmt: skip
    reference = str(found.loc[found["reference"], "title"].iloc[0])
    return [
        findings_list(content.findings[STEP]),
        svg(
            ablation_dots(found),
            "Balanced accuracy of each row of the table below, with intervals",
            f"Dots: balanced accuracy on held-out cells, with intervals over groups. The line: "
            f"{reference}, which all others are compared with.",
        ),
        table(
            ["", "balanced accuracy", "difference", "its networks", "inputs", "parameters", "size"],
            rows,
            int(found["reference"].to_numpy().argmax()),
        ),
        tag(
            "p",
            "Everything was fitted and chosen on training and validation groups; differences have "
            "intervals from the same resamples. Its networks: balanced accuracy of the sparse "
            "networks that the equation imitates. Inputs: latents or traits that are read.",
        ),
    ]


def _title(row: pd.Series) -> Markup:
    note = [tag("br"), tag("small", str(row["note"]))] if row["note"] else []
    return join([str(row["title"]), *note])


def _with_bounds(row: pd.Series, what: str, form: str) -> Markup:
    value, low, high = (row[f"{what}{end}"] for end in ("", " low", " high"))
    if not np.isfinite(value):
        return join(["–"])
    text = format(value, form).replace("-", "\N{MINUS SIGN}")
    if not np.isfinite(low):
        return join([text])
    bounds = f"{format(low, form)} to {format(high, form)}".replace("-", "\N{MINUS SIGN}")
    return join([text, tag("br"), tag("small", bounds)])
