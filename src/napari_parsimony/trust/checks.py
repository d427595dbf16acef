"""The trust step: what the law reads, and whether it can be believed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.classify.scores import as_outputs
from napari_parsimony.errors import UserError
from napari_parsimony.progress import Progress, Report, silent
from napari_parsimony.symbolic.class_scores import Equation, expressions_of
from napari_parsimony.symbolic.losses import scores_on
from napari_parsimony.trust.angular import CELLS, angular_pairs
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import Finding
from napari_parsimony.trust.law import check_law
from napari_parsimony.trust.meaning import STEPS, explain, traverse_traits, with_traversals
from napari_parsimony.trust.reads import check_reads
from napari_parsimony.trust.regress import Floats, plan
from napari_parsimony.trust.shortcut import check_brightness, check_shortcuts
from napari_parsimony.trust.subject import Subject
from napari_parsimony.trust.traits import measure_traits, names_in, trait_groups
from napari_parsimony.vae.latents import encode_crops, traverse
from napari_parsimony.vae.model import Vae

TRAITS_FILE, MEANINGS_FILE, TRAVERSALS_FILE = (
    "traits.parquet", "meanings.parquet", "traversals.parquet",
)  # fmt: skip

FEW = 100
"""Held-out cells below which every finding is uncertain."""

Check = Callable[[Subject, pd.DataFrame, TrustConfig], list[Finding]]


def check_cells(subject: Subject, meanings: pd.DataFrame, config: TrustConfig) -> list[Finding]:
    """Say on how many cells all other findings rest, if they are few."""
    held_out, target = subject.plan.held_out, subject.target
    counts = np.bincount(target[held_out], minlength=len(subject.classes))
    if held_out.sum() >= FEW and counts.min() >= FEW / 10:
        return []
    several = ", ".join(f"{n:,} {name}" for n, name in zip(counts, subject.classes, strict=True))
    sentence = (
        f"All this is judged on {held_out.sum():,} held-out cells only ({several}): what was not "
        "found may be there."
    )
    numbers = {name: float(n) for n, name in zip(counts, subject.classes, strict=True)}
    return [Finding("few cells", "note", sentence, (), numbers)]


CHECKS: tuple[Check, ...] = (
    check_shortcuts, check_brightness, check_reads, check_cells, check_law
)  # fmt: skip
"""In order; each is given the law and its cells, what its latents mean, and the settings."""


def run_trust(
    cells: pd.DataFrame,
    crops: NDArray,
    latents: pd.DataFrame,
    target: NDArray[np.float64],
    classes: Sequence[str],
    equation: Equation,
    sparse: Sequence[str],
    vae: Vae,
    statistics: pd.DataFrame,
    made: Mapping[str, object],
    config: TrustConfig,
    out: Path,
    group_word: str = "movie",
    report: Report = silent,
) -> tuple[Finding, ...]:
    """Find out what a law reads.

    Writes ``traits.parquet``, the key and the measured traits
    of every cell that was measured, whether it was held out, and its score;
    ``meanings.parquet``, see `meaning.explain` and `meaning.with_traversals`, with the columns
    ``equation`` and ``sparse network``, which of them reads a latent; and ``traversals.parquet``,
    see `meaning.traverse_traits`.

    Parameters
    ----------
    cells
        (N,) table of cells; those of the split ``test`` are held out.
    crops
        (N, C, S, S), possibly memory mapped: read in pieces.
    latents
        (N,) with columns ``z0``, ``z1``, ….
    target, classes
        (N,) number of the class, NaN for cells of none, which are left out; and the names.
    equation
        The law.
    sparse
        Latents that the sparse network reads: they are explained too.
    vae, statistics
        The model, and what is known of its latents, see `vae.latents.latent_statistics`.
    made
        How crops were made: ``normalisation`` and ``orientation``.
    config
        Settings.
    out
        Folder to write into.
    group_word
        What the splits keep together: movie, image or tile.
    report
        Is told how many cells are measured.

    Raises
    ------
    UserError
        If no cell with a class is held out, or all cells are of one group.
    """
    rows = _choose(cells, target, config)
    total = len(rows) + len(CHECKS) + 3
    traits = measure_traits(
        crops,
        rows,
        cells["border"].to_numpy(bool),
        lambda done: report(Progress(done.done, total, done.message)),
    )
    known = traits.notna().all(axis=1).to_numpy()
    rows, traits = rows[known], traits[known].reset_index(drop=True)
    held_out = cells["split"].to_numpy()[rows] == "test"
    if not held_out.any():
        raise UserError("No cell can be found in the held-out crops: look at them in the gallery.")

    reads, names = list(equation.variables), statistics["name"].tolist()
    explained = [name for name in names if name in {*reads, *sparse}]
    groups = trait_groups(traits, made)
    traits = traits[names_in(groups)]
    pairs = pd.DataFrame(columns=["first", "second"])
    report(Progress(len(rows), total, "Turning crops"))
    if made["orientation"] == "imaged":
        active = statistics[statistics["active"]]
        pairs = _pairs(vae, crops, rows, active, config)
        pairs = pairs[pairs["first"].isin(explained) | pairs["second"].isin(explained)]
        explained = [n for n in names if n in {*explained, *pairs["first"], *pairs["second"]}]

    def law(z: pd.DataFrame) -> Floats:
        values = z[reads].to_numpy(np.float64)
        return as_outputs(scores_on(equation, values, tuple(reads)))

    subject = Subject(
        keys=cells[KEY].iloc[rows].reset_index(drop=True),
        target=target[rows].astype(np.intp),
        classes=classes,
        latents=latents[explained].iloc[rows].astype(np.float64).reset_index(drop=True),
        law=law,
        reads=reads,
        traits=traits,
        groups=groups,
        plan=plan(cells["group"].to_numpy()[rows], held_out),
        joint=[t.variables for e in expressions_of(equation) for t in e.terms],
        pairs=list(pairs[["first", "second"]].itertuples(index=False, name=None)),
        group_word=group_word,
        brightness_kept=made["normalisation"] != "percentile",
    )
    report(Progress(len(rows) + 1, total, "Explaining latents"))
    traversals = _traversals(vae, latents[names], statistics, explained, traits)
    meanings = with_traversals(explain(subject), traversals)
    meanings["equation"] = meanings["latent"].isin(reads)
    meanings["sparse network"] = meanings["latent"].isin(list(sparse))

    findings = _directions(pairs)
    for number, check in enumerate(CHECKS):
        report(Progress(len(rows) + 2 + number, total, "Looking for short-cuts"))
        findings += check(subject, meanings, config)
    scores = pd.DataFrame(subject.scores()).add_prefix("score ")
    about = pd.DataFrame({"held out": held_out})
    pd.concat([subject.keys, about, scores, traits], axis=1).to_parquet(
        out / TRAITS_FILE, index=False
    )
    meanings.to_parquet(out / MEANINGS_FILE, index=False)
    traversals.to_parquet(out / TRAVERSALS_FILE, index=False)
    report(Progress(total, total, "Law judged"))
    return tuple(findings)


def _choose(cells: pd.DataFrame, target: Floats, config: TrustConfig) -> NDArray[np.intp]:
    """Draw cells with a class, half of them held-out ones if there are so many."""
    known, test = np.isfinite(target), cells["split"].to_numpy() == "test"
    held_out, others = np.flatnonzero(known & test), np.flatnonzero(known & ~test)
    if not len(held_out):
        raise UserError(
            "No cell with a class is held out for testing: give more movies classes, or choose "
            "another fold in the cells step."
        )
    rng = np.random.default_rng(config.seed)
    many = max(config.cells // 2, config.cells - len(others))
    held_out = rng.permutation(held_out)[:many]
    return np.sort(
        np.concatenate([held_out, rng.permutation(others)[: config.cells - len(held_out)]])
    )


def _pairs(
    vae: Vae, crops: NDArray, rows: NDArray[np.intp], active: pd.DataFrame, config: TrustConfig
) -> pd.DataFrame:
    chosen = np.sort(np.random.default_rng(config.seed).permutation(rows)[:CELLS])
    index = active.index.to_numpy()
    return angular_pairs(
        crops[chosen],
        lambda turned: encode_crops(vae, turned)[0][:, index],
        active["name"].tolist(),
        active["sd"].to_numpy(),
    )


def _traversals(
    vae: Vae,
    latents: pd.DataFrame,
    statistics: pd.DataFrame,
    names: Sequence[str],
    traits: pd.DataFrame,
) -> pd.DataFrame:
    centre = latents.median().to_numpy(np.float32)
    order = statistics["name"].tolist()
    low, high = statistics["low"].to_numpy(), statistics["high"].to_numpy()

    def draw(name: str) -> tuple[Floats, NDArray]:
        index = order.index(name)
        values = np.linspace(low[index], high[index], STEPS)
        return values, traverse(vae, centre, index, values)

    return traverse_traits(names, draw, measure_traits, traits.std())


def _directions(pairs: pd.DataFrame) -> list[Finding]:
    return [
        Finding(
            "direction",
            "fine",
            f"{row['first']} and {row['second']} together say how the cell is turned: as a crop is "
            f"turned, they move on a circle, {'twice' if row['turns'] == 2 else 'once'} around.",
            (),
            {
                "share of the movement on the circle": float(row["circle"]),
                "moved by turning": float(row["moved"]),
            },
        )
        for _, row in pairs.iterrows()
    ]
