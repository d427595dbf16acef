"""Which equation of a front to use, unless a person decides."""

import math
from collections.abc import Sequence
from itertools import pairwise

from napari_parsimony.symbolic.class_scores import expressions_of
from napari_parsimony.symbolic.front import Candidate, Front


def chance(candidate: Candidate) -> float:
    """Balanced accuracy of saying the same of all cells."""
    return 1 / max(2, len(expressions_of(candidate.expression)))


def one_standard_error(candidates: Sequence[Candidate]) -> int:
    """Index of the smallest equation within one standard error of the best.

    The rule of Breiman, Friedman, Olshen & Stone (1984) on the validation loss, with the standard
    error of the difference to the best, cell by cell: all equations find the same cells hard, so
    that the error of a mean loss, from a few movies, would let nearly any of them pass.

    Where cells are few, one standard error may cover equations that decide no better than a coin.
    They are left out if the interval of the balanced accuracy of another within it is above
    chance: hardly worse than the best is no merit without that. If there is no such equation,
    only those worse than chance are left out.
    """
    fine = as_good_as_the_best(candidates)
    level = chance(candidates[0])
    clear = [i for i in fine if _at_least(candidates[i]) > level]
    fine = clear or [i for i in fine if candidates[i].balanced_accuracy >= level] or fine
    return min(fine, key=lambda i: (candidates[i].size, candidates[i].validation_loss))


def _at_least(candidate: Candidate) -> float:
    """Lower end of the interval of the balanced accuracy; of a single group the accuracy itself."""
    interval = candidate.balanced_accuracy_interval
    return candidate.balanced_accuracy if interval is None else interval[0]


def as_good_as_the_best(candidates: Sequence[Candidate]) -> list[int]:
    """Give the indices of all within one standard error of the best, itself included."""
    best = min(candidate.validation_loss for candidate in candidates)
    return [
        i
        for i, candidate in enumerate(candidates)
        if candidate.validation_loss - best <= candidate.excess_error
    ]


def with_choice(front: Front, size: int | None) -> Front:
    """Use the largest equation of a front that is no larger than this; None: the one of the rule.

    The smallest is used where all are larger.
    """
    if size is None:
        return front.choose(one_standard_error(front.candidates))
    small = [i for i, candidate in enumerate(front.candidates) if candidate.size <= size]
    return front.choose(max(small, key=lambda i: front.candidates[i].size, default=0))


def good_laws(front: Front) -> list[int]:
    """Give the indices of laws as good as the best, that of the equation in use first.

    Those with an equation of the front within one standard error of the best; then others that
    fit as well as the equation in use. The smaller and worse of the front are left
    out.
    """
    fine = set(as_good_as_the_best(front.candidates)) | {front.chosen}
    good = [i for i, law in enumerate(front.laws) if not law.members or fine & set(law.members)]
    return sorted(
        good,
        key=lambda i: (
            front.chosen not in front.laws[i].members,
            not front.laws[i].members,
            -len(front.laws[i].found_by),
        ),
    )


def pysr_scores(candidates: Sequence[Candidate]) -> list[float]:
    """Tell how much each equation of a front gains over the next smaller one, for its size.

    The score of PySR (Cranmer 2023, arXiv 2305.01582): how fast the logarithm of the training loss
    falls with the size, -Δ ln(loss) / Δ size; 0 for the smallest. It tells where a front bends, and
    knows nothing of cells that the numbers were not fitted to.
    """
    scores = [0.0]
    for before, after in pairwise(candidates):
        fall = math.inf
        if after.train_loss > 0:
            fall = math.log(before.train_loss / after.train_loss)
        scores.append(fall / (after.size - before.size))
    return scores[: len(candidates)]
