"""The law in words, each clause checked on real cells that no model has seen."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression

from napari_parsimony import bootstrap
from napari_parsimony.trust.adjectives import words
from napari_parsimony.trust.config import TrustConfig
from napari_parsimony.trust.findings import LAW, Finding, listed
from napari_parsimony.trust.morphology import LEAST as FOLLOWS
from napari_parsimony.trust.regress import Floats
from napari_parsimony.trust.resample import Measured, in_numbers, resampled
from napari_parsimony.trust.subject import Subject

STEADY = 0.5
"""Rank correlation of a latent with its own effect from which the effect has a direction."""

MOST = 4
FITS = 100  # resamples of a logistic regression, each of which is a fit


class Clause(NamedTuple):
    """What the law says of one trait of the cells of one class.

    Attributes
    ----------
    trait, more
        The trait, and whether these cells have more of it.
    latents
        Through which the law reads it.
    weight
        How far the latents move the score.
    difference
        Mean of the class minus that of others, in standard deviations.
    follows
        Spearman's correlation of the trait with the score.
    """

    trait: str
    more: bool
    latents: tuple[str, ...]
    weight: float
    difference: Measured
    follows: Measured


def check_law(subject: Subject, meanings: pd.DataFrame, config: TrustConfig) -> list[Finding]:
    """Say the law in words.

    A latent is spoken of by the trait that it follows, if its effect on the score has a direction.
    Two latents that turn together with the crop are spoken of by the radius of their circle. Of a
    clause both must hold on the held-out cells, with intervals that leave 0 out: cells of the
    class have more (or less) of the trait than others, and the score rises (or falls) with it.
    What does not hold is left out, and so is what says nothing of the class beside the other
    clauses, in a logistic regression on all their traits.

    Of two traits in one term it is also said that more of one makes up for less of the other.
    """
    sentences: list[str] = []
    numbers: dict[str, float | None] = {}
    shown = range(1, 2) if len(subject.classes) == 2 else range(len(subject.classes))
    for kind in shown:
        name = subject.classes[kind]
        clauses = sorted(_clauses(subject, meanings, kind, config), key=lambda c: -c.weight)[:MOST]
        clauses, weights = _of_themselves(subject, kind, clauses, config)
        if not clauses:
            sentences.append(f"{name}: nothing that is measured says what the law reads")
            continue
        said = [words(c.trait)[1 if c.more else 0] for c in clauses]
        text = f"{name}: {listed(said)}"
        for clause, weight in zip(clauses, weights, strict=True):
            about = f"{name}, {clause.trait}"
            numbers |= in_numbers(f"{about}: weight beside the others", weight)
            numbers |= in_numbers(f"{about}: difference in SD", clause.difference)
            numbers |= in_numbers(f"{about}: correlation with the score", clause.follows)
        for one, other in _joined(subject, clauses):
            text += (
                f"; the {words(one.trait)[3 if one.more else 2]}, the less "
                f"{words(other.trait)[1 if other.more else 0]} it has to be"
            )
        sentences.append(text)
    return [Finding(LAW, "fine", ". ".join(sentences) + ".", (), numbers)]


def _clauses(
    subject: Subject, meanings: pd.DataFrame, kind: int, config: TrustConfig
) -> Iterator[Clause]:
    rows, column = np.flatnonzero(subject.plan.held_out), 0 if len(subject.classes) == 2 else kind
    z = subject.latents.iloc[rows].reset_index(drop=True)
    odds = subject.scores(z)[:, column]
    said: dict[str, Clause] = {}
    for latents, value, trait, r in _readings(subject, meanings, z):
        still = z.assign(**{name: z[name].median() for name in latents})
        move = odds - subject.scores(still)[:, column]
        steady = _spearman(value, move)
        if not (abs(steady) >= STEADY and abs(r) >= FOLLOWS):
            continue
        more, weight = bool(steady * r > 0), float(np.nanstd(move) * abs(r))
        measured = subject.traits[trait].to_numpy(np.float64)[rows]
        member = subject.target[rows] == kind
        difference = _difference(measured, member, subject, rows, config)
        follows = _follows(measured, odds, subject, rows, config)
        sign = 1 if more else -1
        holds = all(
            min(sign * each.low, sign * each.high) > 0 for each in (difference, follows)
        )  # False where there is no interval
        if not holds:
            continue
        if trait in said:
            latents = (*said[trait].latents, *latents)
            weight += said[trait].weight
        said[trait] = Clause(trait, more, latents, weight, difference, follows)
    yield from said.values()


def _readings(
    subject: Subject, meanings: pd.DataFrame, z: pd.DataFrame
) -> Iterator[tuple[tuple[str, ...], Floats, str, float]]:
    """Latents that are spoken of together, their value, the trait it follows, and how closely."""
    paired = {name for pair in subject.pairs for name in pair}
    named = zip(meanings["latent"], meanings["trait"], meanings["r"], strict=True)
    for latent, trait, r in named:
        if latent in subject.reads and latent not in paired and trait:
            yield (latent,), z[latent].to_numpy(np.float64), trait, float(r)
    traits = subject.traits[subject.plan.held_out]
    for pair in subject.pairs:
        if set(pair) & set(subject.reads) and set(pair) <= set(z):
            radius = np.hypot(*((z[name] - z[name].mean()).to_numpy() for name in pair))
            found = {str(name): _spearman(radius, traits[name].to_numpy()) for name in traits}
            trait = max(found, key=lambda name: np.nan_to_num(abs(found[name])))
            yield tuple(name for name in pair if name in subject.reads), radius, trait, found[trait]


def _spearman(one: NDArray, other: NDArray) -> float:
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 3 or np.ptp(one[known]) == 0 or np.ptp(other[known]) == 0:
        return 0.0
    return float(stats.spearmanr(one[known], other[known]).statistic)


def _difference(
    values: Floats, member: NDArray[np.bool_], subject: Subject, rows: NDArray, config: TrustConfig
) -> Measured:
    groups, number = subject.plan.groups[rows], subject.plan.groups.max() + 1
    scaled = (values - values.mean()) / (values.std() or 1.0)
    sums = [
        (np.bincount(groups[each], scaled[each], number), np.bincount(groups[each], None, number))
        for each in (member, ~member)
    ]

    def metric(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            here, there = ((weights @ total) / (weights @ count) for total, count in sums)
            return np.asarray(here - there)

    return resampled(metric, groups, number, config)


def _follows(
    values: Floats, odds: Floats, subject: Subject, rows: NDArray, config: TrustConfig
) -> Measured:
    known = np.isfinite(odds)
    groups, number = subject.plan.groups[rows][known], subject.plan.groups.max() + 1
    x, y = (stats.rankdata(each[known]) / known.sum() - 0.5 for each in (values, odds))
    sums = [np.bincount(groups, each, number) for each in (x, y, x * x, y * y, x * y)]
    count = np.bincount(groups, minlength=number)

    def metric(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            x, y, xx, yy, xy = ((weights @ each) / (weights @ count) for each in sums)
            return np.asarray((xy - x * y) / np.sqrt((xx - x**2) * (yy - y**2)))

    return resampled(metric, groups, number, config)


def _joined(subject: Subject, clauses: list[Clause]) -> Iterator[tuple[Clause, Clause]]:
    """Clauses of which the law has latents in one term."""
    for i, other in enumerate(clauses):
        for one in clauses[i + 1 :]:
            if any(
                set(one.latents) & set(t) and set(other.latents) & set(t) for t in subject.joint
            ):
                yield one, other


def _of_themselves(
    subject: Subject, kind: int, clauses: list[Clause], config: TrustConfig
) -> tuple[list[Clause], list[Measured]]:
    """Leave out, one by one, what says nothing of the class beside the other clauses."""
    while True:
        weights = _weights(subject, kind, clauses, config)
        lows = [weight.low if np.isfinite(weight.low) else -np.inf for weight in weights]
        if len(clauses) < 2 or min(lows) > 0:
            return clauses, weights
        least = int(np.argmin(lows))
        clauses = [clause for number, clause in enumerate(clauses) if number != least]


def _weights(
    subject: Subject, kind: int, clauses: list[Clause], config: TrustConfig
) -> list[Measured]:
    """Weights of the traits in a logistic regression of the class, above 0 as the law says."""
    if not clauses:
        return []
    rows = np.flatnonzero(subject.plan.held_out)
    values = subject.traits[[clause.trait for clause in clauses]].to_numpy(np.float64)[rows]
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    values *= [1 if clause.more else -1 for clause in clauses]
    member, groups = subject.target[rows] == kind, subject.plan.groups[rows]
    drawn, index = np.unique(groups, return_inverse=True)

    def fit(weights: Floats) -> Floats:
        model = LogisticRegression(class_weight="balanced")
        return np.asarray(model.fit(values, member, sample_weight=weights[index]).coef_[0])

    found = fit(np.ones(len(drawn)))
    draws = bootstrap.draw(len(drawn), FITS, config.seed)
    both = [draw for draw in draws if len(np.unique(member[draw[index] > 0])) == 2]
    samples = np.array([fit(draw) for draw in both]).reshape(-1, len(clauses))
    nothing = (np.nan, np.nan)
    enough = len(drawn) > 1 and len(both) >= FITS / 2
    bounds = [
        (bootstrap.interval(each, config.confidence) or nothing) if enough else nothing
        for each in samples.T
    ]
    return [Measured(float(v), *b) for v, b in zip(found, bounds, strict=True)]
