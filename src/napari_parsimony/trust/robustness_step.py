"""The robustness step: what it takes to change the mind of a law."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, part_of, silent
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.trust.counterfactual import counterfactuals
from napari_parsimony.trust.edit_findings import (
    check_counterfactuals,
    check_edits,
    check_neighbours,
)
from napari_parsimony.trust.edit_response import doublings, responses
from napari_parsimony.trust.findings import FINDINGS_FILE, Finding, keys_of, save_findings
from napari_parsimony.trust.image_scores import image_schemes, latent_schemes
from napari_parsimony.trust.judged import LAW
from napari_parsimony.trust.perturbation import Perturbed, perturb
from napari_parsimony.trust.robustness import attack_schemes, held_out
from napari_parsimony.trust.robustness_config import NORMS, RobustnessConfig
from napari_parsimony.trust.robustness_files import RobustnessFiles
from napari_parsimony.trust.robustness_findings import ATTACK_CHECKS, Attacks
from napari_parsimony.trust.robustness_tables import Resampling
from napari_parsimony.trust.traits import measure_traits

if TYPE_CHECKING:
    from napari_parsimony.classify.classifier import Classifier
    from napari_parsimony.vae.model import Vae

ATTACKED, EDITED, MOVED, TOTAL = 860, 950, 990, 1_000
"""How far the step is after each part."""


def run_robustness(
    cells: pd.DataFrame,
    crops: NDArray,
    latents: pd.DataFrame,
    target: NDArray[np.float64],
    equation: Equation,
    classifier: "Classifier",
    vae: "Vae",
    config: RobustnessConfig,
    out: Path,
    report: Report = silent,
) -> tuple[Finding, ...]:
    """Attack all schemes, edit pictures and latents, and write what was found.

    Writes ``findings.json`` (see `findings`), and the tables and pictures of
    `robustness_files.RobustnessFiles`.

    Parameters
    ----------
    cells
        (N,) table of cells; those of the split ``test`` are held out.
    crops
        (N, C, S, S) in 0..1, possibly memory mapped: only drawn cells are read.
    latents
        (N,) with columns ``z0``, ``z1``, ….
    target
        (N,) number of the class, NaN for cells of none, which are left out.
    equation, classifier, vae
        The law, the networks and the encoder of a study.
    config
        Settings.
    out
        Folder to write into.
    report
        Is told how far it is; what it raises ends the step.

    Raises
    ------
    UserError
        If no cell with a class is held out, crops are not within 0..1, or the law is a constant.
    """
    used = list(equation.variables)
    if not used:
        raise UserError(
            "The chosen equation is a constant, and nothing changes its mind: choose another one."
        )
    split = np.where(np.isfinite(target), cells["split"].to_numpy(str), "")
    rows = held_out(split, max(config.cells, config.edited), config.seed)
    random = np.random.default_rng(config.seed)
    attacked = np.sort(random.permutation(len(rows))[: config.cells])
    groups = cells["group"].to_numpy()[rows]
    keys = keys_of(cells, rows)
    pixels = np.asarray(crops[rows], np.float32)
    schemes = image_schemes(vae, classifier, equation)
    every, few = (
        Resampling(groups[which], len(which), config) for which in (np.arange(len(rows)), attacked)
    )

    found = attack_schemes(
        schemes, pixels[attacked], config, groups[attacked], part_of(report, 0, ATTACKED, TOTAL)
    )
    latents = latents[classifier.latents]
    spread = {str(name): float(sd) for name, sd in latents.std(ddof=0).items()}
    edited = perturb(
        schemes, vae, pixels, used, spread, every,
        report=part_of(report, ATTACKED, EDITED, TOTAL),
    )  # fmt: skip
    response = responses(edited, doublings(measure_traits(pixels)), classifier.names, every)
    heads, reads = latent_schemes(classifier, equation), {
        "dense": classifier.latents, "sparse": classifier.used, LAW: used,
    }  # fmt: skip
    moved = {
        name: counterfactuals(
            head, latents, rows, _moving(reads[name], spread), config.seed,
            part_of(report, EDITED, MOVED, TOTAL) if name == LAW else silent,
        )
        for name, head in heads.items()
    }  # fmt: skip

    attacks = Attacks(found, [keys[i] for i in attacked], few, config)
    findings = [finding for check in ATTACK_CHECKS for finding in check(attacks)]
    findings += check_neighbours(edited, keys, every) + check_edits(response)
    own = moved[LAW].table["own"].to_numpy()
    wrong = np.where(own < 0, np.nan, own != target[rows])
    findings += check_counterfactuals(moved[LAW], keys, wrong, every)

    shown = shown_cells(attacks.column(LAW, "epsilon"), target[rows][attacked], config.shown)
    places = attacked[shown]
    about = cells[[*KEY, "group"]].iloc[rows].reset_index(drop=True).assign(shown=-1)
    about.loc[places, "shown"] = np.arange(len(places))
    before, after = moved[LAW].decoded(vae)
    pictures = [[found.adversarial[name, norm][shown] for norm in NORMS] for name in schemes]
    RobustnessFiles(
        summary=found.summary,
        rates=found.rates,
        flips=_named(found.flips, about.iloc[attacked]),
        attacked=_named(found.cells, about.iloc[attacked]),
        gradients=found.checks,
        edits=edited.scores,
        edited=_named(_long(edited), about),
        moves=edited.moves,
        responses=response,
        counterfactuals=pd.concat(
            [_named(each.table, about).assign(scheme=name) for name, each in moved.items()],
            ignore_index=True,
        ),
        crops=pixels[places],
        adversarial=np.moveaxis(np.asarray(pictures, np.float32), 2, 0),
        decoded=np.stack([before[places], after[places]], axis=1),
    ).save(out)
    save_findings(findings, out / FINDINGS_FILE)
    report(Progress(TOTAL, TOTAL, "Judged"))
    return tuple(findings)


def shown_cells(
    epsilon: NDArray[np.float64], target: NDArray[np.float64], most: int
) -> NDArray[np.intp]:
    """Choose flipped cells of all classes, evenly from the easily to the hardly flipped.

    Returns
    -------
    ndarray
        Their places, class by class; fewer than `most` where no more are flipped.
    """
    hit = np.isfinite(epsilon)
    kinds = np.unique(target[hit])
    by_class = [np.flatnonzero(hit & (target == kind)) for kind in kinds]
    counts = [0] * len(kinds)
    for _ in range(min(most, int(hit.sum()))):
        room = [i for i, members in enumerate(by_class) if counts[i] < len(members)]
        counts[min(room, key=lambda i: counts[i])] += 1
    chosen = [
        members[np.argsort(epsilon[members], kind="stable")][
            ((np.arange(count) + 0.5) / count * len(members)).astype(int)
        ]
        for members, count in zip(by_class, counts, strict=True)
        if count
    ]
    return np.concatenate(chosen) if chosen else np.zeros(0, np.intp)


def _named(table: pd.DataFrame, about: pd.DataFrame) -> pd.DataFrame:
    """Put in the place of ``cell``, a row of `about`, what is written there."""
    cells = about.iloc[table["cell"].to_numpy()].reset_index(drop=True)
    return pd.concat([cells, table.drop(columns="cell").reset_index(drop=True)], axis=1)


def _long(edited: Perturbed) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"cell": np.arange(len(flipped)), "edit": edit, "dose": dose,
                      "scheme": scheme, "flipped": flipped})
        for (edit, dose, scheme), flipped in edited.flips.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _moving(names: Sequence[str], spread: dict[str, float]) -> list[str]:
    """Latents that are not the same for all cells."""
    return [name for name in names if spread[name] > 0]
