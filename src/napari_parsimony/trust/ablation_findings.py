"""Which part of the method does the work, for a biologist."""

import numpy as np
import pandas as pd

from napari_parsimony.trust.ablation_table import (
    DISENTANGLING,
    EQUATION,
    LATENTS,
    REWIRING,
    SPARSITY,
)
from napari_parsimony.trust.findings import Finding, Severity, listed

INSTEAD = {
    DISENTANGLING: "Without disentanglement",
    SPARSITY: "Without sparse networks",
    REWIRING: "With connections found in another way",
    EQUATION: "With another kind of readable model on all active latents",
    LATENTS: "With hand-made morphology in the place of latents",
}


def ablation_findings(table: pd.DataFrame) -> list[Finding]:
    """Say for each part of the method what is lost without it.

    Parameters
    ----------
    table
        See `ablations.run_ablations`.
    """
    reference = table[table["reference"]].iloc[0]
    findings: list[Finding] = []
    for part, start in INSTEAD.items():
        rows = table[(table["part"] == part) & table["balanced_accuracy"].notna()]
        if rows.empty:
            continue
        alike: dict[str, list[str]] = {}
        for _, row in rows.iterrows():
            alike.setdefault(verdict(row), []).append(f"{row['title']}: {_numbers(row)}")
        said = [f"{word} ({'; '.join(each)})" for word, each in alike.items()]
        sentence = f"{start}, decisions on held-out cells are {listed(said)}"
        if not findings:
            sentence += (
                f"; the law that all this is compared with has a balanced accuracy of "
                f"{reference['balanced_accuracy']:.2f}"
            )
        better = rows["difference low"] > 0
        needless = part == LATENTS and (rows["difference high"] >= 0).any()
        severity: Severity = "note" if better.any() or needless else "fine"
        numbers: dict[str, float | None] = {}
        for _, row in rows.iterrows():
            for what in ("balanced_accuracy", "difference", "difference low", "difference high"):
                value = float(row[what])
                numbers[f"{row['title']}: {what}"] = value if np.isfinite(value) else None
        findings.append(Finding(f"ablation: {part}", severity, f"{sentence}.", (), numbers))
    return findings


def verdict(row: pd.Series) -> str:
    """Say how a row compares with the law: better or worse if the interval leaves 0 out."""
    low, high = row["difference low"], row["difference high"]
    if not np.isfinite(low):
        return "not comparable for certain"
    return "better" if low > 0 else "worse" if high < 0 else "not clearly better or worse"


def _numbers(row: pd.Series) -> str:
    text = f"{row['balanced_accuracy']:.2f}"
    if np.isfinite(row["difference low"]):
        names = ("difference", "difference low", "difference high")
        by, low, high = (round(row[name], 2) + 0.0 for name in names)  # no -0.00
        text += f", by {by:+.2f}, {low:+.2f} to {high:+.2f}"
    return text.replace("-", "\N{MINUS SIGN}")
