"""The stability step: whether other random starts lead to the same law."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.classify.scores import as_outputs, decided
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.symbolic.class_scores import Equation
from napari_parsimony.symbolic.front import Candidate
from napari_parsimony.symbolic.losses import scores_on
from napari_parsimony.trust.align import (
    agreement,
    align,
    aligned_names,
    alike,
    in_other_names,
    structure,
)
from napari_parsimony.trust.findings import FINDINGS_FILE, save_findings
from napari_parsimony.trust.morphology import LEAST, best_names, correlate
from napari_parsimony.trust.relearn import (
    NETWORK_UNITS,
    SEARCH_UNITS,
    VAE_UNITS,
    Cells,
    Floats,
    OwnVae,
    Parts,
    alone,
    learn,
    search,
    shifted,
    train_other,
)
from napari_parsimony.trust.relearn_config import StabilityConfig
from napari_parsimony.trust.stability_findings import Likeness, Stability, stability_findings
from napari_parsimony.trust.traits import measure_traits, names_in, trait_groups
from napari_parsimony.trust.udr import udr
from napari_parsimony.vae.config import VaeConfig

RUNS_FILE, KEPT_FILE, AGREEMENT_FILE, DECISIONS_FILE = (
    "runs.parquet", "kept.parquet", "agreement.npy", "decisions.parquet",
)  # fmt: skip

_MOST_MEASURED = 2_000


class Run(NamedTuple):
    """One law, and the scores of the networks that it imitates; the study's own has no seeds."""

    seeds: tuple[int, int, int] | None
    vae: int
    networks: int
    search: int
    agreed: list[str]
    scores: Floats
    candidate: Candidate


def run_stability(
    cells: Cells,
    crops: NDArray,
    own: OwnVae,
    law: Candidate,
    agreed: list[str],
    scores: Floats,
    config: StabilityConfig,
    out: Path,
    checkpoints: Path,
    report: Report = silent,
) -> None:
    """Learn the law again and again from other random starts, and compare.

    Writes ``runs.parquet``, a row for each law, the study's own first: ``vae`` (0 is the study's
    own), ``networks``, ``search`` and their seeds (-1 of the study's own law), ``kept``, the
    latents that the sparse networks agree on, and ``reads``, those of the equation, both in the
    study's names; ``equation`` in its own names and ``aligned`` in the study's, ``size``,
    ``balanced_accuracy`` on held-out cells, and the numbers of its ``structure`` and of the
    ``group`` of laws that decide alike. ``kept.parquet``, a row for each latent of the study's law
    and each trait that these follow (``kind``): ``name``, ``meaning`` and ``group`` of it, how
    many ``laws`` read it, how many ``networks`` keep it, of ``of_laws`` and ``of_networks``, and
    ``alike``, the median correlation with its like in other VAEs. ``agreement.npy``, (laws, laws)
    share of the held-out cells on which two decide the same. ``decisions.parquet``, the class that
    each law gives each held-out cell, -1 where it does not decide. And ``findings.json``.

    Parameters
    ----------
    cells
        N cells, with the settings of the study's networks and search.
    crops
        (N, C, S, S), possibly memory mapped.
    own
        The VAE of the study; it is the only one if it was taken over (`VaeConfig.steps` 0).
    law, agreed, scores
        The study's own law, the latents that its networks agree on, and their scores (N, outputs).
    config
        Settings.
    out, checkpoints
        Folders to write into, and to keep what is done in if this is interrupted.
    report
        Is told how far all is.

    Raises
    ------
    UserError
        If no cell with a class is held out, or something cannot be learned.
    """
    rows = cells.held_out
    known = np.flatnonzero(np.isfinite(cells.target))
    known = known[:: -(-len(known) // _MOST_MEASURED)]
    vaes = config.vaes if own.config.steps else 0
    each = NETWORK_UNITS + config.searches * SEARCH_UNITS
    parts = Parts(report, vaes * VAE_UNITS + (vaes + 1) * config.networks * each + 20)
    engines = cells.equations.engines
    cells = replace(cells, equations=alone(cells.equations, config.engines))

    traits = measure_traits(crops, known, cells.table["border"].to_numpy(bool))
    groups = trait_groups(traits, own.made)
    traits = traits[names_in(groups)]
    group_of = {trait: group for group, names in groups.items() for trait in names}

    runs = [Run(None, 0, -1, -1, agreed, scores, law)]
    tables, followed, matches = [], [], []
    for number in range(vaes + 1):
        latents = own.latents[own.active]
        if number:
            again = own.config.model_copy(update={"seed": shifted(own.config.seed, number)})
            tell = parts.next(VAE_UNITS, f"VAE {number + 1}")
            latents = train_other(cells, crops, own, again, checkpoints / f"vae {number}", tell)
        tables.append(latents)
        followed.append(correlate(latents.iloc[known].reset_index(drop=True), traits))
        matches.append(align(tables[0], latents))
        runs += _laws(cells, latents, own.config, number, config, checkpoints, parts)
    tell = parts.next(20, "Comparing laws")

    names = [aligned_names(table, number) for number, table in enumerate(matches)]
    runs_table, said = _compare(runs, tables, matches, cells)
    shares = agreement(said)
    runs_table["group"] = alike(shares, config.same)
    kept = _kept(runs, runs_table, names, matches, followed, group_of)
    sets = {(run.vae, run.networks): decided(run.scores[rows]) for run in runs}
    keys = cells.table[KEY].iloc[rows].reset_index(drop=True)
    found = Stability(
        runs_table,
        kept,
        shares,
        said,
        np.stack(list(sets.values())),
        keys,
        cells.target[rows].astype(np.intp),
        config,
        engines,
        likeness=_likeness(tables, matches),
        taken_over=not own.config.steps,
        same_start=own.config.pretrained != "none" or own.config.start_from is not None,
    )
    runs_table.to_parquet(out / RUNS_FILE, index=False)
    kept.to_parquet(out / KEPT_FILE, index=False)
    np.save(out / AGREEMENT_FILE, shares, allow_pickle=False)
    decisions = pd.DataFrame(said.T, columns=[f"law {i}" for i in range(len(said))])
    pd.concat([keys, decisions], axis=1).to_parquet(out / DECISIONS_FILE, index=False)
    save_findings(stability_findings(found), out / FINDINGS_FILE)
    tell(Progress(1, 1, "done"))


def _likeness(tables: list[pd.DataFrame], matches: list[pd.DataFrame]) -> Likeness | None:
    """Say how far all VAEs find the same latents; None without another VAE."""
    if len(tables) == 1:
        return None
    found = [set(match.loc[match["same"], "match"]) for match in matches[1:]]
    own = set(tables[0])
    scores = udr(tables).by_model
    return Likeness(
        len(own), len(own.intersection(*found)), float(scores[0]), float(scores[1:].mean())
    )


def _laws(
    cells: Cells,
    latents: pd.DataFrame,
    vae: VaeConfig,
    number: int,
    config: StabilityConfig,
    checkpoints: Path,
    parts: Parts,
) -> Iterator[Run]:
    """Learn all laws from the latents of one VAE."""
    for networks in range(config.networks):
        seed = shifted(cells.classify.seed, 1 + networks)
        mine = replace(cells, classify=cells.classify.model_copy(update={"seed": seed}))
        name, title = f"{number} {networks}", f"VAE {number + 1}, networks {networks + 1}"
        tell = parts.next(NETWORK_UNITS, title)
        learned = learn(mine, latents, checkpoints / f"networks {name}", tell)
        for again in range(config.searches):
            engine_seed = shifted(cells.equations.seed, again)
            settings = cells.equations.model_copy(update={"seed": engine_seed})
            tell = parts.next(SEARCH_UNITS, f"{title}, search {again + 1}")
            candidate = search(
                replace(mine, equations=settings),
                latents[learned.agreed],
                learned.scores,
                checkpoints / f"law {name} {again}",
                tell,
            )
            seeds = shifted(vae.seed, number), seed, engine_seed
            yield Run(seeds, number, networks, again, learned.agreed, learned.scores, candidate)


def _compare(
    runs: list[Run],
    tables: list[pd.DataFrame],
    matches: list[pd.DataFrame],
    cells: Cells,
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """Table of the laws, and what each says of the held-out cells."""
    rows, target = cells.held_out, cells.target[cells.held_out]
    said, structures, lines = [], [], []
    for run in runs:
        equation, mine = run.candidate.expression, aligned_names(matches[run.vae], run.vae)
        aligned = in_other_names(equation, matches[run.vae], run.vae)
        answers = decide(equation, tables[run.vae].iloc[rows])
        right = [(answers[target == kind] == kind).mean() for kind in np.unique(target)]
        said.append(answers)
        structures.append(structure(aligned))
        lines.append(
            {
                "vae": run.vae,
                "networks": run.networks,
                "search": run.search,
                **dict(zip(("vae_seed", "network_seed", "engine_seed"), run.seeds or (-1,) * 3,
                           strict=True)),
                "kept": [mine[name] for name in run.agreed],
                "reads": [mine[name] for name in equation.variables],
                "equation": run.candidate.unicode(),
                "aligned": replace(run.candidate, expression=aligned).unicode(),
                "size": run.candidate.size,
                "balanced_accuracy": float(np.mean(right)),
                "structure": 0,
            }
        )  # fmt: skip
    table = pd.DataFrame(lines)
    order = {each: number for number, each in enumerate(dict.fromkeys(structures))}
    table["structure"] = [order[each] for each in structures]
    return table, np.stack(said)


def decide(equation: Equation, latents: pd.DataFrame) -> NDArray[np.intp]:
    """Say which class an equation gives each cell; `UNDECIDED` where it gives none."""
    reads = equation.variables
    scores = scores_on(equation, latents[list(reads)].to_numpy(np.float64), reads)
    return decided(as_outputs(scores))


def _kept(
    runs: list[Run],
    table: pd.DataFrame,
    names: list[dict[str, str]],
    matches: list[pd.DataFrame],
    followed: list[pd.DataFrame],
    group_of: dict[str, str],
) -> pd.DataFrame:
    """How often what the study's law reads is read by others."""
    own, others = runs[0], table.iloc[1:]
    networks = others.drop_duplicates(["vae", "networks"])
    meanings = best_names(followed[0]).set_index("latent")["name"].to_dict()

    def line(
        kind: str, name: str, meaning: str, laws: int, nets: int, r: float
    ) -> dict[str, object]:
        return {
            "kind": kind, "name": name, "meaning": meaning, "group": group_of.get(meaning, ""),
            "laws": laws, "of_laws": len(others), "networks": nets, "of_networks": len(networks),
            "alike": r,
        }  # fmt: skip

    lines = []
    for latent in own.candidate.expression.variables:
        r = [abs(m.loc[m["match"] == latent, "r"].iloc[0]) for m in matches[1:]
             if (m["match"] == latent).any()]  # fmt: skip
        lines.append(
            line(
                "latent", latent, meanings.get(latent, ""),
                sum(latent in reads for reads in others["reads"]),
                sum(latent in kept for kept in networks["kept"]),
                float(np.median(r)) if r else np.nan,
            )
        )  # fmt: skip
    read = {meanings[name]: None for name in own.candidate.expression.variables if name in meanings}
    for trait in read:

        def follows(run: Run, latents: Sequence[str], trait: str = trait) -> bool:
            found = followed[run.vae].loc[list(latents), trait].abs()
            return bool((found >= LEAST).any())

        laws = sum(follows(run, run.candidate.expression.variables) for run in runs[1:])
        nets = sum(follows(runs[i], runs[i].agreed) for i in networks.index)
        lines.append(line("trait", trait, trait, laws, nets, np.nan))
    return pd.DataFrame(lines)
