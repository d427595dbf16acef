"""What attacks on a law say about it, in words."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.trust.findings import Finding, Key
from napari_parsimony.trust.gradient_check import SOME
from napari_parsimony.trust.robustness import Robustness
from napari_parsimony.trust.robustness_config import RobustnessConfig
from napari_parsimony.trust.robustness_tables import Resampling
from napari_parsimony.trust.schemes import TITLES

Floats = NDArray[np.float64]
Estimate = tuple[float, float, float]

LAW, BOX = "symbolic", "black_box"
MOST_CELLS = 50
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
        self.unit = 255 / np.sqrt(found.crops[0].size)  # grey levels for an L2 norm of 1

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
    least, ratio = attacks.draw.median(mine), attacks.draw.ratio(mine, theirs)
    box = attacks.draw.median(theirs)
    numbers = {
        "cells": float(np.isfinite(mine).sum()),
        **estimates("median ε of the law, L2", least),
        **estimates("median ε of the black box, L2", box),
        **estimates("law ÷ black box", ratio),
    }
    most = max(attacks.config.levels)
    text = (
        f"A change of {attacks.unit * least[0]:.2g} grey levels of 255 (root mean square over the "
        "crop), made to flip the law, flips half of the cells"
        if np.isfinite(least[0])
        else f"No change of up to {most} grey levels of 255 that was found flips half of the cells "
        "under the law"
    )
    if np.isfinite(box[0]):
        text += f"; of the black box, {attacks.unit * box[0]:.2g} flip half"
    low = ratio[1]
    if np.isfinite(ratio[0]):
        text += f": {times(ratio)} as much for the law"
    text += "."
    if np.isfinite(least[0]):
        row = attacks.found.summary.set_index(["scheme", "norm"]).loc[(LAW, "l2")]
        text += (
            f" The area of the cell is then measured {percent(row['area_change'])} different, its "
            f"brightness {percent(row['intensity_change'])} (medians): what flips the law is not "
            "what one would call another cell."
            if row["area_change"] < 0.1 and row["intensity_change"] < 0.1
            else f" The area of the cell is then measured {percent(row['area_change'])} different, "
            f"its brightness {percent(row['intensity_change'])} (medians)."
        )
        numbers["change of area"] = number(row["area_change"])
        numbers["change of brightness"] = number(row["intensity_change"])
    severity = "note" if np.isfinite(ratio[2]) and ratio[2] < 1 else "fine"
    if np.isfinite(low) and low <= 1 <= ratio[2]:
        text += " Law and black box do not differ by more than chance."
    return [Finding("how much flips the law", severity, text, _weakest(attacks, mine), numbers)]


def _weakest(attacks: Attacks, epsilon: Floats) -> tuple[Key, ...]:
    """The tenth of the cells that is flipped most easily."""
    hit = np.isfinite(epsilon)
    return attacks.sorted_keys(epsilon, hit)[: max(1, int(hit.sum()) // 10)] if hit.any() else ()


def check_place(attacks: Attacks) -> list[Finding]:
    """Say whether what flips the law lies on the central cell."""
    table = attacks.of(LAW)
    inside, others = (table[name].to_numpy(np.float64) for name in ("inside", "others"))
    here, beside = attacks.draw.median(inside), attacks.draw.median(others)
    if not np.isfinite(here[0]):
        return []
    area, box = float(table["inside_area"].median()), attacks.column(BOX, "inside")
    more = attacks.draw.median(inside - table["inside_area"].to_numpy(np.float64))
    numbers = {
        **estimates("share on the cell", here),
        "share of the crop that the cell takes": area,
        **estimates("share on other objects", beside),
        "share of the crop that other objects take": number(table["others_area"].median()),
        **estimates("share on the cell, black box", attacks.draw.median(box)),
    }
    where = f"{share(here)} of the change that flips the law lies on the central cell"
    compared = f", which takes {percent(area)} of its crop (black box: {percent(np.median(box[np.isfinite(box)]))})" if np.isfinite(box).any() else f", which takes {percent(area)} of its crop"  # noqa: E501
    elsewhere = attacks.sorted_keys(inside, np.isfinite(inside) & (inside < 0.5))
    if beside[1] > 0.5:
        text = (
            f"What flips the law lies on the neighbours: {share(beside)} of the change, where there "
            f"are any; {share(here)} on the central cell{compared}. Does the law read them?"
        )
        order = np.where(np.isfinite(others), -others, 0)
        cells = attacks.sorted_keys(order, np.isfinite(others) & (others > 0.5))
        return [Finding("where the change lies", "alarm", text, cells, numbers)]
    if here[1] > 0.5:
        text = f"{where}{compared}."
        return [Finding("where the change lies", "fine", text, elsewhere, numbers)]
    text = f"Only {where}{compared}" if here[2] < 0.5 else f"{where}{compared}"
    if more[2] <= 0:
        text += ", so that the law can be flipped sooner from elsewhere"
    elif not more[1] > 0:
        text += ", no more than of noise: the law can be flipped from anywhere in the picture"
    text += (
        ". Nothing in training told the encoder to disregard such patterns; whether real neighbours "
        "have a say, edits tell."
    )
    return [Finding("where the change lies", "note", text, elsewhere, numbers)]


def check_controls(attacks: Attacks) -> list[Finding]:
    """Say what changes as large that nobody searched for do to the law."""
    rates = attacks.found.rates
    law = rates[(rates["scheme"] == LAW) & (rates["norm"] == "l2")]
    searched = law[law["attack"] == "pgd"].sort_values("epsilon")
    enough = searched[searched["flip_rate"] >= 0.5]
    row = (enough if len(enough) else searched.tail(1)).iloc[0]
    if not np.isfinite(row["flip_rate"]):
        return []
    at = law[np.isclose(law["epsilon"], row["epsilon"])].set_index("attack")
    said, numbers, more = [], {}, []
    noise = at.loc["noise"]
    for name, words in {"noise": "noise", **CONTROLS}.items():
        each = at.loc[name]
        if not each["n"]:
            continue
        rate = (each["flip_rate"], each["low"], each["high"])
        numbers |= estimates(f"flipped by {name}", rate) | {f"cells, {name}": float(each["n"])}
        said.append(f"{words} {percent(rate[0])}")
        if name != "noise" and each["low"] > max(noise["high"], SOME):
            more.append(words)
    budget = attacks.unit * row["epsilon"]
    text = (
        f"Changes of {budget:.2g} grey levels flip {percent(row['flip_rate'])} of the cells if they "
        f"are made for it. As large a change that is not: {', '.join(said)}."
    )
    if more:
        text += (
            f" That {' and '.join(more)} {'do' if len(more) > 1 else 'does'} more than noise may be "
            "a sign of a short-cut."
        )
    numbers["flipped by search"] = number(row["flip_rate"])
    return [
        Finding("changes nobody searched for", "note" if more else "fine", text, (), numbers)
    ]


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
    several, numbers = [], {}
    for name, each in masked.groupby("scheme", sort=False):
        title = TITLES.get(str(name), str(name))
        why = list(dict.fromkeys(w for _, row in each.iterrows() for w in _why(row, attacks.config)))
        norms = " and ".join({"l2": "L2", "linf": "L∞"}[norm] for norm in each["norm"])
        several.append(f"{title}, {norms} ({'; '.join(why)})")
        for _, row in each.iterrows():
            for key in _SIGNS:
                numbers[f"{title}, {row['norm']}: {key}"] = number(row[key])
    text = (
        f"What it takes to flip these cannot be believed, as attacks may miss what is smaller: "
        f"{'; '.join(several)}."
    )
    return [Finding("masked gradients", "note", text, (), numbers)]


_SIGNS = {
    "zero_gradient": "no gradient at {share} of the cells",
    "fgsm_ahead": "one step does better than many at {share}",
    "noise_ahead": "noise does better at {share}",
    "transfer_ahead": "what was made for another scheme does better at {share}",
    "flipped_at_most": "only {share} of the cells are flipped by {most} grey levels",
}


def _why(row: pd.Series, config: RobustnessConfig) -> list[str]:
    from napari_parsimony.trust.gradient_check import NEARLY_ALL

    return [
        text.format(share=percent(row[key]), most=max(config.levels))
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
    return {
        name: number(found[0]), f"{name}, low": number(found[1]), f"{name}, high": number(found[2])
    }  # fmt: skip


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
    bounds = f" (interval {low:.2g} to {high:.2g})" if np.isfinite(low + high) else ""
    return f"{value:.2g} times{bounds}"
