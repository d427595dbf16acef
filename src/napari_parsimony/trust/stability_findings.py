"""What laws learned from other random starts say about the study's own, for a biologist."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.cells.table import KEY
from napari_parsimony.classify.scores import UNDECIDED
from napari_parsimony.trust.align import SAME, agreement
from napari_parsimony.trust.findings import Finding, Severity, listed
from napari_parsimony.trust.relearn_config import StabilityConfig

MOST_CELLS = 100
"""Cells to look at that are kept with a finding."""

OFTEN = 0.5
"""Share of the laws that read a latent, below which that is worth a note."""

APART, FAR_APART = 0.1, 0.25
"""Mean share of the held-out cells on which two laws decide differently: note and alarm."""


class Likeness(NamedTuple):
    """How far other VAEs find the latents of the study's own.

    Attributes
    ----------
    active
        How many it has.
    everywhere
        How many of these have their like in every other VAE; see `align.SAME`.
    own, others
        Unsupervised disentanglement ranking (`udr.udr`) of this VAE, and mean of the others.
    """

    active: int
    everywhere: int
    own: float
    others: float


class Stability(NamedTuple):
    """Laws, the study's own first, and what they say of held-out cells.

    Attributes
    ----------
    runs, kept, shares, said
        See `stability.run_stability`; `said` is (laws, cells).
    networks
        (sets, cells) the class that each set of sparse networks gives, the study's own first.
    keys, target
        (cells,) image, frame and label, and the number of the class.
    config
        Settings.
    engines
        Those that found the study's own law, where that may have been more than the settings'.
    likeness
        None if there is one VAE only.
    taken_over, same_start
        Whether no VAE was trained, and whether all VAEs start from the same weights.
    """

    runs: pd.DataFrame
    kept: pd.DataFrame
    shares: NDArray[np.float64]
    said: NDArray[np.intp]
    networks: NDArray[np.intp]
    keys: pd.DataFrame
    target: NDArray[np.intp]
    config: StabilityConfig
    engines: tuple[str, ...]
    likeness: Likeness | None
    taken_over: bool
    same_start: bool


def stability_findings(found: Stability) -> list[Finding]:
    """Say what is kept, how far laws decide alike, and how good they are."""
    return [_latents(found), *_traits(found), _decisions(found), _laws(found), _accuracy(found),
            *_vaes(found), *_starts(found)]  # fmt: skip


def _latents(found: Stability) -> Finding:
    kept = found.kept[found.kept["kind"] == "latent"]
    of = len(found.runs) - 1
    if kept.empty:
        return Finding("stability: latents", "note", "The law reads no latent.")
    kept = kept.sort_values("laws", ascending=False, kind="stable")
    parts = [
        f"{row['laws']} {row['name']}" + (f" ({row['meaning']})" if row["meaning"] else "")
        for _, row in kept.iterrows()
    ]
    most, name = int(kept["laws"].iloc[0]), kept["name"].iloc[0]
    verb = "reads" if most == 1 else "read"
    parts[0] = parts[0].replace(f"{most} {name}", f"{most} {verb} what {name} tells")
    start = "Of 1 law" if of == 1 else f"Of {of} laws"
    sentence = f"{start} found from other random starts, {listed(parts)}."
    severity: Severity = "fine" if (kept["laws"] >= OFTEN * of).all() else "note"
    numbers = {f"laws that read {row['name']}": row["laws"] / of for _, row in kept.iterrows()}
    numbers |= {
        f"networks that keep {row['name']}": row["networks"] / row["of_networks"]
        for _, row in kept.iterrows()
    }
    return Finding("stability: latents", severity, sentence, (), numbers)


def _traits(found: Stability) -> list[Finding]:
    kept = found.kept[found.kept["kind"] == "trait"]
    of = len(found.runs) - 1
    if kept.empty:
        return []
    parts = [f"{row['name']} {row['laws']}" for _, row in kept.iterrows()]
    sentence = (
        f"Whatever latent it is through, so many of the {of} read something that follows: "
        f"{listed(parts)}."
    )
    severity: Severity = "fine" if (kept["laws"] >= OFTEN * of).all() else "note"
    numbers = {f"laws that read {row['name']}": row["laws"] / of for _, row in kept.iterrows()}
    return [Finding("stability: meanings", severity, sentence, (), numbers)]


def _decisions(found: Stability) -> Finding:
    said = found.said
    apart, networks = _apart(found.shares), _apart(agreement(found.networks))
    mean, most = float(apart.mean()), float(apart.max())
    kinds = np.arange(UNDECIDED, said.max() + 1)
    votes = np.stack([(said == kind).mean(axis=0) for kind in kinds])
    dissent = 1 - votes.max(axis=0)
    split = dissent > 0
    order = np.argsort(-dissent, kind="stable")[: min(int(split.sum()), MOST_CELLS)]
    right = said[0] == found.target
    sentence = (
        f"Two of the {len(said)} laws, the study's own among them, decide differently on "
        f"{mean:.0%} of the {said.shape[1]:,} held-out cells on average, and on {most:.0%} at "
        f"most; two sets of the sparse networks that they imitate, on {networks.mean():.0%}. "
    )
    numbers: dict[str, float | None] = {
        "decided differently, mean": mean,
        "decided differently, at most": most,
        "decided differently by networks, mean": float(networks.mean()),
        "cells not decided alike by all": float(split.mean()),
    }
    if split.any() and not split.all():
        inside, outside = float(right[~split].mean()), float(right[split].mean())
        sentence += (
            f"On {1 - split.mean():.0%} of them all laws agree, and there the study's law is right "
            f"in {inside:.0%}; on the others in {outside:.0%}."
        )
        numbers |= {"right where all agree": inside, "right elsewhere": outside}
    severity: Severity = "alarm" if mean > FAR_APART else "note" if mean > APART else "fine"
    keys = [found.keys.iloc[i][KEY] for i in order]
    cells = tuple((str(image), int(frame), int(label)) for image, frame, label in keys)
    return Finding("stability: decisions", severity, sentence, cells, numbers)


def _apart(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """List on which share of the cells any two differ."""
    return np.asarray(1 - shares[np.triu_indices(len(shares), 1)])


def _laws(found: Stability) -> Finding:
    laws = len(found.runs)
    equations = int(found.runs["structure"].nunique())
    groups = found.runs["group"].value_counts()
    own = int(groups[found.runs["group"].iloc[0]]) - 1
    ways = "one way" if len(groups) == 1 else f"{len(groups)} ways"
    different = "1 different equation" if equations == 1 else f"{equations} different equations"
    sentence = (
        f"Apart from their numbers these {laws} laws are {different}, and {ways} to decide, if two "
        f"laws count as one that agree on {found.config.same:.0%} of the held-out cells; {own} of "
        "the others decide as the study's own does."
    )
    severity: Severity = "fine" if own >= OFTEN * (laws - 1) else "note"
    numbers = {
        "laws": float(laws),
        "equations": float(equations),
        "ways to decide": float(len(groups)),
        "others that decide as the study's own": float(own),
    }
    return Finding("stability: laws", severity, sentence, (), numbers)


def _accuracy(found: Stability) -> Finding:
    own, others = found.runs["balanced_accuracy"].iloc[0], found.runs["balanced_accuracy"].iloc[1:]
    low, middle, high = others.min(), others.median(), others.max()
    sentence = (
        f"The balanced accuracy of the others on held-out cells is {low:.2f} to {high:.2f}, median "
        f"{middle:.2f}; that of the study's own law is {own:.2f}."
    )
    alike = set(found.engines) == set(found.config.engines)
    lucky = bool(own > high) and len(others) > 2 and alike
    if lucky:
        sentence += " It is the best of all: part of that is luck."
    elif not alike:
        sentence += (
            f" It was found by {' and '.join(found.engines)}, the others by "
            f"{' and '.join(found.config.engines)}."
        )
    shares = variance_shares(found.runs.iloc[1:])
    several = {name: share for name, share in shares.items() if np.isfinite(share)}
    if len(several) > 1:
        parts = [f"{share:.0%} between {name}" for name, share in several.items()]
        sentence += f" Of the variance of these numbers, {listed(parts)}."
    numbers: dict[str, float | None] = {
        "the study's own": float(own), "lowest": float(low), "median": float(middle),
        "highest": float(high),
        **{f"share of the variance between {name}": share for name, share in several.items()},
    }  # fmt: skip
    return Finding("stability: accuracy", "note" if lucky else "fine", sentence, (), numbers)


def variance_shares(runs: pd.DataFrame, of: str = "balanced_accuracy") -> dict[str, float]:
    """Tell where the variance of the laws' accuracy comes from, by a nested analysis of variance.

    Parameters
    ----------
    runs
        As many networks for each VAE, and as many searches for each of these; without the study's
        own law.
    of
        The column that varies.

    Returns
    -------
    dict
        Shares that add up to 1 between ``VAEs``, between ``networks`` of one VAE, and between
        ``searches`` for one set of networks; negative estimates count as 0. NaN where there is
        only one of a kind, whose variance is then in what is above; all NaN if nothing varies.
    """
    levels = ["vae", "networks", "search"]
    shape = tuple(int(runs[level].nunique()) for level in levels)
    _, networks, searches = shape
    table = runs.sort_values(levels)[of].to_numpy(np.float64).reshape(shape)

    def spread(of: NDArray[np.float64], axis: int) -> float:
        return float(of.var(axis=axis, ddof=1).mean()) if of.shape[axis] > 1 else np.nan

    # variance of means contains that of what the means are of, by their number
    search = spread(table, 2)
    network = spread(table.mean(axis=2), 1) - np.nan_to_num(search) / searches
    below = np.nan_to_num(network) / networks + np.nan_to_num(search) / (networks * searches)
    vae = spread(table.mean(axis=(1, 2)), 0) - below
    found = {"VAEs": vae, "networks": network, "searches": search}
    found = {name: max(each, 0.0) if np.isfinite(each) else np.nan for name, each in found.items()}
    total = np.nansum(list(found.values()))
    return {name: each / total if total > 0 else np.nan for name, each in found.items()}


def _vaes(found: Stability) -> list[Finding]:
    like, others = found.likeness, int(found.runs["vae"].max())
    if like is None:
        return []
    where = "the other VAE" if others == 1 else f"each of the {others} other VAEs"
    sentence = (
        f"Of the {like.active} active latents, {like.everywhere} have their like in {where} "
        f"(Spearman's correlation {SAME:g} or more). The unsupervised disentanglement ranking, 1 "
        f"if each latent is like one of another VAE and unlike the rest, is {like.own:.2f}; of "
        f"{'the other' if others == 1 else 'the others'} it is {like.others:.2f}."
    )
    severity: Severity = "fine" if like.everywhere >= OFTEN * like.active else "note"
    numbers: dict[str, float | None] = {
        "active latents": float(like.active),
        "found by all VAEs": float(like.everywhere),
        "unsupervised disentanglement ranking": like.own,
        "the same of the others": like.others,
    }
    return [Finding("stability: VAEs", severity, sentence, (), numbers)]


def _starts(found: Stability) -> list[Finding]:
    if found.taken_over:
        sentence = (
            "The VAE was taken over and not trained here, so only networks and searches were begun "
            "anew: whether another VAE would find the same latents is not known."
        )
    elif found.runs["vae"].max() == 0:
        sentence = "Only networks and searches were begun anew, and no other VAE was trained."
    elif found.same_start:
        sentence = (
            "All VAEs start from the same weights and differ in what they were shown when: they "
            "find the same latents more easily than VAEs that start from nothing."
        )
    else:
        return []
    return [Finding("stability: starts", "note", sentence)]
