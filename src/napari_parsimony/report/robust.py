"""Section of the page on what it takes to change the law's mind."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from napari_parsimony.figures.counterfactual import edit_effects, smallest_changes
from napari_parsimony.figures.robustness import adversarial_strip, flip_rates
from napari_parsimony.report import words
from napari_parsimony.report.content import Content
from napari_parsimony.report.html import Markup, join, table, tag
from napari_parsimony.report.parts import png, svg
from napari_parsimony.report.trusted import findings_list
from napari_parsimony.trust.judged import LAW
from napari_parsimony.trust.robustness_config import NORMS, Norm, grey_levels
from napari_parsimony.trust.robustness_files import RobustnessFiles
from napari_parsimony.trust.schemes import TITLES

_IN_A_STRIP = 3


def robustness_section(content: Content) -> list[Markup]:
    """Show what flips the schemes, and what edits do; nothing where the step was not run."""
    found = content.robustness
    if found is None:
        return []
    return [
        findings_list(content.findings.get("robustness", ())),
        tag("h3", "Changes that are made to flip a scheme"),
        _summary(content, found),
        tag(
            "p",
            "Held-out cells. Half flipped by: the median of the smallest change found that gives a "
            "cell another class, in grey levels of 255: root mean square over the crop (L2), or of "
            "the most changed pixel (L∞); in small print its interval. On the cell: median share "
            "of the squared change that lies on the central cell and its blurred edge (L2), and "
            "how much of the crop they are, which is what noise would have. On others: the same "
            "of other objects, in crops that have some. Area, brightness: by how much they "
            "are measured otherwise in the changed crop (L2). Small smooth models are hard to "
            "flip for other reasons too: read this beside the accuracy.",
        ),
        svg(
            flip_rates(found.rates, found.crops[0].size if len(found.crops) else 1),
            "Share of cells flipped by changes of each size",
            "How many cells are given another class by changes up to a size: made for it (PGD, "
            "with interval), and noise as large (dashed).",
        ),
        *_strips(found),
        tag("h3", "The smallest change of the law's latents"),
        *_latents(content, found),
        tag("h3", "Edited pictures"),
        svg(
            edit_effects(found.edits),
            "What edits of pictures do to scores and decisions",
            "Above: how far scores move when the cell in the picture is edited, in standard "
            "deviations of all changes of a scheme (more than two classes: the lead of the class "
            "decided for). Below: cells given another class. The vertical line is the picture as "
            "it is.",
        ),
        _responses(found.responses),
        tag(
            "p",
            "By how much the logarithm of the odds of a class rises with each doubling of the "
            "area, of length over width, and of the brightness above the background. Among real "
            "cells: in a regression on these and the neighbours. In edited pictures: of one and "
            "the same cell, mean. Go along: cells whose score moves the way it does among real "
            "cells.",
        ),
    ]


def _summary(content: Content, found: RobustnessFiles) -> Markup:
    rows, pixels = [], found.crops[0].size if len(found.crops) else 1
    by = found.summary.set_index(["scheme", "norm"])
    masked = found.gradients.set_index(["scheme", "norm"])["masked"]
    for scheme in dict.fromkeys(found.summary["scheme"]):
        both = [by.loc[(scheme, norm)] for norm in NORMS]
        plain = both[0]
        held = content.schemes.get(str(scheme))
        accuracy = words.number(held.balanced_accuracy if held else None)[0]
        levels = [
            _levels(row, norm, pixels, bool(masked[scheme, norm]))
            for row, norm in zip(both, NORMS, strict=True)
        ]
        rows.append(
            [
                TITLES.get(str(scheme), str(scheme)), accuracy, *levels,
                f"{_share(plain['inside'])} of {_share(plain['inside_area'])}",
                f"{_share(plain['others'])} of {_share(plain['others_area'])}",
                _share(plain["area_change"]), _share(plain["intensity_change"]),
            ]
        )  # fmt: skip
    head = [
        "scheme", "balanced accuracy", "half flipped by (L2)", "half flipped by (L∞)",
        "on the cell", "on others", "area", "brightness",
    ]  # fmt: skip
    return table(head, rows)


def _levels(row: pd.Series, norm: Norm, pixels: int, masked: bool) -> Markup:
    unit = grey_levels(norm, pixels)
    value, low, high = (unit * row[key] for key in ("epsilon", "epsilon_low", "epsilon_high"))
    text = (f"{value:.2g}" if np.isfinite(value) else "more") + (" (masked?)" if masked else "")
    if not np.isfinite(low):
        return join([text])
    upper = f"{high:.2g}" if np.isfinite(high) else "more"
    return join([text, tag("br"), tag("small", f"{low:.2g} to {upper}")])


def _share(value: float) -> str:
    return f"{100 * value:.2g} %" if np.isfinite(value) else "–"


def _strips(found: RobustnessFiles) -> Iterator[Markup]:
    """Draw the shown cells, a few in a row."""
    schemes, pixels = list(dict.fromkeys(found.summary["scheme"])), found.crops[0:1].size
    here = found.attacked[(found.attacked["norm"] == "l2") & (found.attacked["shown"] >= 0)]
    levels = {
        name: here[here["scheme"] == name].sort_values("shown")["epsilon"].to_numpy()
        * grey_levels("l2", pixels)
        for name in schemes
    }
    for start in range(0, len(found.crops), _IN_A_STRIP):
        part = slice(start, start + _IN_A_STRIP)
        changed = {name: found.adversarial[part, i, 0] for i, name in enumerate(schemes)}
        caption = (
            "Held-out cells, the smallest change found that flips each scheme (L2), and the "
            "changed cells. Cells of every class, from easily to hardly flipped. A change is shown "
            "as many times as large as it says on the left."
        )
        yield png(
            adversarial_strip(
                found.crops[part], changed, {name: each[part] for name, each in levels.items()}
            ),
            "Cells, changes that flip them, and changed cells",
            caption if start + _IN_A_STRIP >= len(found.crops) else "",
        )


def _latents(content: Content, found: RobustnessFiles) -> Iterator[Markup]:
    law = found.counterfactuals[found.counterfactuals["scheme"] == LAW]
    shown = law[law["shown"] >= 0].sort_values("shown")
    if not len(shown):
        return
    reads = set(content.front.choice.expression.variables)
    columns = ["own", "other", "distance", *(name for name in shown if name in reads)]
    yield png(
        smallest_changes(
            found.crops,
            found.decoded[:, 0],
            found.decoded[:, 1],
            shown[columns].reset_index(drop=True),
            content.schemes.classes,
        ),
        "The smallest changes of latents that flip cells",
        "The same cells; what their latents keep of them; where the smallest change of the law's "
        "latents leads, within the range that cells have; and the difference of these two "
        "(grey: none). Below: what the law says of the cell, and what of the changed latents. "
        "Bars: by how much each latent moves, in the colour of the new class.",
    )


def _responses(responses: pd.DataFrame) -> Markup:
    rows = [
        [
            f"{row['edit']}, {row['class']}",
            *(_rise(row, key) for key in ("expected", "observed")),
            # of what is not expected, nothing can go along
            _share(row["along"]) if row["expected_low"] * row["expected_high"] > 0 else "–",
        ]
        for _, row in responses.iterrows()
    ]
    return table(["edit, class", "among real cells", "in edited pictures", "go along"], rows)


def _rise(row: pd.Series, key: str) -> Markup:
    value, low, high = (row[name] for name in (key, f"{key}_low", f"{key}_high"))
    if not np.isfinite(value):
        return join(["–"])
    bounds = [tag("br"), tag("small", f"{low:+.2f} to {high:+.2f}")] if np.isfinite(low) else []
    return join([f"{value:+.2f}", *bounds])
