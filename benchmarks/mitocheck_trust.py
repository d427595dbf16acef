"""What the laws of MitoCheck read: the step trust on every fold, of two and of five classes.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck_trust.py OUT

writes ``docs/results/meaning.md`` about the studies that ``mitocheck.py OUT`` made, crops turned to
the principal axis. About half a minute a fold.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck_studies import fold_study

from napari_parsimony.study.findings import findings_of
from napari_parsimony.study.study import Study
from napari_parsimony.trust.checks import MEANINGS_FILE
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import LAW

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "meaning.md"
TASKS = {"two": "Interphase against metaphase", "five": "Five classes of the cell cycle"}

INTRODUCTION = """# What the laws of MitoCheck read

Made by `python benchmarks/mitocheck_trust.py OUT`, of the studies in [two](mitocheck.md) and
[five](mitocheck-five.md) classes whose crops are turned to the principal axis. Each fold has a VAE,
networks and an equation of its own; z17 of one fold need not be z17 of another. All numbers are of
held-out movies; see [what they mean](../trust.md).
"""


def judged(out: Path, fold: int, task: str) -> Study:
    """Run the step, if it was not run yet."""
    study = fold_study(out, "principal axis", fold, task=task)
    if study.state("trust") != "ready":
        study.run("trust", TrustConfig())
    return study


def meanings(study: Study) -> pd.DataFrame:
    """Read what the latents mean that the equation or the sparse network reads."""
    table = study.read("trust", MEANINGS_FILE, pd.read_parquet)
    return table[table["equation"] | table["sparse network"]]


def section(studies: list[Study]) -> Iterator[str]:
    """Write what was found in all folds, and then in each."""
    both = pd.concat([meanings(study) for study in studies])
    groups = ("central cell", "neighbourhood", "position", "intensity/imaging", "unclear")
    yield f"| read by | latents | {' | '.join(groups)} | median R² |"
    yield f"|---|---|{'---|' * len(groups)}---|"
    for reader in ("equation", "sparse network"):
        read = both[both[reader]]
        counts = read["group"].value_counts()
        numbers = [len(read), *(counts.get(group, 0) for group in groups)]
        row = " | ".join(map(str, numbers))
        yield f"| {reader}s, all folds | {row} | {read['r2'].median():.2f} |"
    for fold, study in enumerate(studies):
        yield f"\n**Fold {fold}**: `{study.front().choice.unicode()}`\n"
        found = findings_of(study)["trust"]
        for finding in sorted(found, key=lambda each: each.kind != LAW):
            mark = "" if finding.severity == "fine" else f"{finding.severity}: "
            yield f"- {mark}{finding.sentence}"
        yield "\n| latent | read by | tells of | follows | R² | decoded |"
        yield "|---|---|---|---|---|---|"
        for _, row in meanings(study).iterrows():
            readers = " and ".join(name for name in ("equation", "sparse network") if row[name])
            follows = f"{row['trait']} ({row['r']:+.2f})" if row["trait"] else "–"
            change = f"{row['change']:+.1f} SD" if np.isfinite(row["change"]) else "–"
            yield (
                f"| {row['latent']} | {readers} | {row['group']} | {follows} | {row['r2']:.2f} | "
                f"{change} |"
            )
    yield ""


def main() -> None:
    """Judge all studies, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    lines = [INTRODUCTION]
    for task, title in TASKS.items():
        studies = [judged(out, fold, task) for fold in range(5)]
        lines += [f"## {title}\n", *section(studies)]
    RESULTS.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
