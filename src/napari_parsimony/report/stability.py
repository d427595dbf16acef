"""Section of the page on what stays when all is learned again from other random starts."""

import numpy as np
import pandas as pd

from napari_parsimony.figures.relearned import agreement_matrix, law_label
from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, table, tag
from napari_parsimony.report.parts import svg
from napari_parsimony.report.trusted import findings_list
from napari_parsimony.study.latent_names import title
from napari_parsimony.trust.align import SAME

STEP = "stability"


def stability_section(content: Content) -> list[Markup]:
    """Say what was found, which latents are kept, and list the laws; nothing if it was not run."""
    again = content.again
    if again is None:
        return []
    latents = again.kept[again.kept["kind"] == "latent"]
    rows = [
        [
            title(str(row["name"]), content.latent_names),
            " – ".join(part for part in (row["group"], row["meaning"]) if part) or "unclear",
            f"{row['laws']} of {row['of_laws']}",
            f"{row['networks']} of {row['of_networks']}",
            f"{row['alike']:.2f}" if np.isfinite(row["alike"]) else "–",
        ]
        for _, row in latents.iterrows()
    ]
    return [
        findings_list(content.findings[STEP]),
        table(["latent of the law", "follows", "laws", "sparse networks", "alike"], rows),
        tag(
            "p",
            "Laws, sparse networks: how many of the others read it. Latents of two VAEs were "
            "matched one to one by Spearman's correlation over all cells, whatever its sign, and "
            f"count as the same from {SAME:g}; alike: its median. Follows: the trait that is "
            "closest to the latent.",
        ),
        svg(
            agreement_matrix(again.shares, again.runs),
            "Share of the held-out cells that two laws give the same class",
            "On how many of a hundred held-out cells two laws decide the same. Those of one block "
            "decide alike.",
        ),
        tag("details", tag("summary", "All laws"), _laws(again.runs)),
    ]


def _laws(runs: pd.DataFrame) -> Markup:
    rows = [
        [law_label(run), f"{run['balanced_accuracy']:.2f}", str(run["size"]), str(run["group"] + 1),
         tag("code", str(run["aligned"]))]
        for _, run in runs.iterrows()
    ]  # fmt: skip
    head = ["law", "balanced accuracy", "size", "decides as", "in the names of the study's latents"]
    return table(head, rows)
