"""Whether the alarm finds planted short-cuts, and is silent where there is none.

    PARSIMONY_DATA=/path/to/data python benchmarks/shortcuts.py OUT [--clean 20] [--planted 20]

writes ``docs/results/shortcuts.md``. A whole study is made of each simulation, from the pictures to
the step trust, and one of the MitoCheck crops as they are, whose contrast tells the classes apart.
Takes about a minute a simulation, and goes on where it was interrupted.
"""

import argparse
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from mitocheck_studies import data, run_steps, settings

from napari_parsimony.simulate.config import SHORTCUTS, SimulateConfig
from napari_parsimony.simulate.fields import simulate_fields
from napari_parsimony.simulate.folder import write_folder
from napari_parsimony.study.findings import findings_of
from napari_parsimony.study.study import Study
from napari_parsimony.trust.findings import LAW

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "shortcuts.md"
LAW_OF_CELLS = "eccentricity - area"
NAMES = ("elongated", "small")
GROUP = {"brightness": "intensity/imaging", "neighbours": "neighbourhood", "border": "position"}
CLASSIFY = {"seeds": 8, "steps": 1000, "sweep": False}
# of the black box, no finding says anything
BLIND = {"black_box_seeds": 1, "black_box_epochs": 1}


class Found(NamedTuple):
    """What the findings of one study say."""

    alarms: tuple[str, ...]
    rests: tuple[str, ...]
    law: str
    accuracy: float


def simulated(out: Path, shortcut: str, seed: int) -> Study:
    """Make a study of a simulation, or go on with it."""
    path = out / f"{shortcut}-{seed}"
    if (path / "study" / "trust").exists():
        return Study.open(path / "study")
    config = SimulateConfig(shortcut=shortcut, law=LAW_OF_CELLS, flipped=0.05, seed=seed)
    shutil.rmtree(path / "fields", ignore_errors=True)  # of an interrupted run
    cells = write_folder(simulate_fields(config), path / "fields")
    # the bundled VAE takes crops of these two kinds; 'image' keeps which cells are brighter
    kind = "percentile" if cells.normalisation == "percentile" else "image"
    made = {"orientation": "principal axis", "normalisation": kind}
    return run_steps(
        path / "study",
        {
            "cells": (cells.model_copy(update=made)).model_dump(),
            "vae": {"pretrained": "nuclei", "steps": 0},
            "classify": CLASSIFY | BLIND,
            "equations": {"engines": ["quick"]},
            "evaluate": {"baseline": False},
            "trust": {},
        },
    )


def mitocheck(out: Path, normalisation: str) -> Study:
    """Make a study of the MitoCheck crops; those not normalised need a VAE of their own."""
    steps = settings()["study"]
    made = {"folder": data() / "mitocheck", "orientation": "principal axis"}
    steps["cells"] |= made | {"normalisation": normalisation}
    if normalisation != "percentile":
        steps["vae"] |= {"pretrained": "none", "warmup": 0.2, "learning_rate": 1e-3}
    steps["classify"] |= {"classes": settings()["tasks"]["two"], **CLASSIFY, **BLIND}
    steps["equations"] |= {"engines": ["quick"]}
    return run_steps(out / f"mitocheck-{normalisation}", steps | {"trust": {}})


def read(study: Study) -> Found:
    """Read what the findings say."""
    findings = findings_of(study)["trust"]
    kinds = {f"short-cut: {group}": group for group in GROUP.values()}
    kinds["brightness alone"] = "brightness alone"
    alarms = [f for f in findings if f.severity == "alarm"]
    rests = [f for f in alarms if f.sentence.startswith("The decision rests")]
    (law,) = (f.sentence for f in findings if f.kind == LAW)
    symbolic = study.schemes().get("symbolic")
    return Found(
        tuple(kinds[f.kind] for f in alarms if f.kind in kinds),
        tuple(kinds[f.kind] for f in rests if f.kind in kinds),
        law,
        symbolic.balanced_accuracy.value,
    )


def table(found: dict[str, list[Found]]) -> Iterator[str]:
    """Write a line for each kind of study."""
    yield (
        "| short-cut | studies | alarm | of its group | of another group | of its group, and the "
        "law rests on it | balanced accuracy of the law, held out | law in words says elongated / "
        "small |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for kind, each in found.items():
        group = GROUP.get(kind)
        counts = [
            sum(bool(one.alarms) for one in each),
            sum(group in one.alarms for one in each) if group else "–",
            sum(bool(set(one.alarms) - {group}) for one in each) if group else "–",
            sum(group in one.rests for one in each) if group else "–",
            f"{np.mean([one.accuracy for one in each]):.2f}",
            " / ".join(str(sum(word in one.law for one in each)) for word in NAMES),
        ]
        yield f"| {kind} | {len(each)} | " + " | ".join(map(str, counts)) + " |"


def main() -> None:
    """Make the studies that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clean", type=int, default=20)
    parser.add_argument("--planted", type=int, default=20)
    parser.add_argument("--first", type=int, default=200, help="first seed of the simulations")
    given = parser.parse_args()
    # in turn, so that an interrupted run has some of each kind
    kinds = list(itertools.islice(itertools.cycle(SHORTCUTS), given.planted))
    jobs = list(itertools.zip_longest(["none"] * given.clean, kinds))
    found: dict[str, list[Found]] = {kind: [] for kind in ("none", *SHORTCUTS)}
    for seed, pair in enumerate(jobs, given.first):
        for kind in filter(None, pair):
            found[kind].append(read(simulated(given.out, kind, seed)))
            print(kind, seed, found[kind][-1], flush=True)
    lines = [INTRODUCTION.format(**vars(given)), *table(found), "", MITOCHECK]
    for normalisation in ("percentile", "none"):
        findings = findings_of(mitocheck(given.out, normalisation))["trust"]
        lines += [f'`normalisation = "{normalisation}"`:\n']
        lines += [f"- {each.severity}: {each.sentence}" for each in findings]
        lines += [""]
    RESULTS.write_text("\n".join(lines))


INTRODUCTION = f"""# Short-cuts

Made by `python benchmarks/shortcuts.py OUT --clean {{clean}} --planted {{planted}}
--first {{first}}`: studies of simulated nuclei, 1,200 cells in 10 groups each, whose class
follows the law `{LAW_OF_CELLS}` for 95 % of them. In the groups that are learned from, a
short-cut of strength 0.8 is planted, or none; in those held out there is never one. Crops turned to
the principal axis; the VAE that comes with the plugin, as it is; 8 networks of 1,000 steps; engine
quick. The limits of the alarm were set on other seeds, see [trust](../trust.md).

*Alarm*: the first paragraph of the report warns. *The law rests on it*: the alarm says that this
law has taken the short-cut; otherwise, that it is there in the cells that were learned from.

The alarms of a first run on these seeds were the same. Its words said *elongated* in 18 of 20 clean
studies: how a cell is oriented still counted as a trait of crops that are turned.
"""

MITOCHECK = """
## MitoCheck

The contrast of these crops was set by the source, and their maximum alone tells interphase from
metaphase. Fold 0, crops turned to the principal axis: as usual, and with crops as they are.
"""

if __name__ == "__main__":
    main()
