"""Whether other random starts lead to the same law, on MitoCheck with one fold held out.

    PARSIMONY_DATA=/path/to/data python benchmarks/mitocheck_stability.py OUT

writes ``docs/results/stability.md`` from the studies of ``mitocheck.py`` in the folder OUT, and
goes on where it was interrupted. ``--only two`` takes one of the tasks, ``--only none`` runs
nothing; the page has what there is.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from mitocheck_studies import PAGES, fold_study, settings, step_of

from napari_parsimony.figures.relearned import law_label
from napari_parsimony.study.study import Study
from napari_parsimony.trust.align import SAME
from napari_parsimony.trust.findings import FINDINGS_FILE, load_findings

RESULTS = Path(__file__).parents[1] / "docs" / "results"
FOLD = 0


def kept(study: Study) -> str:
    """Write how often each latent of the study's law is read by others."""
    table = pd.read_parquet(study.path / "stability" / "kept.parquet")
    lines = ["| read by the law | follows | laws | sparse networks | alike |", "|---" * 5 + "|"]
    for _, row in table.iterrows():
        alike = f"{row['alike']:.2f}" if np.isfinite(row["alike"]) else ""
        name = row["name"] if row["kind"] == "latent" else f"anything that follows {row['name']}"
        follows = f"{row['meaning']} ({row['group']})" if row["meaning"] else "nothing measured"
        lines.append(
            f"| {name} | {follows if row['kind'] == 'latent' else ''} | {row['laws']} of "
            f"{row['of_laws']} | {row['networks']} of {row['of_networks']} | {alike} |"
        )
    return "\n".join(lines)


def laws(study: Study) -> str:
    """Write all laws, in the names of the study's latents."""
    table = pd.read_parquet(study.path / "stability" / "runs.parquet")
    lines = ["| law | balanced accuracy | size | decides as | equation |", "|---" * 5 + "|"]
    for _, row in table.iterrows():
        equation = str(row["aligned"]).replace("|", "\\|")
        lines.append(
            f"| {law_label(row)} | {row['balanced_accuracy']:.3f} | {row['size']} | "
            f"{row['group'] + 1} | `{equation}` |"
        )
    return "\n".join(lines)


def section(task: str, study: Study) -> list[str]:
    """Write what one study found."""
    findings = load_findings(study.path / "stability" / FINDINGS_FILE)
    shares = np.load(study.path / "stability" / "agreement.npy", allow_pickle=False)
    return [
        f"## {PAGES[task][1].removeprefix('MitoCheck: ')}\n",
        *(f"- {finding.sentence}" for finding in findings),
        "",
        kept(study) + "\n",
        laws(study) + "\n",
        "On how many of a hundred held-out cells two laws decide the same, in this order:\n",
        "```",
        *(" ".join(f"{100 * share:3.0f}" for share in row) for row in shares),
        "```\n",
    ]


def head() -> list[str]:
    """Write what the page is about."""
    asked = settings()["stability"]
    vaes = "one more VAE" if asked["vaes"] == 1 else f"{asked['vaes']} more VAEs"
    return [
        "# MitoCheck: other random starts\n",
        "Made by `python benchmarks/mitocheck_stability.py OUT` from the studies of\n"
        "[MitoCheck](mitocheck.md), crops turned, VAE without labels, "
        f"fold {FOLD} held out. Beside the\nstudy's own law there are those from other seeds: "
        f"{vaes} with the settings of the\nstudy, {asked['networks']} sets of 16 sparse networks "
        "on the latents of each, and a search by the engine\nquick for each of these. Latents of "
        "two VAEs are matched one to one, by Spearman's\ncorrelation over all cells; below "
        f"{SAME:g} they count as different ones and are named after\ntheir VAE.\n",
    ]


def main() -> None:
    """Run what is missing and write the page."""
    tasks = settings()["tasks"]
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=[*tasks, "none"])
    options = parser.parse_args()
    page = head()
    for task in tasks:
        study = fold_study(options.out.resolve(), "principal axis", FOLD, task=task)
        if options.only in (None, task):
            step_of(study, "stability")
        if study.state("stability") == "ready":
            page += section(task, study)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "stability.md").write_text("\n".join(page))


if __name__ == "__main__":
    main()
