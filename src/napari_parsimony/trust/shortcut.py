"""Whether a law rests on short-cuts: on what is not the central cell.

A short-cut (Geirhos et al. 2020, arXiv 2004.07780) has to be offered, by traits from which the
class can be told, and taken, by a score that moves with these traits among cells of one class.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import Finding, Severity
from napari_parsimony.trust.regress import Floats, Rows, predict, predict_class
from napari_parsimony.trust.resample import Measured, in_numbers, resampled
from napari_parsimony.trust.subject import Subject
from napari_parsimony.trust.traits import (
    BRIGHTNESS,
    CENTRAL,
    ELSEWHERE,
    IMAGING,
    NEIGHBOURHOOD,
    POSITION,
)

OFFERED = 0.6
"""Balanced accuracy, of two classes, from which traits alone tell the class."""

TAKEN = 0.1
"""Share of the score's variance within classes that the traits must explain, for an alarm."""

THROUGH = 0.15
"""Share of the score's variance that must come through latents of the group, for an alarm."""

PLAIN = 0.2
"""Share within classes that is alarming whatever the latents mean."""

SLIGHT = 0.03
"""Share within classes that is worth a word."""

AS_GOOD = 0.05
"""In balanced accuracy: brightness that comes so near to the law does as well."""

GAP = 0.1
"""In balanced accuracy, between groups that were learned from and those held out: with few groups
held out, intervals are too narrow to tell."""

SHUFFLES = 20
SHOWN = 50
MANY = 4

WHAT = {
    POSITION: "where the cell lies in its crop or image",
    NEIGHBOURHOOD: "what lies around the cell",
    IMAGING: "brightness or imaging",
}

Bools = NDArray[np.bool_]


def check_shortcuts(subject: Subject, meanings: pd.DataFrame, config: TrustConfig) -> list[Finding]:
    """Look for a short-cut in each group of traits that is not the central cell.

    Parameters
    ----------
    subject
        The law and its cells.
    meanings
        From `meaning.explain`.
    config
        Resamples, confidence and seed.
    """
    findings = []
    for group in ELSEWHERE:
        names = meanings.loc[meanings["group"] == group, "latent"]
        latents = [name for name in subject.reads if name in set(names)]
        findings.append(_check(subject, group, latents, config))
    return findings


def _check(subject: Subject, group: str, latents: list[str], config: TrustConfig) -> Finding:
    through = share_through(subject, latents, config.seed)
    taken, push = explained_within(subject, group, config)
    learned, held_out = told_apart(subject, subject.values(group), config)
    chance = 1 / len(subject.classes)
    offered = _offered(_seen(learned, held_out), chance)
    used = taken.low > 0 and (taken.value >= PLAIN or (taken.value >= TAKEN and through >= THROUGH))
    trap = (
        offered
        and not _offered(held_out, chance)
        and held_out.high < learned.low
        and learned.value - held_out.value >= GAP
    )
    unclear = not used and taken.high >= PLAIN
    severity: Severity = "fine"
    if (used and offered) or trap:
        severity = "alarm"
    elif used or offered or unclear:
        severity = "note"
    rows = np.argsort(-push)[:SHOWN] if used else np.empty(0, np.intp)
    numbers = {
        "share of the score through latents of the group": through,
        **in_numbers("share within classes that the traits explain", taken),
        **in_numbers("balanced accuracy by the traits, other groups", learned),
        **in_numbers("balanced accuracy by the traits, held-out groups", held_out),
        "chance": chance,
    }
    sentence = _sentence(subject, group, latents, taken, learned, held_out, severity, used, offered)
    return Finding(f"short-cut: {group}", severity, sentence, subject.keys_of(rows), numbers)


def _sentence(
    subject: Subject,
    group: str,
    latents: list[str],
    taken: Measured,
    learned: Measured,
    held_out: Measured,
    severity: Severity,
    used: bool,
    offered: bool,
) -> str:
    what = WHAT[group]
    if used:
        return _rests(subject, what, latents, taken, learned, held_out, severity)
    if taken.low > 0 and taken.value >= SLIGHT:
        rests = (
            f"rests on {what} in part only ({100 * taken.value:.0f} % of the score among cells of "
            "one class)"
        )
    elif taken.high < PLAIN:
        rests = f"does not rest on {what}"
    else:
        rests = f"may or may not rest on {what}: the held-out cells are too few to tell"
    if severity == "fine" or not offered:
        return f"The decision {rests}."
    if severity == "alarm":
        words = f"{subject.group_word}s"
        return (
            f"There is a short-cut in the {words} that were learned from: {what} alone tells their "
            f"classes apart (balanced accuracy {learned.value:.2f}), but not those of the {words} "
            f"held out ({held_out.value:.2f}). The decision {rests}; other networks may take it."
        )
    return (
        f"The class can be told by {what} alone (balanced accuracy "
        f"{_seen(learned, held_out).value:.2f}); the decision {rests}."
    )


def _rests(
    subject: Subject,
    what: str,
    latents: list[str],
    taken: Measured,
    learned: Measured,
    held_out: Measured,
    severity: Severity,
) -> str:
    words = f"{subject.group_word}s"
    through = f" (through {_listed(latents)})" if latents else ""
    text = (
        f"The decision rests on {what}{through}, which explains {100 * taken.value:.0f} % of the "
        "score among cells of one class"
    )
    saw = _seen(learned, held_out)
    if severity == "note" and saw.high < 1 / len(subject.classes) + (OFFERED - 0.5):
        return f"{text}, though the class cannot be told by it: it is noise in the law."
    if severity == "note":
        return (
            f"{text}. Whether the class can be told by it is uncertain (balanced accuracy "
            f"{saw.value:.2f}, {saw.low:.2f} to {saw.high:.2f})."
        )
    if held_out.high < learned.low:
        return (
            f"{text}. Alone it tells the classes apart in the {words} that were learned from "
            f"(balanced accuracy {learned.value:.2f}) but not in those held out "
            f"({held_out.value:.2f}): it is a short-cut, not biology."
        )
    return (
        f"{text}. Alone it tells the classes apart with a balanced accuracy of "
        f"{saw.value:.2f}: make sure that this is biology, and not how the images were made or "
        "chosen."
    )


def _listed(latents: list[str]) -> str:
    return ", ".join(latents) if len(latents) <= MANY else f"{len(latents)} of its latents"


def check_brightness(
    subject: Subject, meanings: pd.DataFrame, config: TrustConfig
) -> list[Finding]:
    """Tell the class by brightness alone, where crops keep it: the crop's maximum, the cell's mean.

    The mean of the whole crop would also tell how large the cell is.
    """
    if not subject.brightness_kept:
        return []
    values = subject.traits[list(BRIGHTNESS)].to_numpy(np.float64)
    _, told = told_apart(subject, values, config)
    rows, scores = subject.plan.held_out, subject.scores()
    said = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(np.intp)
    law = balanced(said, subject, rows, config)
    chance = 1 / len(subject.classes)
    known = _offered(told, chance)
    as_good = known and told.value >= law.value - AS_GOOD
    severity: Severity = "alarm" if as_good else "note" if known else "fine"
    word = subject.group_word
    text = f"a balanced accuracy of {told.value:.2f} on held-out {word}s"
    sentence = {
        "alarm": f"Brightness alone (the crop's maximum and the cell's mean) has {text}, the law "
        f"{law.value:.2f}: make crops with 'normalisation' percentile to see what else decides.",
        "note": f"Brightness alone has {text}, less than the law ({law.value:.2f}).",
        "fine": "The class cannot be told by brightness alone.",
    }[severity]
    numbers = {
        **in_numbers("balanced accuracy by brightness", told),
        **in_numbers("balanced accuracy of the law", law),
    }
    return [Finding("brightness alone", severity, sentence, (), numbers)]


def share_through(subject: Subject, latents: list[str], seed: int = 0) -> float:
    """Share of the score's variance, over held-out cells, that comes through some latents.

    The total Sobol index of the group by Jansen's estimator (1999, Comput. Phys. Commun. 117:35):
    how much the score moves when these latents are dealt out anew among the cells, together.
    """
    if not latents:
        return 0.0
    z = subject.latents[subject.plan.held_out].reset_index(drop=True)
    scores = subject.scores(z)
    spread = np.nanvar(scores, axis=0).sum()
    rng = np.random.default_rng(seed)
    moves = []
    for _ in range(SHUFFLES):
        dealt = z.copy()
        dealt[latents] = z[latents].to_numpy()[rng.permutation(len(z))]
        moves.append(np.nanmean((subject.scores(dealt) - scores) ** 2, axis=0).sum() / 2)
    return float(np.mean(moves) / spread) if spread > 0 else 0.0


def explained_within(subject: Subject, group: str, config: TrustConfig) -> tuple[Measured, Floats]:
    """Share of the score's variance within classes that a group's traits explain.

    On held-out cells: how much better the score is predicted from class, central cell and these
    traits than from class and central cell, divided by its variance within classes.

    Returns
    -------
    share, push
        With its interval; and (N,) how far these traits move the score of each cell, 0 for cells
        that are not held out.
    """
    plan, scores = subject.plan, subject.scores()
    decided = np.asarray(np.isfinite(scores).all(axis=1))
    scores = np.where(decided[:, None], scores, 0.0)
    classes = np.eye(len(subject.classes))[subject.target]
    central = np.concatenate([classes, subject.values(CENTRAL)], axis=1)
    both = np.concatenate([central, subject.values(group)], axis=1)
    fits = [predict(values, scores, plan) for values in (classes, central, both)]
    rows = np.flatnonzero(plan.held_out & decided)
    errors = [((scores[rows] - fit[rows]) ** 2).sum(axis=1) for fit in fits]
    number = plan.groups.max() + 1
    within, without, with_it = (np.bincount(plan.groups[rows], each, number) for each in errors)

    def metric(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):  # cells of a class are all alike
            return np.asarray((weights @ (without - with_it)) / (weights @ within))

    share = resampled(metric, plan.groups[rows], number, config)
    push = np.zeros(len(scores))
    push[rows] = np.abs(fits[2][rows] - fits[1][rows]).sum(axis=1)
    return share, push


def told_apart(subject: Subject, values: Floats, config: TrustConfig) -> tuple[Measured, Measured]:
    """Balanced accuracy with which traits alone tell the class, by group.

    Returns
    -------
    learned, held_out
        Of the cells that models were made from, cross-validated, NaN if there are none; and of the
        others.
    """
    said = predict_class(values, subject.target, subject.plan)
    learned, held_out = (
        balanced(said, subject, rows, config)
        for rows in (~subject.plan.held_out, subject.plan.held_out)
    )
    return learned, held_out


def balanced(said: Rows, subject: Subject, which: Bools, config: TrustConfig) -> Measured:
    """Balanced accuracy of what is said of some cells."""
    rows, groups = np.flatnonzero(which), subject.plan.groups
    number = groups.max() + 1
    right, every = [], []
    for kind in range(len(subject.classes)):
        members = rows[subject.target[rows] == kind]
        right.append(np.bincount(groups[members[said[members] == kind]], minlength=number))
        every.append(np.bincount(groups[members], minlength=number))

    def metric(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(
                np.mean(
                    [(weights @ a) / (weights @ b) for a, b in zip(right, every, strict=True)],
                    axis=0,
                )
            )

    return resampled(metric, groups[rows], number, config)


def _offered(told: Measured, chance: float) -> bool:
    """Whether the class can be told: better than chance for certain, and by enough to matter."""
    return told.low > chance and told.value >= chance + (OFFERED - 0.5)


def _seen(learned: Measured, held_out: Measured) -> Measured:
    """Tell what models could see of it: what the cells say that they were made from, if any."""
    return learned if np.isfinite(learned.value) else held_out
