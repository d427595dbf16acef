"""Which equation of a front to use, unless a person decides."""

from collections.abc import Sequence

from napari_parsimony.symbolic.front import Candidate


def one_standard_error(candidates: Sequence[Candidate]) -> int:
    """Index of the smallest equation within one standard error of the best.

    The rule of Breiman, Friedman, Olshen & Stone (1984) on the validation loss; the standard error
    is that of the best equation, with cells clustered by group.
    """
    best = min(candidates, key=lambda candidate: (candidate.validation_loss, candidate.size))
    limit = best.validation_loss + best.validation_error
    fine = [i for i, candidate in enumerate(candidates) if candidate.validation_loss <= limit]
    return min(fine, key=lambda i: (candidates[i].size, candidates[i].validation_loss))
