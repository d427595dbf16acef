"""What is said of parts of the method that were left out."""

import pandas as pd

from napari_parsimony.trust.ablation_findings import ablation_findings
from napari_parsimony.trust.ablation_table import LATENTS, REWIRING, STUDY


def row(title, part, accuracy, low, high, reference=False):
    return {
        "title": title, "part": part, "balanced_accuracy": accuracy, "reference": reference,
        "difference": accuracy - 0.8, "difference low": low, "difference high": high,
    }  # fmt: skip


def test_rows_that_compare_alike_are_said_together():
    table = pd.DataFrame(
        [
            row("the law", STUDY, 0.8, 0, 0, reference=True),
            row("SET instead of RigL", REWIRING, 0.799, -0.04, 0.03),
            row("magnitude pruning instead of RigL", REWIRING, 0.6, -0.3, -0.1),
            row("L1 instead of RigL", REWIRING, 0.81, -0.001, 0.03),
            row("all traits", LATENTS, 0.9, 0.05, 0.15),
        ]
    )
    rewiring, latents = ablation_findings(table)
    assert rewiring.sentence == (
        "With connections found in another way, decisions on held-out cells are not clearly better "
        "or worse (SET instead of RigL: 0.80, by +0.00, −0.04 to +0.03; L1 instead of RigL: 0.81, "
        "by +0.01, +0.00 to +0.03) and worse (magnitude pruning instead of RigL: 0.60, by −0.20, "
        "−0.30 to −0.10); the law that all this is compared with has a balanced accuracy of 0.80."
    )
    assert rewiring.severity == "fine"
    assert latents.severity == "note"
    assert "are better (all traits: 0.90, by +0.10, +0.05 to +0.15)." in latents.sentence
