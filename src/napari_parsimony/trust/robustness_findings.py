"""What attacks on a law say about it, in words."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.trust.findings import Finding, Key, Severity
from napari_parsimony.trust.gradient_check import NEARLY_ALL, SOME
from napari_parsimony.trust.judged import BOX, LAW
from napari_parsimony.trust.resample import Measured, in_numbers
from napari_parsimony.trust.robustness import Robustness
from napari_parsimony.trust.robustness_config import RobustnessConfig, grey_levels
from napari_parsimony.trust.robustness_tables import Resampling
from napari_parsimony.trust.schemes import TITLES

Floats = NDArray[np.float64]
Estimate = tuple[float, float, float]

MOST_CELLS = 50
SAME = 0.1
"""Relative change of what is measured below which nobody would see another cell."""

CONTROLS = {
    "translation": "moving the crop",
    "surroundings": "what is around another cell",
    "brighter": "more light",
    "darker": "less light",
}


class Attacks:
    """The attacks on a law, and the cells.

    Parameters
    ----------
    found
        The attacks.
    keys
        (N,) keys of the attacked cells.
    draw
        Of these cells.
    config
        Settings.
    """

    def __init__(
        self, found: Robustness, keys: Sequence[Key], draw: Resampling, config: RobustnessConfig
    ) -> None:
        self.found, self.keys, self.draw, self.config = found, keys, draw, config
        self.unit = grey_levels("l2", found.crops[0].size)

    def of(self, scheme: str, norm: str = "l2") -> pd.DataFrame:
        """(N,) rows of the table of cells."""
        table = self.found.cells
        here = (table["scheme"] == scheme) & (table["norm"] == norm)
        return table[here].reset_index(drop=True)

    def column(self, scheme: str, name: str) -> Floats:
        """(N,) one number of each cell, under L2."""
        return self.of(scheme)[name].to_numpy(np.float64)

    def sorted_keys(self, order: Floats, which: NDArray[np.bool_]) -> tuple[Key, ...]:
        """Keys of some cells, those first for which `order` is lowest."""
        rows = np.flatnonzero(which)
        return tuple(self.keys[i] for i in rows[np.argsort(order[rows], kind="stable")])[
            :MOST_CELLS
        ]


def check_size(attacks: Attacks) -> list[Finding]:
    """Say how much change flips the law, compared with the black box."""
    mine, theirs = attacks.column(LAW, "epsilon"), attacks.column(BOX, "epsilon")
    least, box = attacks.draw.median(mine), attacks.draw.median(theirs)
    ratio = attacks.draw.ratio(mine, theirs)
    decided = int((~np.isnan(mine)).sum())
    numbers = {
        "cells": float(decided),
        **estimates("median ε of the law, L2", least),
        **estimates("median ε of the black box, L2", box),
        **estimates("law ÷ black box", ratio),
    }
    text = f"Half of {decided:,} held-out cells are flipped under the law by a change of "
    text += (
        f"{attacks.unit * least[0]:.2g} grey levels of 255 (root mean square over the crop) that "
        "is made for it"
        if np.isfinite(least[0])
        else f"more than {max(attacks.config.levels)} grey levels of 255, if at all"
    )
    if np.isfinite(box[0]):
        text += f"; under the black box by {attacks.unit * box[0]:.2g}"
    if np.isfinite(ratio[0]):
        text += f". That is {times(ratio)} as much for the law"
        if ratio[1] <= 1 <= ratio[2]:
            text += ", no more of a difference than chance makes"
    if np.isfinite(least[0]):
        summary = attacks.found.summary
        row = summary[(summary["scheme"] == LAW) & (summary["norm"] == "l2")].iloc[0]
        area, light = float(row["area_change"]), float(row["intensity_change"])
        numbers |= {"change of area": number(area), "change of brightness": number(light)}
        text += (
            f". The changed cell's area is then measured {percent(area)} different, its brightness "
            f"{percent(light)} (medians)"
        )
        if area < SAME and light < SAME:
            text += ": nobody would call it a cell of another class"
    hit = np.isfinite(mine)
    first = attacks.sorted_keys(mine, hit)[: -(-int(hit.sum()) // 10)]
    severity: Severity = "note" if ratio[2] < 1 else "fine"
    return [Finding("how much flips the law", severity, f"{text}.", first, numbers)]


def check_place(attacks: Attacks) -> list[Finding]:
    """Say whether what flips the law lies on the central cell."""
    table = attacks.of(LAW)
    inside, others, areas = (
        table[name].to_numpy(np.float64) for name in ("inside", "others", "inside_area")
    )
    here, beside = attacks.draw.median(inside), attacks.draw.median(others)
    if not np.isfinite(here[0]):
        return []
    area, more = float(np.median(areas)), attacks.draw.median(inside - areas)
    box = attacks.draw.median(attacks.column(BOX, "inside"))
    numbers = {
        **estimates("share on the cell", here),
        "share of the crop that the cell takes": area,
        **estimates("share on the cell beyond its share of the crop", more),
        **estimates("share on other objects", beside),
        "share of the crop that other objects take": number(table["others_area"].median()),
        **estimates("share on the cell, black box", box),
    }
    compared = f", which takes {percent(area)} of its crop"
    if np.isfinite(box[0]):
        compared += f" (of what flips the black box, {percent(box[0])} does)"
    severity: Severity = "note"
    text = f"{share(here)} of the change that flips the law lies on the central cell{compared}"
    order, telling = inside, inside < 0.5
    if beside[1] > 0.5:
        severity, order, telling = "alarm", -others, others > 0.5
        text = (
            f"What flips the law lies on the neighbours, {share(beside)} of the change where there "
            f"are any, and {share(here)} on the central cell{compared}: the law may read them"
        )
    elif here[1] > 0.5:
        severity = "fine"
    elif more[2] <= 0:
        text = f"Only {text}: the law is flipped sooner from elsewhere"
    elif not more[1] > 0:
        text = f"Only {text}. Noise would have as much there: the law is flipped from anywhere"
    if severity == "note":
        text += (
            ". The encoder has not learned to pass over patterns that no crop has; whether real "
            "neighbours count, edits of the picture tell"
        )
    cells = attacks.sorted_keys(order, telling & np.isfinite(order))
    return [Finding("where the change lies", severity, f"{text}.", cells, numbers)]


def check_controls(attacks: Attacks) -> list[Finding]:
    """Say what changes as large that nobody searched for do to the law."""
    rates = attacks.found.rates
    law = rates[(rates["scheme"] == LAW) & (rates["norm"] == "l2")]
    searched = law[law["attack"] == "pgd"].sort_values("epsilon")
    enough = searched[searched["flip_rate"] >= 0.5]
    epsilon, rate = (enough if len(enough) else searched.tail(1))[
        ["epsilon", "flip_rate"]
    ].to_numpy(np.float64)[0]
    if not np.isfinite(rate):
        return []
    at = law[np.isclose(law["epsilon"], epsilon)].set_index("attack")
    each = {
        name: tuple(map(float, at.loc[name, ["flip_rate", "low", "high"]]))
        for name in ("noise", *CONTROLS)
        if at.loc[name, "n"]
    }
    numbers = {"flipped by search": number(rate)}
    for name, found in each.items():
        numbers |= estimates(f"flipped by {name}", (found[0], found[1], found[2]))
        numbers[f"cells, {name}"] = float(at["n"][name])
    noise = each["noise"][2] if "noise" in each else 0.0
    more = [words for name, words in CONTROLS.items() if name in each
            and each[name][1] > max(noise, SOME)]  # fmt: skip
    said = [f"{'noise' if name == 'noise' else CONTROLS[name]} {percent(found[0])}"
            for name, found in each.items()]  # fmt: skip
    text = (
        f"Changes of {attacks.unit * epsilon:.2g} grey levels that are made for it flip "
        f"{percent(rate)} of the cells; as large ones that are not: {', '.join(said)}."
    )
    if more:
        do = "do" if len(more) > 1 else "does"
        text += f" That {' and '.join(more)} {do} more than noise may be a sign of a short-cut."
    return [Finding("changes nobody searched for", "note" if more else "fine", text, (), numbers)]


def check_gradients(attacks: Attacks) -> list[Finding]:
    """Say of which schemes the numbers cannot be believed, as their gradients are of no use."""
    checks = attacks.found.checks
    masked = checks[checks["masked"]]
    if not len(masked):
        text = (
            "The attacks work: no scheme only seems robust because its gradients are of no use to "
            "them."
        )
        return [Finding("masked gradients", "fine", text)]
    several: list[str] = []
    numbers: dict[str, float | None] = {}
    for _, row in masked.iterrows():
        norm = {"l2": "L2", "linf": "L∞"}[row["norm"]]
        about = f"{TITLES.get(row['scheme'], row['scheme'])}, {norm}"
        several.append(f"{about}: {', '.join(_why(row, max(attacks.config.levels)))}")
        numbers |= {f"{about}: {key}": number(row[key]) for key in _SIGNS}
    text = (
        "What it takes to flip these cannot be believed, as attacks miss what is smaller (a run "
        f"with more steps may find it). {'; '.join(several)}."
    )
    return [Finding("masked gradients", "note", text, (), numbers)]


_SIGNS = {
    "zero_gradient": "no gradient at {share} of the cells",
    "fgsm_ahead": "one step does better than many at {share}",
    "noise_ahead": "noise does better at {share}",
    "transfer_ahead": "what was made for another scheme does better at {share}",
    "flipped_at_most": "only {share} of the cells are flipped by {most} grey levels",
}


def _why(row: pd.Series, most: int) -> list[str]:
    return [
        text.format(share=percent(row[key]), most=most)
        for key, text in _SIGNS.items()
        if (row[key] < NEARLY_ALL if key == "flipped_at_most" else row[key] > SOME)
    ]


ATTACK_CHECKS: tuple[Callable[[Attacks], list[Finding]], ...] = (
    check_size, check_place, check_controls, check_gradients,
)  # fmt: skip


def number(value: float) -> float | None:
    """Write a number for JSON, None if it is not finite."""
    return float(value) if np.isfinite(value) else None


def estimates(name: str, found: Estimate) -> dict[str, float | None]:
    """Give a number and its bounds names, for a finding."""
    return in_numbers(name, Measured(*found))


def percent(value: float) -> str:
    """Write a share."""
    return f"{100 * value:.0f} %" if value >= 0.0995 or value == 0 else f"{100 * value:.1f} %"


def share(found: Estimate) -> str:
    """Write a share with its interval."""
    value, low, high = found
    bounds = f" (interval {percent(low)} to {percent(high)})" if np.isfinite(low) else ""
    return f"{percent(value)}{bounds}"


def times(found: Estimate) -> str:
    """Write a ratio with its interval."""
    value, low, high = found
    bounds = f" (interval {_ratio(low)} to {_ratio(high)})" if np.isfinite(low + high) else ""
    return f"{_ratio(value)} times{bounds}"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
